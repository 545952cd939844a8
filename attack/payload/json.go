package payload

import (
	"encoding/json"
	"unicode/utf8"
)

// AppendJSON quotes s as a JSON string.
func AppendJSON(b, s []byte) ([]byte, error) {
	if plainJSON(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"'), nil
	}
	w := appender(b)
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false) // a body is no web page: bytes as the file has them
	if err := enc.Encode(string(s)); err != nil {
		return b, err
	}
	return w[:len(w)-1], nil // without the encoder's line end
}

func plainJSON(s []byte) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		// The two line separators are escaped for the sake of JavaScript.
		if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return false
		}
		i += size
	}
	return true
}
