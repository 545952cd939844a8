package httpx_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

func TestUsedAsSecrets(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  attack.Request
		want string
	}{
		{"header", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Headers: []payload.Field{{Name: "Authorization", Value: "Bearer {{ .a }}"}, {Name: "X-B", Value: "{{ .b }}"}}}}, "a"},
		{"functions", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Headers: []payload.Field{{Name: "X-Key", Value: `{{ if .a }}{{ printf "%s" .b }}{{ else }}{{ with $.c }}{{ index $ "d" }}{{ end }}{{ end }}`}}}}, "abcd"},
		{"query and form", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Query: []payload.Field{{Name: "token", Value: "{{ .a }}"}, {Name: "q", Value: "{{ .b }}"}}, Form: []payload.Field{{Name: "pass", Value: `{{ index . "c" }}`}}}}, "ac"},
		{"URL", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "/x?token={{ .a }}&q={{ .b }}"}}, "a"},
		{"body", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Body: "password={{ .a }}&q={{ .b }}"}}, "a"},
		{"JSON", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{JSON: `{"user":{"password":"{{ .a }}"},"q":"{{ .b }}","token":{{ .c }}}`}}, "ac"},
		{"none", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "/{{ .a }}", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer {{"}}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row := maps.All(map[string]string{"a": "a", "b": "b", "c": "c", "d": "d"})
			got := attack.NewSecrets(&attack.Plan{Requests: []attack.Request{tt.req}}).Row(0, row)
			if slices.Sort(got); strings.Join(got, "") != tt.want {
				t.Errorf("expected %q, found %q", tt.want, got)
			}
		})
	}
	p := &attack.Plan{Requests: []attack.Request{{}, {Protocol: httpx.Name, Spec: &httpx.Request{Headers: []payload.Field{{Name: "Cookie", Value: "sid={{ .sid }}"}}}}}, Flows: []attack.Flow{{Steps: []attack.Step{
		{Request: 0, Captures: []expect.Capture{{Name: "token", Matches: "x"}, {Name: "a", JSON: "$.auth.x"}, {Name: "b", Header: "X-Session"}, {Name: "id", JSON: "$.id"}}}, {Request: 1},
	}}}}
	row := maps.All(map[string]string{"token": "token", "a": "a", "b": "b", "id": "id", "sid": "sid", "max_tokens": "7"})
	for i := range p.Requests {
		got := attack.NewSecrets(p).Row(i, row)
		if slices.Sort(got); !slices.Equal(got, []string{"a", "b", "sid", "token"}) {
			t.Errorf("request %d: found %q", i, got)
		}
	}
}

// What a wrong answer costs beside its engine once its samples are taken.
func BenchmarkExplain(b *testing.B) {
	p := attacktest.HoldPlan(1, time.Second, time.Second, 1)
	p.Requests = []attack.Request{{Name: "a", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://127.0.0.1/", Body: "{{ seq }}", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer abcdefgh"}, {Name: "Accept", Value: "application/json"}}}}}
	header := http.Header{
		"Content-Type": {"application/json"}, "Date": {"Mon, 30 Nov 2026 07:07:06 GMT"}, "Content-Length": {"2"},
		"X-Request-Id": {"7"}, "Cache-Control": {"no-store"}, "Set-Cookie": {"sid=abcdefgh; Path=/"},
	}
	answer := expect.Answer{Status: 500, Body: []byte("no"), Header: header}
	c := attacktest.Clients(b, p, attacktest.Instant{Answer: answer})[httpx.Name]
	b.ReportAllocs()
	for b.Loop() {
		var out attack.Outcome
		c.Call(b.Context(), &attack.Call{Step: -1, Due: time.Now(), By: wire.Deadlines{Done: time.Now().Add(time.Minute)}}, &out)
		out.Exchange.Explain(&attack.Result{Kind: out.Kind}, false)
		out.Release()
	}
}
