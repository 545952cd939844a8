package expect

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// Most paths lead to one node by names and indexes. For these, a body is not
// made a tree of, which costs some hundred allocations for a kilobyte: it is
// looked through once to see that it is JSON at all, and then once for each path.

// pathStep is one step of such a path: a name or an index.
type pathStep struct {
	name  string
	index int // -1: a name
}

// straightSteps returns the steps of a path that only goes forward by names and
// indexes.
func straightSteps(p *jsonpath.Path) (steps []pathStep, ok bool) {
	for _, segment := range p.Query().Segments() {
		selectors := segment.Selectors()
		if segment.IsDescendant() || len(selectors) != 1 {
			return nil, false
		}
		switch s := selectors[0].(type) {
		case spec.Name:
			steps = append(steps, pathStep{string(s), -1})
		case spec.Index:
			if s < 0 {
				return nil, false
			}
			steps = append(steps, pathStep{index: int(s)})
		default:
			return nil, false
		}
	}
	return steps, true
}

// walkJSON returns the text of the value that the steps lead to; nil if there is
// none. b must be valid JSON. Of members with one name the last counts, as
// encoding/json has it.
func walkJSON(b []byte, steps []pathStep) []byte {
	at := skipBlanks(b, 0)
	for _, s := range steps {
		var ok bool
		if s.index < 0 {
			at, ok = jsonMember(b, at, s.name)
		} else {
			at, ok = jsonElement(b, at, s.index)
		}
		if !ok {
			return nil
		}
	}
	return b[at:jsonEnd(b, at)]
}

// jsonMember returns where the value of an object's member begins.
func jsonMember(b []byte, at int, name string) (found int, ok bool) {
	if b[at] != '{' {
		return 0, false
	}
	for at = skipBlanks(b, at+1); b[at] != '}'; {
		end := jsonEnd(b, at)
		same := isText(b[at:end], name)
		at = skipBlanks(b, skipBlanks(b, end)+1) // over the colon
		if same {
			found, ok = at, true
		}
		if at = skipBlanks(b, jsonEnd(b, at)); b[at] == ',' {
			at = skipBlanks(b, at+1)
		}
	}
	return found, ok
}

// jsonElement returns where an array's element begins.
func jsonElement(b []byte, at, index int) (found int, ok bool) {
	if b[at] != '[' {
		return 0, false
	}
	for at = skipBlanks(b, at+1); b[at] != ']'; index-- {
		if index == 0 {
			return at, true
		}
		if at = skipBlanks(b, jsonEnd(b, at)); b[at] == ',' {
			at = skipBlanks(b, at+1)
		}
	}
	return 0, false
}

// skipBlanks returns where the next token begins.
func skipBlanks(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\t' || b[at] == '\r') {
		at++
	}
	return at
}

// jsonEnd returns where the value that begins at at ends.
func jsonEnd(b []byte, at int) int {
	switch b[at] {
	case '"':
		for at++; b[at] != '"'; at++ {
			if b[at] == '\\' {
				at++
			}
		}
		return at + 1
	case '{', '[':
		for depth := 0; ; at++ {
			switch b[at] {
			case '"':
				at = jsonEnd(b, at) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
		}
	}
	for at < len(b) {
		switch b[at] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return at
		}
		at++
	}
	return at
}

// isText says whether a JSON string, in its quotes, reads as s.
func isText(quoted []byte, s string) bool {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner) == s
	}
	var v string
	return json.Unmarshal(quoted, &v) == nil && v == s
}

// isValue says whether the text of a JSON value, without blanks around it, is
// worth v, which parseJSON made.
func isValue(text []byte, v any) bool {
	switch v := v.(type) {
	case nil:
		return text[0] == 'n'
	case bool:
		return text[0] == 't' && v || text[0] == 'f' && !v
	case string:
		return text[0] == '"' && isText(text, v)
	case json.Number:
		if c := text[0]; c != '-' && (c < '0' || c > '9') {
			return false
		}
		return string(text) == string(v) || decimalOf(string(text)) == decimalOf(string(v))
	}
	found, err := parseJSON(text)
	return err == nil && equalJSON(found, v)
}
