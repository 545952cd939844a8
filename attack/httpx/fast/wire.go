package fast

import (
	"bytes"
	"errors"
	"net/http"

	"golang.org/x/net/http/httpguts"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// coalesceSize is the size, in bytes, up to which a body goes out in one write with its
// header.
const coalesceSize = 8 << 10

// encodedRequest is a call as it goes over the wire.
type encodedRequest struct {
	host    *hostPool
	head    []byte // status line and headers, and a short body
	headLen int    // of head, without body
	rest    []byte // a long body
	last    bool   // the request asks for the connection to be closed
}

// encode returns the encoded request of a call. That of a fixed call is made once.
// Nothing looks at a call after its Send has returned.
func (e *engine) encode(call *httpx.Call) (*encodedRequest, error) {
	if call.Home != nil {
		call.Done = true
	}
	if call.Layout != nil {
		if f := e.layoutOf(call.Layout, len(call.Cookie) > 0); f != nil {
			return f.encode(call), nil
		}
	}
	if !call.Fixed {
		return e.newEncoded(call)
	}
	if w, ok := e.encoded.Load(call); ok {
		return w.(*encodedRequest), nil
	}
	w, err := e.newEncoded(call)
	if err != nil {
		return nil, err
	}
	e.encoded.Store(call, w)
	return w, nil
}

// newEncoded has net/http write the request, so that it goes out byte for byte as
// the http engine sends it.
func (e *engine) newEncoded(call *httpx.Call) (*encodedRequest, error) {
	w, err := e.newHead(call, int64(len(call.Body)))
	if err != nil {
		return nil, err
	}
	w.add(call.Body)
	return w, nil
}

// newHead is newEncoded without the body, of which it needs the length alone.
func (e *engine) newHead(call *httpx.Call, length int64) (*encodedRequest, error) {
	req, err := http.NewRequest(call.Method, call.URL, nil)
	if err != nil {
		return nil, httpx.WithoutURL(err)
	}
	switch {
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return nil, errors.New("expected an http or https URL, found another scheme")
	case req.URL.Host == "":
		return nil, errors.New("expected a URL with a host, found none")
	}
	for _, f := range call.Header {
		if err := httpx.ValidField(f); err != nil {
			return nil, err
		}
	}
	req.Header = call.FullHeader()
	httpx.Finish(req)
	req.Close = e.once
	var rest bodyToCome
	if length > 0 {
		req.ContentLength, req.Body = length, &rest
	}
	var b bytes.Buffer
	if err := req.Write(&b); err != nil && !rest {
		return nil, err
	}
	return &encodedRequest{
		host: e.host(wire.EndpointOf(req.URL)), head: b.Bytes(),
		last: e.once || httpguts.HeaderValuesContainsToken(req.Header["Connection"], "close"),
	}, nil
}

// add puts the body after the header that w.head is.
func (w *encodedRequest) add(body []byte) {
	w.headLen, w.rest = len(w.head), nil
	if len(body) <= coalesceSize {
		w.head = append(w.head, body...)
	} else {
		w.rest = body
	}
}

// bodyToCome stands in for a body while a header is written, and is true once
// that is done.
type bodyToCome bool

func (b *bodyToCome) Read([]byte) (int, error) {
	*b = true
	return 0, errors.New("the body is sent apart")
}

func (*bodyToCome) Close() error { return nil }
