package fast_test

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func FuzzShortWay(f *testing.F) {
	for i := range templated {
		f.Add(uint8(i), "x1", "Y2", uint64(i))
	}
	for i, v := range awkward {
		f.Add(uint8(i), v, "x", uint64(1))
		f.Add(uint8(i+20), "x", v, uint64(1))
	}
	f.Fuzz(func(t *testing.T, which uint8, a, b string, seq uint64) {
		r := withRows(templated[int(which)%len(templated)].req, map[string]string{"a": a, "b": b})
		w, builder := tappedFor(t, r)
		for range 2 { // the second time in used memory
			bothWays(t, w, builder, r, attack.Arrival{Seq: seq, Nth: seq}, nil)
			bothWays(t, w, builder, r, attack.Arrival{Seq: seq}, map[string]string{"a": b})
		}
	})
}

// FuzzShortWayForms is FuzzShortWay for requests of any form.
func FuzzShortWayForms(f *testing.F) {
	for _, c := range templated {
		h := payload.Field{Name: "X-A", Value: "{{ .b }}"}
		if len(c.req.Headers) > 0 {
			h = c.req.Headers[0]
		}
		f.Add(c.req.Method, c.req.URL, h.Name, h.Value, c.req.Body, len(c.req.Query) > 0, "x1", "Y2")
	}
	f.Fuzz(func(t *testing.T, method, url, name, value, body string, query bool, a, b string) {
		if endless.MatchString(url + value + body) {
			t.Skip("can be made to take for ever, as the author of a scenario may")
		}
		form := httpx.Request{Method: method, URL: url, Headers: []payload.Field{{Name: name, Value: value}}, Body: body}
		if query {
			form.Query = []payload.Field{{Name: name, Value: value}}
		}
		r := withRows(form, map[string]string{"a": a, "b": b})
		builder, wrong := builderOf(r)
		if wrong != nil {
			return
		}
		bothWays(t, newTapped(t), builder, r, attack.Arrival{}, nil)
	})
}

// endless finds what can make a template take for ever.
var endless = regexp.MustCompile(`range|template|define|block|%[^a-z]*\d{4}`)

// Whatever a template is, its pieces put in what text/template does.
func FuzzPieces(f *testing.F) {
	for _, c := range templated {
		f.Add(c.req.URL, "1", "2")
		f.Add(c.req.Body, "1", "2")
	}
	for _, s := range []string{"{{- .a -}} x", "{{ print .a .b }}", "{{ index . .a }}", "{{ (.a) }}", "{{ .a | print }}", "{{ nil }}", "{{ . }}", "{{ 1 }}",
		"{{ index . `a` }}", "{{ randInt 0x10 1_000 }}", "{{ randInt 1.5 2 }}", "{{ uuid }}{{ uuid }}", "{{ break }}", "{{/* c */}}", "{{ .A }}", "{{ index . \"a\" \"b\" }}", "{{ true }}"} {
		f.Add(s, "1", "")
	}
	f.Fuzz(func(t *testing.T, s, a, b string) {
		if endless.MatchString(s) {
			t.Skip("can be made to take for ever, as the author of a scenario may")
		}
		r := httpx.Request{URL: "http://h/", Body: s}
		build, wrong := httpx.New(&attack.Plan{Seed: 42, Requests: []attack.Request{{Protocol: httpx.Name, Spec: &r}}})
		if wrong != nil {
			return
		}
		row := map[string]string{"a": a, "b": b}
		for seq := range uint64(2) {
			want, wantErr := slowly(&r, 42, row, attack.Arrival{Seq: seq, Nth: 3})
			got, err := build.BuildWith(attack.Arrival{Seq: seq, Nth: 3}, &httpx.Caller{Values: attacktest.Values(row)})
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%q with %q: expected error %v, found %v", s, row, wantErr, err)
			}
			if err == nil && !bytes.Equal(got.Body, want.Body) {
				t.Fatalf("%q with %q: expected %q, found %q", s, row, want.Body, got.Body)
			}
		}
	})
}
