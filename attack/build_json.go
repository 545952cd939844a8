package attack

import (
	"encoding/json"
	"fmt"
	"strings"
)

// jsonPart is a piece of a JSON text: copied as it is, or a string whose
// rendered template is quoted again.
type jsonPart struct {
	text   text
	quoted bool
}

// newJSONParts cuts a JSON text at the strings that hold templates.
func newJSONParts(s string, d *draw) ([]jsonPart, error) {
	if !json.Valid([]byte(s)) {
		var v any
		return nil, fmt.Errorf("expected JSON: %w", json.Unmarshal([]byte(s), &v))
	}
	var parts []jsonPart
	from := 0 // of what is not yet in a part
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		end := i + 1
		for ; s[end] != '"'; end++ {
			if s[end] == '\\' {
				end++
			}
		}
		var inner string
		if err := json.Unmarshal([]byte(s[i:end+1]), &inner); err != nil {
			return nil, err
		}
		if strings.Contains(inner, "{{") {
			t, err := newTemplate(inner, d)
			if err != nil {
				return nil, err
			}
			parts = append(parts, jsonPart{text: text{literal: s[from:i]}}, jsonPart{text: t, quoted: true})
			from = end + 1
		}
		i = end
	}
	return append(parts, jsonPart{text: text{literal: s[from:]}}), nil
}

// appendParts adds a JSON text to b.
func (k *kit) appendParts(b []byte) ([]byte, error) {
	for i := range k.json {
		p := &k.json[i]
		if !p.quoted {
			b = append(b, p.text.literal...)
			continue
		}
		var err error
		if k.value, err = p.text.append(k.value[:0], &k.row); err != nil {
			return b, err
		}
		if b, err = appendJSON(b, k.value); err != nil {
			return b, err
		}
	}
	return b, nil
}
