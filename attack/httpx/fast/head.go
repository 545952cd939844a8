package fast

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/textproto"

	"golang.org/x/net/http/httpguts"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// head is the status line and the headers of an answer, as far as they say how
// the body comes.
type head struct {
	status int
	size   int   // of the head itself
	length int64 // of the body, or chunked, or identity
	last   bool  // the server closes the connection after the answer
	// rest is what else there is: header lines, or, of an answer that is not in
	// plain form, what net/http made of them.
	lines    []byte
	read     http.Header
	encoding []byte // of the body: its Content-Encoding
}

// What a head says instead of a length.
const (
	chunked  = -1
	identity = -2 // none: up to the end of the connection
)

// errPartial says that the end of a head has not come yet.
var errPartial = errors.New("the head of the answer is incomplete")

// errNotPlain says that a head is not in plain form.
var errNotPlain = errors.New("the head of the answer is not in plain form")

// scan reads a head in plain form from the beginning of b, without an allocation,
// and returns how long it is. Plain form is what nearly every server writes: lines
// end with CR and LF, names have no blanks around them, no line is continued, and
// no header about the body stands there twice or with a value that needs thought.
// Anything else is errNotPlain, for net/http to judge.
func (h *head) scan(b []byte) (size int, err error) {
	line, size, err := nextLine(b)
	if err != nil {
		return 0, err
	}
	http11, err := h.statusLine(line)
	if err != nil {
		return 0, err
	}
	begin := size
	h.length, h.read, h.encoding = identity, nil, nil
	var closes, keeps bool
	for {
		line, n, err := nextLine(b[size:])
		if err != nil {
			return 0, err
		}
		size += n
		if len(line) == 0 {
			break
		}
		i := bytes.IndexByte(line, ':')
		if i <= 0 || !fieldName(line[:i]) || !fieldValue(line[i+1:]) {
			return 0, errNotPlain
		}
		value := bytes.Trim(line[i+1:], " \t")
		switch name := line[:i]; len(name) {
		case len("Connection"):
			if bytes.EqualFold(name, []byte("Connection")) {
				closes = closes || httpx.HasToken(value, "close")
				keeps = keeps || httpx.HasToken(value, "keep-alive")
			}
		case len("Content-Length"):
			if !bytes.EqualFold(name, []byte("Content-Length")) {
				continue
			}
			n, ok := digits(value)
			if !ok || h.length != identity {
				return 0, errNotPlain
			}
			h.length = n
		case len("Content-Encoding"):
			if !bytes.EqualFold(name, []byte("Content-Encoding")) {
				continue
			}
			if h.encoding != nil {
				return 0, errNotPlain
			}
			h.encoding = value
		case len("Transfer-Encoding"):
			if !bytes.EqualFold(name, []byte("Transfer-Encoding")) {
				continue
			}
			if !http11 || h.length != identity || !bytes.EqualFold(value, []byte("chunked")) {
				return 0, errNotPlain
			}
			h.length = chunked
		}
	}
	h.lines = b[begin:size]
	h.last = closes || !http11 && !keeps
	return size, nil
}

// statusLine reads one such as HTTP/1.1 200 OK.
func (h *head) statusLine(line []byte) (http11 bool, err error) {
	const version = "HTTP/1.1 "
	if len(line) < len(version)+3 || string(line[:len("HTTP/1.")]) != "HTTP/1." ||
		line[len(version)-1] != ' ' ||
		!fieldValue(line) {
		return false, errNotPlain
	}
	switch line[len("HTTP/1.")] {
	case '1':
		http11 = true
	case '0':
	default:
		return false, errNotPlain
	}
	code := line[len(version):]
	n, ok := digits(code[:3])
	if !ok || len(code) > 3 && code[3] != ' ' {
		return false, errNotPlain
	}
	h.status = int(n)
	return http11, nil
}

// nextLine returns the line that b begins with, without its end, and its length
// with it.
func nextLine(b []byte) (line []byte, size int, err error) {
	i := bytes.IndexByte(b, '\n')
	switch {
	case i < 0:
		return nil, 0, errPartial
	case i == 0 || b[i-1] != '\r':
		return nil, 0, errNotPlain
	}
	return b[:i-1], i + 1, nil
}

// Classes of bytes in a head.
const (
	inText  = 1 << iota // of values: no control characters but a tab
	inToken             // of names
)

var classes = func() (c [256]byte) {
	for i := range c {
		if b := byte(i); b >= ' ' && b != 0x7f || b == '\t' {
			c[i] |= inText
		}
		if i < 0x80 && httpguts.IsTokenRune(rune(i)) {
			c[i] |= inToken
		}
	}
	return c
}()

func fieldName(b []byte) bool  { return ofClass(b, inToken) }
func fieldValue(b []byte) bool { return ofClass(b, inText) }

func ofClass(b []byte, class byte) bool {
	for _, x := range b {
		if classes[x]&class == 0 {
			return false
		}
	}
	return true
}

// digits reads a number that is nothing but digits, and fits.
func digits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, x := range b {
		if x < '0' || x > '9' {
			return 0, false
		}
		n = 10*n + int64(x-'0')
	}
	return n, true
}

// parseByNetHTTP reads a head that is not in plain form from the beginning of b, as net/http does,
// so that all engines accept and refuse the same.
func (h *head) parseByNetHTTP(b []byte, method string) (size int, err error) {
	size = endOfHead(b)
	if size < 0 {
		return 0, errPartial
	}
	resp, err := http.ReadResponse(
		bufio.NewReader(bytes.NewReader(b[:size])),
		&http.Request{Method: method},
	)
	if err != nil {
		return 0, &httpx.Malformed{Err: err}
	}
	if err := httpx.Misspelt(resp.Header); err != nil {
		return 0, err
	}
	h.status, h.last, h.lines, h.read = resp.StatusCode, resp.Close, nil, resp.Header
	h.encoding = []byte(expect.EncodingIn(resp.Header))
	switch {
	case len(resp.TransferEncoding) > 0:
		h.length = chunked
	case resp.ContentLength >= 0:
		h.length = resp.ContentLength
	default:
		h.length = identity
	}
	return size, nil
}

// endOfHead is where the first empty line ends, which ends with LF or with CR and
// LF; −1 if there is none yet.
func endOfHead(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		if line := b[at : at+i]; at > 0 && (len(line) == 0 || len(line) == 1 && line[0] == '\r') {
			return at + i + 1
		}
		at += i + 1
	}
}

// header returns the headers. Those about the transfer are left out, as net/http
// does.
func (h *head) header() http.Header {
	own := h.read
	if own == nil {
		own = make(http.Header)
		for line := range bytes.Lines(h.lines) {
			if name, value, ok := bytes.Cut(line, []byte(":")); ok {
				key := textproto.CanonicalMIMEHeaderKey(string(name))
				own[key] = append(own[key], string(bytes.Trim(value, " \t\r\n")))
			}
		}
	}
	own.Del("Transfer-Encoding")
	own.Del("Trailer")
	return own
}

// cookies returns the values of all Set-Cookie lines, as they came.
func (h *head) cookies() []string {
	const name = "Set-Cookie"
	if h.read != nil {
		return h.read[name]
	}
	var out []string
	for line := range bytes.Lines(h.lines) {
		if len(line) > len(name) && line[len(name)] == ':' &&
			bytes.EqualFold(line[:len(name)], []byte(name)) {
			out = append(out, string(bytes.Trim(line[len(name)+1:], " \t\r\n")))
		}
	}
	return out
}
