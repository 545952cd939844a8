package httpx

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack/expect"
)

func TestSampleIsBounded(t *testing.T) {
	h := http.Header{"Set-Cookie": {"id=s3cr3t", "b=s3cr3t"}, "X-Api-Key": {"s3cr3t"}, "Www-Authenticate": {"Basic"}, "Content-Type": {"text/html"}}
	s := newSample(nil, &Reply{Answer: expect.Answer{Status: 500, Header: h, Body: []byte("no\xff"), BytesIn: 3}})
	if !maps.EqualFunc(s.Header, h, slices.Equal) || s.Status != 500 || s.Body != "no�" {
		t.Errorf("found %+v", s)
	}
	if s := newSample(nil, &Reply{Answer: expect.Answer{Status: 200}}); s.Header != nil || s.Body != "" {
		t.Errorf("found %+v", s)
	}

	for i := range 100 {
		h.Add(fmt.Sprintf("X-%02d", i), strings.Repeat("ä", 1000))
	}
	body := strings.Repeat("ä", maxSample)
	s = newSample(nil, &Reply{Answer: expect.Answer{Status: 500, Header: h, Body: []byte("x" + body), BytesIn: int64(len(body) + 1)}})
	lines := 0
	for _, values := range s.Header {
		lines += len(values)
		for _, v := range values {
			if len(v) > maxSampleValue {
				t.Errorf("a value has %d bytes", len(v))
			}
		}
	}
	if lines != maxSampleHeaders {
		t.Errorf("expected %d lines of headers, found %d", maxSampleHeaders, lines)
	}
	if len(s.Body) != maxSample-1 || !utf8.ValidString(s.Body) { // the last character would be half
		t.Errorf("expected %d bytes of body, found %d", maxSample-1, len(s.Body))
	}
}
