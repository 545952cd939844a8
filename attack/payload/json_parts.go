package payload

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// JSONPart is a piece of a JSON text: copied as it is, a string whose rendered
// template is quoted again, or a template without quotes, whose value stands as
// what it is.
type JSONPart struct {
	Text   Template
	Quoted bool
	Bare   bool
}

// ParseJSON cuts a JSON text at the strings that hold templates, and at
// templates that stand in place of a value, which JSON itself does not know:
// {"qty": {{ .qty }}}.
func ParseJSON(s string, d *Draw) ([]JSONPart, error) {
	var parts []JSONPart
	var plain strings.Builder // s with a value in place of each template
	from := 0                 // of what is not yet in a part
	cut := func(i, end int, p JSONPart) {
		parts = append(parts, JSONPart{Text: Template{literal: s[from:i]}}, p)
		from = end
	}
	for i := 0; i < len(s); {
		end := i + 1
		switch {
		case s[i] == '"':
			if end = stringEnd(s, i); end < 0 {
				return nil, notJSON(s)
			}
			var inner string
			if err := json.Unmarshal([]byte(s[i:end]), &inner); err != nil {
				return nil, fmt.Errorf("expected JSON: %w", err)
			}
			if strings.Contains(inner, "{{") {
				t, err := New(inner, d)
				if err != nil {
					return nil, err
				}
				cut(i, end, JSONPart{Text: t, Quoted: true})
			}
			plain.WriteString(s[i:end])
		case strings.HasPrefix(s[i:], "{{"):
			if end = TemplateEnd(s, i); end < 0 {
				return nil, errors.New(
					"expected JSON, found a template that is opened with {{ and never closed",
				)
			}
			t, err := New(s[i:end], d)
			if err != nil {
				return nil, err
			}
			cut(i, end, JSONPart{Text: t, Bare: true})
			plain.WriteByte('0')
		default:
			plain.WriteByte(s[i])
		}
		i = end
	}
	if !json.Valid([]byte(plain.String())) {
		return nil, notJSON(plain.String())
	}
	return append(parts, JSONPart{Text: Template{literal: s[from:]}}), nil
}

func notJSON(s string) error {
	var v any
	return fmt.Errorf("expected JSON: %w", json.Unmarshal([]byte(s), &v))
}

// QuoteTemplates makes JSON of a JSON text with templates in place of values, for callers that only
// look at its names.
func QuoteTemplates(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		end := i + 1
		switch {
		case s[i] == '"':
			if end = stringEnd(s, i); end < 0 {
				return s
			}
		case strings.HasPrefix(s[i:], "{{"):
			if end = TemplateEnd(s, i); end < 0 {
				return s
			}
			quoted, err := AppendJSON(nil, []byte(s[i:end]))
			if err != nil {
				return s
			}
			b.Write(quoted)
			i = end
			continue
		}
		b.WriteString(s[i:end])
		i = end
	}
	return b.String()
}

// stringEnd is where the JSON string that begins at i ends; below 0 if it does not.
func stringEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// TemplateEnd is the index behind the }} of the template that begins with {{ at s[i:]; below 0 if
// it is not closed. Strings within the template may hold braces.
func TemplateEnd(s string, i int) int {
	for i += len("{{"); i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			if i = stringEnd(s, i) - 1; i < 0 {
				return -1
			}
		case '`', '\'':
			n := strings.IndexByte(s[i+1:], c)
			if n < 0 {
				return -1
			}
			i += 1 + n
		case '}':
			if strings.HasPrefix(s[i:], "}}") {
				return i + len("}}")
			}
		}
	}
	return -1
}
