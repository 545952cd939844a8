package httpx_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Each mistake leads to the field that it speaks of, and says what to do where that
// can be said.
func TestMistakesLeadToFields(t *testing.T) {
	request := func(r httpx.Request) fielderr.List { return r.Validate(nil, nil) }
	for _, c := range []struct {
		name  string
		wrong fielderr.List
		want  []string // paths, and the beginnings of hints
	}{
		{"nothing", request(httpx.Request{URL: "/"}), nil},
		{"method", request(httpx.Request{URL: "/", Method: "GET /"}), []string{"method", "a method is one word"}},
		{"line end in a URL", request(httpx.Request{URL: "/a\nb"}), []string{"url", "a URL is one line"}},
		{"line end in a URL with a query", request(httpx.Request{URL: "/a\nb", Query: []payload.Field{{Name: "q", Value: "1"}}}), []string{"url", "a URL is one line"}},
		{"escape in a URL", request(httpx.Request{URL: "/%zz"}), []string{"url", "write %25"}},
		{"escape in a URL with a query", request(httpx.Request{URL: "/%zz", Query: []payload.Field{{Name: "q", Value: "1"}}}), []string{"url", "write %25"}},
		{"column of a URL", request(httpx.Request{URL: "/{{ .x }}"}), []string{"url", ""}},
		{"header's name", request(httpx.Request{URL: "/", Headers: []payload.Field{{Name: "A B", Value: "1"}}}), []string{`headers["A B"]`, "a header's name"}},
		{"header's value", request(httpx.Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "a\nb"}}}), []string{"headers.X-A", "a header is one line"}},
		{"header's column", request(httpx.Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .x }}"}}}), []string{"headers.X-A", ""}},
		{"header of an engine", request(httpx.Request{URL: "/", Headers: []payload.Field{{Name: "content-length", Value: "1"}}}), []string{"headers.content-length", "remove it"}},
		{"no host", request(httpx.Request{URL: "/", Headers: []payload.Field{{Name: "Host", Value: ""}}}), []string{"headers.Host", "remove it"}},
		{"templates", request(httpx.Request{URL: "/{{", Query: []payload.Field{{Name: "a.b", Value: "{{"}}, Form: []payload.Field{{Name: "c", Value: "{{ nope }}"}}}),
			[]string{"url", "", `query["a.b"]`, "", "form.c", ""}},
		{"column of a parameter", request(httpx.Request{URL: "/", Query: []payload.Field{{Name: "q", Value: "{{ .x }}"}}}), []string{"query.q", ""}},
		{"column of a form", request(httpx.Request{URL: "/", Form: []payload.Field{{Name: "f", Value: "{{ if .x }}{{ end }}"}}}), []string{"form.f", ""}},
		{"column of a body", request(httpx.Request{URL: "/", Body: "{{ .x }}"}), []string{"body", ""}},
		{"no JSON", request(httpx.Request{URL: "/", JSON: "{"}), []string{"json", ""}},
		{"expectation", request(httpx.Request{URL: "/", Expect: expect.Expect{Matches: "(", Status: []int{9}, MinSize: -1}}),
			[]string{"expect.status", "", "expect.matches", "", "expect.size.min", ""}},
		{"expected JSON", request(httpx.Request{URL: "/", Expect: expect.Expect{JSON: []expect.ExpectJSON{{Path: "x"}}}}), []string{"expect.json", "paths are those of RFC 9535"}},
		{"a header's part", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "ETag", Matches: "("}}}.Validate(), []string{"headers.ETag.matches", ""}},
		{"targets", request(httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "/"}, {Method: "", URL: "/%"}}}),
			[]string{"targets[1].method", "a method is one word", "targets[1].url", "write %25"}},
		{"capture", expect.Capture{Name: "1", JSON: "x", Header: "A B"}.Validate(), []string{"name", "", "", "", "json", "paths are those", "header", "a header's name"}},
		{"connections", wire.Connections{PerHost: -1, DNSRefresh: time.Second, Unix: "/s", Source: "x"}.Validate(),
			[]string{"per_host", "", "source", "", "dns_refresh", "", "source", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for i, e := range c.wrong {
				hint := e.Hint
				if n := 2*i + 1; n < len(c.want) && len(hint) > len(c.want[n]) {
					hint = hint[:len(c.want[n])]
				}
				got = append(got, e.Path.String(), hint)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, c.wrong)
			}
		})
	}
}

// What a step's template misses is told in the words of whoever asks. In the first
// row it is no matter of the row.
func TestMissingColumnsInOtherWords(t *testing.T) {
	missing := func(name string) (msg, hint string) { return "no step has " + name, "take one before " + name }
	for _, c := range []struct {
		body string
		data []map[string]string
		want string
	}{
		{"{{ .a }}", nil, "body: no step has a (take one before a)"},
		{"{{ if .a }}{{ end }}", nil, "body: no step has a (take one before a)"},
		{"{{ .a }}", []map[string]string{{"b": "1"}}, "body: no step has a (take one before a)"},
		{"{{ .a }}", []map[string]string{{"a": "1"}, {"b": "1"}}, "with data row 2: body: no step has a (take one before a)"},
		{`{{ printf "%d" .b }}`, []map[string]string{{"b": "x"}}, ""},
	} {
		r := httpx.Request{URL: "/", Body: c.body}
		_, wrong := r.ValidateRows(attacktest.Data(c.data), httpx.Columns{Missing: missing}, math.MaxInt)
		if len(wrong) != 1 {
			t.Errorf("%s: expected a mistake, found %v", c.body, wrong)
			continue
		}
		if got := fmt.Sprintf("%s (%s)", wrong[0], wrong[0].Hint); c.want != "" && got != c.want {
			t.Errorf("%s: expected %q, found %q", c.body, c.want, got)
		}
		if c.want == "" && wrong[0].Row != 1 {
			t.Errorf("%s: expected a mistake with row 1, found %v", c.body, wrong[0])
		}
	}
}
