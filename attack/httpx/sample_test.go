package httpx_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
)

// sampleOf is what is shown of an answer that was wrong.
func sampleOf(t *testing.T, a expect.Answer) *attack.Sample {
	t.Helper()
	p := attacktest.HoldPlan(1, time.Millisecond, time.Minute, 1)
	e := attacktest.Instant{Answer: a}
	_, got := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: time.Now()})
	if len(got.Results) != 1 || got.Results[0].Sample == nil {
		t.Fatalf("expected one result with a sample, found %+v", got.Results)
	}
	return got.Results[0].Sample
}

func TestSampleIsBounded(t *testing.T) {
	h := http.Header{"Set-Cookie": {"id=s3cr3t", "b=s3cr3t"}, "X-Api-Key": {"s3cr3t"}, "Www-Authenticate": {"Basic"}, "Content-Type": {"text/html"}}
	s := sampleOf(t, expect.Answer{Status: 500, Header: h, Body: []byte("no\xff"), BytesIn: 3})
	if !maps.EqualFunc(s.Header, h, slices.Equal) || s.Status != 500 || s.Body != "no�" {
		t.Errorf("found %+v", s)
	}
	if s := sampleOf(t, expect.Answer{Status: 500}); s.Header != nil || s.Body != "" {
		t.Errorf("found %+v", s)
	}

	for i := range 100 {
		h.Add(fmt.Sprintf("X-%02d", i), strings.Repeat("ä", 1000))
	}
	body := strings.Repeat("ä", attack.MaxSample)
	s = sampleOf(t, expect.Answer{Status: 500, Header: h, Body: []byte("x" + body), BytesIn: int64(len(body) + 1)})
	lines := 0
	for _, values := range s.Header {
		lines += len(values)
		for _, v := range values {
			if len(v) > httpx.MaxSampleValue {
				t.Errorf("a value has %d bytes", len(v))
			}
		}
	}
	if lines != httpx.MaxSampleHeaders {
		t.Errorf("expected %d lines of headers, found %d", httpx.MaxSampleHeaders, lines)
	}
	// The cut falls into the last character.
	if len(s.Body) != attack.MaxSample-1 || !utf8.ValidString(s.Body) {
		t.Errorf("expected %d bytes of body, found %d", attack.MaxSample-1, len(s.Body))
	}
}
