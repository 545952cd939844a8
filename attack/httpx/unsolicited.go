package httpx

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
)

// If a server sends one answer too many on a connection that is kept alive, every later request
// gets the answer to the request before it, and all of them look good. HTTP/1.1 does not say to
// which request an answer belongs, so that no answer on such a connection can be trusted.
//
// It shows by an answer that came before its request was written. If such an answer is found right
// behind another one, the request of that one fails. If it is found on an idle connection, the
// answers before were counted already, so the request that finds it fails in their place. Either
// way the connection is closed. An answer that comes just after the next request was written looks
// like that request's own. Then the own answer is the one too many, and is found.

// ErrUnsolicited is an answer that nobody had asked for.
var ErrUnsolicited = errors.New("the server sent an answer that no request had asked for")

// ErrExcess means bytes that are no answer: the connection cannot be used any more, but no answer
// is in doubt.
var ErrExcess = errors.New("the server sent more than its answer")

// Unasked says what b is, which was read where no answer was due: ErrUnsolicited, ErrExcess, or nil
// if it is empty. A server that closes a connection that was idle for too long may first send an
// answer of status 408, or of another error that closes the connection: that is ErrExcess.
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

// Strays counts the unsolicited answers on idle connections of net/http, by the address of the
// connection: for each of them the next request to that address fails. It is safe for concurrent
// use.
type Strays struct{ by sync.Map } // address → *atomic.Int64

// To returns the count of an address.
func (s *Strays) To(address string) *atomic.Int64 {
	n, _ := s.by.LoadOrStore(address, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// Take takes one off the count of an address; false if it is 0.
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
