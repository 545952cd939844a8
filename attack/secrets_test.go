package attack

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestSecretColumns(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  Request
		want string
	}{
		{"header", Request{Headers: []Field{{"Authorization", "Bearer {{ .a }}"}, {"X-B", "{{ .b }}"}}}, "a"},
		{"functions", Request{Headers: []Field{{"X-Key", `{{ if .a }}{{ printf "%s" .b }}{{ else }}{{ with $.c }}{{ index $ "d" }}{{ end }}{{ end }}`}}}, "abcd"},
		{"query and form", Request{Query: []Field{{"token", "{{ .a }}"}, {"q", "{{ .b }}"}}, Form: []Field{{"pass", `{{ index . "c" }}`}}}, "ac"},
		{"URL", Request{URL: "/x?token={{ .a }}&q={{ .b }}"}, "a"},
		{"body", Request{Body: "password={{ .a }}&q={{ .b }}"}, "a"},
		{"JSON", Request{JSON: `{"user":{"password":"{{ .a }}"},"q":"{{ .b }}","token":{{ .c }}}`}, "ac"},
		{"none", Request{URL: "/{{ .a }}", Headers: []Field{{"Authorization", "Bearer {{"}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := (&Plan{Requests: []Request{tt.req}}).SecretColumns(0, false)
			var columns []string
			for c := range got {
				if len(c) == 1 {
					columns = append(columns, c)
				}
			}
			slices.Sort(columns)
			if s := strings.Join(columns, ""); s != tt.want {
				t.Errorf("expected %q, found %q", tt.want, s)
			}
		})
	}
	p := &Plan{Requests: []Request{{}, {Headers: []Field{{"Cookie", "sid={{ .sid }}"}}}}, Flows: []Flow{{Steps: []Step{
		{Request: 0, Captures: []Capture{{Name: "token", Matches: "x"}, {Name: "a", JSON: "$.auth.x"}, {Name: "b", Header: "X-Session"}, {Name: "id", JSON: "$.id"}}}, {Request: 1},
	}}}}
	if got := slices.Sorted(maps.Keys(p.SecretColumns(0, true))); !slices.Equal(got, []string{"a", "b", "sid", "token"}) {
		t.Errorf("found %q", got)
	}
}

// What a wrong answer costs once its samples are taken.
func BenchmarkExplain(b *testing.B) {
	p := hholdPlan(1, time.Second, time.Second, 1)
	p.Requests = []Request{{
		Name: "a", Weight: 1, Method: "POST", URL: "http://127.0.0.1/", Body: "{{ seq }}",
		Headers: []Field{{"Authorization", "Bearer abcdefgh"}, {"Accept", "application/json"}},
	}}
	c := hover(b, p, htakes(0)).(*client)
	call, err := c.build.Build(Arrival{})
	if err != nil {
		b.Fatal(err)
	}
	header := http.Header{
		"Content-Type": {"application/json"}, "Date": {"Mon, 30 Nov 2026 07:07:06 GMT"}, "Content-Length": {"2"},
		"X-Request-Id": {"7"}, "Cache-Control": {"no-store"}, "Set-Cookie": {"sid=abcdefgh; Path=/"},
	}
	b.ReportAllocs()
	for b.Loop() {
		x := &exchange{client: c, due: &DueCall{}, call: call, capture: -1}
		x.reply.Answer = Answer{Status: 200, Body: []byte("no"), Header: header}
		x.Explain(&Result{Kind: timeline.KindBody}, false)
	}
}
