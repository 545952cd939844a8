package httpx

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// isPlainPath says whether path and query of a URL go out unchanged.
func isPlainPath(s []byte) bool {
	if len(s) == 0 || s[0] != '/' {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case payload.InPath[c]:
		case c == '%':
			if i+2 >= len(s) || hexDigit(s[i+1]) < 0 || hexDigit(s[i+2]) < 0 {
				return false
			}
			i += 2
		case c == '?':
			for _, c := range s[i+1:] {
				if c <= ' ' || c >= 0x7f || c == '#' {
					return false
				}
			}
			return true
		default:
			return false
		}
	}
	return true
}

// escapeQuery percent-encodes bytes in the query of a URL that would end the request line, or are
// not ASCII, as net/url sends queries unchanged. All else stays: a % may be an escape, and + and &
// mean what the author wrote. It allocates nothing if there is nothing to do, or b has room.
func escapeQuery(b []byte) []byte {
	end := len(b)
	if at := bytes.IndexByte(b, '#'); at >= 0 {
		end = at
	}
	at := bytes.IndexByte(b[:end], '?')
	if at < 0 {
		return b
	}
	n := 0
	for _, c := range b[at:end] {
		if toEscape(c) {
			n++
		}
	}
	if n == 0 {
		return b
	}
	from, to := len(b), len(b)+2*n
	b = slices.Grow(b, 2*n)[:to]
	// From the back, so that nothing is overwritten before it has moved.
	for n > 0 {
		from--
		c := b[from]
		if from >= end || !toEscape(c) {
			to--
			b[to] = c
			continue
		}
		n--
		to -= 3
		b[to], b[to+1], b[to+2] = '%', payload.UpperHex[c>>4], payload.UpperHex[c&15]
	}
	return b
}

func toEscape(c byte) bool { return c == ' ' || c >= utf8.RuneSelf }

// isPlainValue says whether a header's value goes out unchanged, neither refused nor trimmed. An
// empty value is not plain: for some headers it means that they are left out.
func isPlainValue(s []byte) bool {
	if len(s) == 0 || isSpace(s[0]) || isSpace(s[len(s)-1]) {
		return false
	}
	for _, c := range s {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// isPlainHost is isPlainValue for the header Host.
func isPlainHost(s []byte) bool {
	for _, c := range s {
		if !payload.InHost[c] {
			return false
		}
	}
	return len(s) > 0
}
