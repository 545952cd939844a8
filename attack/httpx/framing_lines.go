package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// ChunkSize reads a chunk's first line: its size, and extensions that nobody
// uses.
func ChunkSize(line []byte) (int64, error) {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	var n int64
	for _, b := range digits {
		d := hexDigit(b)
		if d < 0 || n >= 1<<58 || len(digits) > 16 {
			n = -1
			break
		}
		n = n<<4 | int64(d)
	}
	if len(digits) == 0 || n < 0 {
		return 0, &Malformed{
			errors.New("bad length of a chunk: " + strconv.Quote(plaintext.Clip(string(line), 40))),
		}
	}
	return n, nil
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// Malformed is an answer that is not HTTP.
type Malformed struct{ Err error }

func (m *Malformed) Error() string { return "malformed HTTP answer: " + m.Err.Error() }

// HasToken says whether a list such as "keep-alive, Upgrade" holds a word.
func HasToken(list []byte, word string) bool {
	for len(list) > 0 {
		one := list
		if i := bytes.IndexByte(list, ','); i >= 0 {
			one, list = list[:i], list[i+1:]
		} else {
			list = nil
		}
		if one = bytes.Trim(one, " \t"); len(one) == len(word) &&
			strings.EqualFold(string(one), word) {
			return true
		}
	}
	return false
}

// Misspelt refuses blanks between a name about the body and its colon. net/http
// takes the header for another, unknown one, and would wait for the end of a body
// whose length it was told.
func Misspelt(h http.Header) error {
	for name := range h {
		for _, about := range []string{"Content-Length", "Transfer-Encoding"} {
			if trimmed := strings.TrimRight(name, " \t"); len(trimmed) < len(name) &&
				strings.EqualFold(trimmed, about) {
				return &Malformed{fmt.Errorf("there is a blank between %s and its colon", about)}
			}
		}
	}
	return nil
}

// NotHTTP says what the beginning of an answer is that is no HTTP/1; nil if it may
// be, as far as it is there. It must be said at once: what speaks another protocol
// may wait for us in turn.
func NotHTTP(b []byte) error {
	const begin = "HTTP/"
	if n := min(len(b), len(begin)); string(b[:n]) == begin[:n] {
		return nil
	}
	return &Malformed{errors.New(otherProtocol(b))}
}

// otherProtocol says in words what the beginning of an answer is.
func otherProtocol(b []byte) string {
	switch {
	case len(b) >= 2 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3:
		return "it answered with TLS: write https:// in place of http://"
	case len(b) >= 4 && b[0] == 0 && b[3] == 4, bytes.HasPrefix(b, []byte("PRI * HTTP/2")):
		return "it answered with HTTP/2: set attack.protocol to h2c"
	case bytes.HasPrefix(b, []byte("SSH-")):
		return "an SSH server answers there"
	case len(b) > 0 && (b[0] == '\r' || b[0] == '\n'):
		return "an empty line comes before the status line"
	}
	return "expected a status line such as HTTP/1.1 200 OK, found " + strconv.Quote(
		plaintext.Clip(string(b[:min(len(b), 40)]), 40),
	)
}
