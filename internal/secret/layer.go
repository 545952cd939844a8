package secret

import (
	"html"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A server that echoes a secret may put it into JSON, that into a text of JSON,
// and that into a query or a page. There are too many such spellings to list them,
// so it is the other way round: a text is read as each of them, and again what
// comes of that, and the secret is looked for in what it means.

// How deep texts are read, and how long one that is may be, in bytes.
const (
	maxLayers = 3
	maxLayer  = 64 << 10
)

// layer is what a text means.
type layer struct {
	text string
	at   []int // of each byte, and of the end: where in the text as it stands
}

// decoder reads one character that is escaped: what it means and its length, 0 if
// it is not escaped.
type decoder func(s string) (means string, n int)

// decoders are the ways to escape a character, and where one of them was cut off
// at the end of a text.
var decoders = []struct {
	signs  string // one of them begins every escape; empty: anything above ASCII
	decode decoder
	cut    *regexp.Regexp
}{
	{`\`, backslash, regexp.MustCompile(`\\(u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(\\(u[0-9a-fA-F]{0,3})?)?|x[0-9a-fA-F]?)?$`)},
	{"%", percent, regexp.MustCompile(`%[0-9a-fA-F]?$`)},
	{"%+", percentOrPlus, regexp.MustCompile(`%[0-9a-fA-F]?$`)},
	{"&", entity, regexp.MustCompile(`&[#0-9a-zA-Z]{0,9}$`)},
	{"", latin1, regexp.MustCompile(`\xc2?\xc3?$`)},
}

// layers iterates over all that s may mean, but for s itself. With cut, s was cut
// off, maybe within an escape, which is left out.
func layers(s string, cut bool) iter.Seq[layer] {
	return func(yield func(layer) bool) {
		if len(s) > maxLayer {
			return
		}
		first := layer{s, make([]int, len(s)+1)}
		for i := range first.at {
			first.at[i] = i
		}
		seen := map[string]bool{s: true}
		next := []layer{first}
		for range maxLayers {
			below := next
			next = nil
			for _, l := range below {
				for _, d := range decoders {
					if d.signs != "" && !strings.ContainsAny(l.text, d.signs) {
						continue
					}
					text := l.text
					if cut {
						text = d.cut.ReplaceAllString(text, "")
					}
					out := l.decoded(text, d.decode)
					if seen[out.text] {
						continue
					}
					seen[out.text] = true
					if !yield(out) {
						return
					}
					next = append(next, out)
				}
			}
		}
	}
}

// decoded decodes text, with which l begins.
func (l layer) decoded(text string, f decoder) layer {
	var b strings.Builder
	var at []int
	for i := 0; i < len(text); {
		means, n := f(text[i:])
		if n == 0 {
			means, n = text[i:i+1], 1
		}
		b.WriteString(means)
		for range len(means) {
			at = append(at, l.at[i])
		}
		i += n
	}
	return layer{b.String(), append(at, l.at[len(l.at)-1])}
}

func backslash(s string) (string, int) {
	if len(s) < 2 || s[0] != '\\' {
		return "", 0
	}
	switch c := s[1]; c {
	case '"', '\\', '/', '\'':
		return s[1:2], 2
	case 'n', 'r', 't', 'b', 'f':
		return string("\n\r\t\b\f"[strings.IndexByte("nrtbf", c)]), 2
	case 'x':
		if v, ok := hex(s, 2, 2); ok {
			return string([]byte{byte(v)}), 4
		}
	case 'u':
		hi, ok := hex(s, 2, 4)
		if !ok {
			return "", 0
		}
		if utf16.IsSurrogate(hi) && len(s) > 7 && s[6:8] == `\u` {
			if lo, ok := hex(s, 8, 4); ok {
				return string(utf16.DecodeRune(hi, lo)), 12
			}
		}
		return string(hi), 6
	}
	return "", 0
}

// hex reads n hexadecimal digits at i.
func hex(s string, i, n int) (rune, bool) {
	if i+n > len(s) {
		return 0, false
	}
	v, err := strconv.ParseUint(s[i:i+n], 16, 16)
	return rune(v), err == nil
}

func percent(s string) (string, int) {
	if s[0] == '%' {
		if v, ok := hex(s, 1, 2); ok {
			return string([]byte{byte(v)}), 3
		}
	}
	return "", 0
}

func percentOrPlus(s string) (string, int) {
	if s[0] == '+' {
		return " ", 1
	}
	return percent(s)
}

func entity(s string) (string, int) {
	if s[0] != '&' {
		return "", 0
	}
	if end := strings.IndexByte(s[:min(len(s), 12)], ';'); end > 0 {
		if means := html.UnescapeString(s[:end+1]); means != s[:end+1] {
			return means, end + 1
		}
	}
	return "", 0
}

// latin1 reads a character for the byte that it is in Latin-1: many take the bytes
// of headers for such.
func latin1(s string) (string, int) {
	if s[0] < utf8.RuneSelf {
		return "", 0
	}
	if r, n := utf8.DecodeRuneInString(s); r <= 0xff {
		return string([]byte{byte(r)}), n
	}
	return "", 0
}
