package httpx

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
)

// A server that sends one answer too many on a connection that is kept alive puts
// all that follow out of step: each request is answered with what belongs to the
// one before, and all of them look good. HTTP/1.1 has nothing that tells whose an
// answer is, so that no answer on such a connection can be trusted.
//
// What is known is that an answer came before its request was written. Where one
// is found behind the answer to a request, that request fails. Where one is found
// on a connection that was idle, the request that finds it fails in place of the
// one whose answer cannot be trusted, and was counted already. Either way the
// connection is closed. An answer that comes just after the next request was written
// cannot be told from that request's own; it is found out by the one that is left over.

// ErrUnsolicited is an answer that nobody had asked for.
var ErrUnsolicited = errors.New("the server sent an answer that no request had asked for")

// ErrExcess is something else that nobody had asked for: the connection is of no
// use any more, and nobody's answer is in doubt.
var ErrExcess = errors.New("the server sent more than its answer")

// Unasked says what b is, which came where no answer was due: errUnsolicited,
// errExcess, or nil if it is nothing. A server that closes a connection which was
// idle for too long may say so first, with an answer of status 408, or of another
// error that closes the connection: that is no answer to anything.
func Unasked(b []byte) error {
	const begin = "HTTP/1."
	switch n := min(len(b), len(begin)); {
	case n == 0:
		return nil
	case string(b[:n]) != begin[:n], farewell(b):
		return ErrExcess
	}
	return ErrUnsolicited
}

func farewell(b []byte) bool {
	head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	_, status, _ := bytes.Cut(head, []byte(" "))
	switch {
	case bytes.HasPrefix(status, []byte("408")):
		return true
	case bytes.HasPrefix(status, []byte("4")), bytes.HasPrefix(status, []byte("5")):
		return saysClose(head)
	}
	return false
}

// Strays counts the answers that came on idle connections of net/http, by the
// address to which these lead: each is the error of the next request that goes there.
// It is safe for concurrent use.
type Strays struct{ by sync.Map } // address → *atomic.Int64

// To returns the count of an address.
func (s *Strays) To(address string) *atomic.Int64 {
	n, _ := s.by.LoadOrStore(address, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// Take takes one of them, if there is any.
func (s *Strays) Take(address string) bool {
	v, ok := s.by.Load(address)
	if !ok {
		return false
	}
	n := v.(*atomic.Int64)
	for have := n.Load(); have > 0; have = n.Load() {
		if n.CompareAndSwap(have, have-1) {
			return true
		}
	}
	return false
}

// saysClose looks for "Connection: close" among header lines.
func saysClose(lines []byte) bool {
	for line := range bytes.Lines(lines) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("Connection")) &&
			HasToken(bytes.TrimSpace(value), "close") {
			return true
		}
	}
	return bytes.HasPrefix(lines, []byte("HTTP/1.0"))
}
