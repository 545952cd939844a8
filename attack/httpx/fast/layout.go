package fast

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// encodedLayout is a layout as it goes over the wire: what net/http wrote for one of
// its calls, cut where calls differ.
type encodedLayout struct {
	base  int // length of a URL's scheme and host; path and query follow
	host  *hostPool
	last  bool // the request asks for the connection to be closed
	parts []segment
}

// segment is text that all calls share, and what comes after it: the value of
// the header with this index, or one of the following.
type segment struct {
	text []byte
	then int
}

const (
	thenTarget = -1 - iota // path and query
	thenLength             // of the body
	thenCookie             // the caller's cookies
	thenEnd
)

// layoutWithCookies stands for calls of a layout that carry their caller's cookies.
type layoutWithCookies httpx.Layout

// layoutOf returns how calls of the layout go out, with cookies or without; nil if only
// net/http knows.
func (e *engine) layoutOf(f *httpx.Layout, cookies bool) *encodedLayout {
	var key any = f
	if cookies {
		key = (*layoutWithCookies)(f)
	}
	if known, ok := e.encoded.Load(key); ok {
		return known.(*encodedLayout)
	}
	known, _ := e.encoded.LoadOrStore(key, e.newLayout(f, cookies))
	return known.(*encodedLayout)
}

// newLayout has net/http write a call with markers for values, and looks for them.
func (e *engine) newLayout(f *httpx.Layout, cookies bool) *encodedLayout {
	// A marker that stands somewhere in the request already is found twice: then
	// others are taken.
	for n := int64(1); n <= 10; n++ {
		if ff := e.cut(f, cookies, n*1_000_000_007); ff != nil {
			return ff
		}
	}
	return nil
}

// cut is newLayout with markers made of the number n.
func (e *engine) cut(f *httpx.Layout, cookies bool, n int64) *encodedLayout {
	type mark struct {
		text string
		at   int
		then int
	}
	id := strconv.FormatInt(n, 10)
	target := "/target" + id
	marks := []mark{{text: target, then: thenTarget}}
	call := &httpx.Call{Method: f.Method, URL: f.Base + target, Header: slices.Clone(f.Header)}
	for _, i := range f.Differing {
		value := fmt.Sprintf("header%d-%s", i, id)
		marks = append(marks, mark{text: value, then: i})
		call.Header[i].Value = value
	}
	if cookies {
		value := "cookie" + id
		marks = append(marks, mark{text: value, then: thenCookie})
		call.Cookie = []byte(value)
	}
	length := int64(0)
	if f.Body {
		length = n
		marks = append(marks, mark{text: "\r\nContent-Length: " + id + "\r\n", then: thenLength})
	}
	w, err := e.newHead(call, length)
	if err != nil {
		return nil
	}
	for i := range marks {
		m := &marks[i]
		if m.at = bytes.Index(w.head, []byte(m.text)); m.at < 0 ||
			bytes.Count(w.head, []byte(m.text)) != 1 {
			return nil
		}
		if m.then == thenLength { // the number alone
			m.text, m.at = id, m.at+len(m.text)-len("\r\n")-len(id)
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return a.at - b.at })
	ff := &encodedLayout{base: len(f.Base), host: w.host, last: w.last}
	from := 0
	for _, m := range marks {
		ff.parts = append(ff.parts, segment{w.head[from:m.at], m.then})
		from = m.at + len(m.text)
	}
	ff.parts = append(ff.parts, segment{w.head[from:], thenEnd})
	return ff
}

// encode puts the call together, in memory of its own.
func (f *encodedLayout) encode(call *httpx.Call) *encodedRequest {
	w, ok := call.Memory.(*encodedRequest)
	if !ok {
		w = new(encodedRequest)
		call.Memory = w
	}
	w.host, w.last = f.host, f.last
	b := w.head[:0]
	for i := range f.parts {
		p := &f.parts[i]
		b = append(b, p.text...)
		switch p.then {
		case thenTarget:
			b = append(b, call.URL[f.base:]...)
		case thenLength:
			b = strconv.AppendInt(b, int64(len(call.Body)), 10)
		case thenCookie:
			b = append(b, call.Cookie...)
		case thenEnd:
		default:
			b = append(b, call.Header[p.then].Value...)
		}
	}
	w.head = b
	w.add(call.Body)
	return w
}
