package strictyaml

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// JSON writes a node as JSON text, with the keys in their order. Variables are put
// in, see Expand. What is left out of a text that could not be written is as well
// as possible, so that other mistakes in it are found.
func (d *Decoder) JSON(n *Node, vars string) (text string, ok bool) {
	var b bytes.Buffer
	ok = d.writeJSON(&b, n, vars)
	return b.String(), ok
}

func (d *Decoder) writeJSON(b *bytes.Buffer, n *Node, vars string) bool {
	if !d.visit() {
		return false
	}
	switch n.Kind {
	case Null:
		b.WriteString("null")
	case Bool:
		b.WriteString(n.Text)
	case Number:
		number, ok := numberInJSON(n.Text)
		if !ok {
			d.Failf(n.Span,
				"write it in decimal digits, or in quotes if it is meant as text",
				"json: expected a number as JSON has it, found %s", n.Text)
		}
		b.WriteString(number)
		return ok
	case Text:
		return d.jsonText(b, n, vars)
	case List:
		ok := true
		for i, item := range n.Items {
			b.WriteString([]string{"[", ","}[min(i, 1)])
			ok = d.writeJSON(b, item, vars) && ok
		}
		if len(n.Items) == 0 {
			b.WriteByte('[')
		}
		b.WriteByte(']')
		return ok
	case Map:
		ok := true
		b.WriteByte('{')
		for i, e := range n.Entries {
			if i > 0 {
				b.WriteByte(',')
			}
			if !d.room(e.Key.Span, len(e.Key.Text)) {
				return false
			}
			WriteJSONText(b, e.Key.Text)
			b.WriteByte(':')
			ok = d.writeJSON(b, e.Value, vars) && ok
		}
		b.WriteByte('}')
		return ok
	}
	return true
}

// jsonText writes a text, or what it stands for if it has no quotes.
func (d *Decoder) jsonText(b *bytes.Buffer, n *Node, vars string) bool {
	x, ok := d.Expand(n, vars)
	number, isNumber := numberInJSON(n.Text)
	end := d.grammar.TemplateEnd
	switch {
	case n.Plain && isNumber: // 1e3, which the YAML library takes for a text
		b.WriteString(number)
	case n.Plain && vars != "" && end != nil && strings.HasPrefix(x.Text, "{{") && end(x.Text, 0) == len(x.Text):
		b.WriteString(x.Text) // qty: {{ .qty }} is what the value is, qty: "{{ .qty }}" a text
	case n.Plain && x.Text != n.Text && (x.Text == "true" || x.Text == "false" || jsonNumber(x.Text)):
		b.WriteString(x.Text) // qty: ${QTY} is a number, qty: "${QTY}" a text
	default:
		WriteJSONText(b, x.Text)
	}
	return ok
}

func jsonNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

// WriteJSONText writes a text as JSON, with <, > and & as they are: who reads it
// gets what the file says.
func WriteJSONText(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("strictyaml: a text could not be written as JSON: " + err.Error())
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
}

var yamlFloat = regexp.MustCompile(`^([-+]?)(\.[0-9]+|[0-9]+(?:\.[0-9]*)?)((?:[eE][-+]?[0-9]+)?)$`)

// numberInJSON writes a number as YAML 1.2 has it, such as 1e3, .5, +1 or 0x1F, as
// JSON has it; false if it is none, or none that JSON can say.
func numberInJSON(s string) (string, bool) {
	if s == "" || strings.Trim(s, "0123456789.+-eExoabcdfABCDF") != "" {
		return "", false
	}
	if json.Valid([]byte(s)) && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') {
		return s, true
	}
	for prefix, base := range map[string]int{"0x": 16, "0o": 8} {
		if digits, ok := strings.CutPrefix(s, prefix); ok {
			n, err := strconv.ParseUint(digits, base, 64)
			return strconv.FormatUint(n, 10), err == nil
		}
	}
	m := yamlFloat.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	number := strings.TrimSuffix(m[2], ".")
	if strings.HasPrefix(number, ".") {
		number = "0" + number
	}
	out := strings.TrimPrefix(m[1], "+") + number + m[3]
	return out, json.Valid([]byte(out))
}
