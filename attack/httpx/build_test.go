package httpx_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func TestBuild(t *testing.T) {
	ua := payload.Field{Name: "User-Agent", Value: "ordeal"}
	rows := []map[string]string{{"sku": "a b", "n": "1"}, {"sku": `q"<`, "n": "2"}}
	for _, c := range []struct {
		name string
		req  attack.Request
		a    attack.Arrival
		want httpx.Call
	}{
		{"plain", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/x"}}, attack.Arrival{}, httpx.Call{Method: "GET", URL: "http://h/x", Header: []payload.Field{ua}}},
		{"own agent", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "user-agent", Value: "me"}}}}, attack.Arrival{},
			httpx.Call{Method: "GET", URL: "http://h/", Header: []payload.Field{{Name: "user-agent", Value: "me"}}}},
		{"query is escaped and keeps its order", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/x?z=1#f", Query: []payload.Field{{Name: "q", Value: "{{ .sku }}"}, {Name: "a&", Value: "2"}}}}, attack.Arrival{},
			httpx.Call{Method: "GET", URL: "http://h/x?z=1&q=a+b&a%26=2#f", Header: []payload.Field{ua}}},
		{"a literal query is escaped where it must be", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/a b?x=a b&y=é+%20%zz{\"|#é f"}}, attack.Arrival{},
			httpx.Call{Method: "GET", URL: "http://h/a b?x=a%20b&y=%C3%A9+%20%zz{\"|#é f", Header: []payload.Field{ua}}},
		{"so is one that templates make", attack.Request{Data: attacktest.Data([]map[string]string{{"v": "x HTTP/1.1&ä"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/?v={{ .v }}"}}, attack.Arrival{},
			httpx.Call{Method: "GET", URL: "http://h/?v=x%20HTTP%2F1.1%26%C3%A4", Header: []payload.Field{ua}}},
		{"and that of a target", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "http://h/?q=a b"}}}}, attack.Arrival{},
			httpx.Call{Method: "GET", URL: "http://h/?q=a%20b", Header: []payload.Field{ua}}},
		{"rows go round", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ .n }}"}}, attack.Arrival{Nth: 3}, httpx.Call{Method: "GET", URL: "http://h/2", Header: []payload.Field{ua}}},
		{"header", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "X-Sku", Value: "s-{{ .n }}"}}}}, attack.Arrival{Nth: 1},
			httpx.Call{Method: "GET", URL: "http://h/", Header: []payload.Field{{Name: "X-Sku", Value: "s-2"}, ua}}},
		{"body", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{Method: "PUT", URL: "http://h/", Body: "{{ seq }} {{ nth }} {{ .sku }}"}}, attack.Arrival{Seq: 70, Nth: 2},
			httpx.Call{Method: "PUT", URL: "http://h/", Header: []payload.Field{ua}, Body: []byte("70 2 a b")}},
		{"json is escaped again", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://h/", JSON: `{"sku": "{{ .sku }}", "f": "{{ printf \"%q\" .n }}", "qty": 1, "e":"\"\\"}`}}, attack.Arrival{Nth: 1},
			httpx.Call{Method: "POST", URL: "http://h/", Header: []payload.Field{{Name: "Content-Type", Value: "application/json"}, ua},
				Body: []byte(`{"sku": "q\"<", "f": "\"2\"", "qty": 1, "e":"\"\\"}`)}},
		{"form is escaped", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://h/", Form: []payload.Field{{Name: "b", Value: "{{ .sku }}"}, {Name: "a", Value: "1"}}}}, attack.Arrival{},
			httpx.Call{Method: "POST", URL: "http://h/", Header: []payload.Field{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, ua}, Body: []byte("b=a+b&a=1")}},
		{"own content type", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://h/", JSON: `[]`, Headers: []payload.Field{{Name: "content-type", Value: "a/b"}}}}, attack.Arrival{},
			httpx.Call{Method: "POST", URL: "http://h/", Header: []payload.Field{{Name: "content-type", Value: "a/b"}, ua}, Body: []byte(`[]`)}},
		{"targets go round", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "http://h/1"}, {Method: "POST", URL: "http://h/2", Body: []byte("x")}}}}, attack.Arrival{Nth: 5},
			httpx.Call{Method: "POST", URL: "http://h/2", Header: []payload.Field{ua}, Body: []byte("x")}},
		{"the body is wanted", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Expect: expect.Expect{Matches: "a.c"}}}, attack.Arrival{},
			httpx.Call{Method: "GET", URL: "http://h/", Header: []payload.Field{ua}, WantBody: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.req.Spec.Validate(c.req.Data, nil).Err(); err != nil {
				t.Fatal(err)
			}
			f := attacktest.Build(t, c.req)
			for range 2 { // the second time from the pool
				got, err := f(c.a)
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Body) == 0 {
					got.Body = nil
				}
				said := httpx.Call{Method: got.Method, URL: got.URL, Header: got.Header, Body: got.Body, WantBody: got.WantBody, WantHeader: got.WantHeader}
				if d := cmp.Diff(c.want, said, cmpopts.IgnoreUnexported(httpx.Call{})); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// Only a call that every arrival shares may be kept by an engine.
func TestBuildFixed(t *testing.T) {
	for _, c := range []struct {
		name  string
		req   attack.Request
		fixed bool
	}{
		{"literal", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/", Body: "x"}}, true},
		{"targets", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "http://target/"}}}}, true},
		{"template in the path", attack.Request{Data: attacktest.Data([]map[string]string{{"a": "1"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/{{ .a }}"}}, false},
		{"template in a header", attack.Request{Data: attacktest.Data([]map[string]string{{"a": "1"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "X", Value: "{{ .a }}"}}}}, false},
	} {
		f := attacktest.Build(t, c.req)
		one, err := f(attack.Arrival{})
		if err != nil {
			t.Fatal(err)
		}
		two, err := f(attack.Arrival{Seq: 1, Nth: 1})
		if err != nil {
			t.Fatal(err)
		}
		if one.Fixed != c.fixed || two.Fixed != c.fixed || (one == two) != c.fixed {
			t.Errorf("%s: fixed %t and %t, the same call %t; expected %t", c.name, one.Fixed, two.Fixed, one == two, c.fixed)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	rows := []map[string]string{{"a": "1", "b": "2"}, {"a": "3\n"}}
	for _, c := range []struct {
		name string
		req  attack.Request
		want string // empty: only an absolute URL is missing
	}{
		{"no url", attack.Request{Spec: &httpx.Request{}}, "url: expected one, found none"},
		{"syntax", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ .a"}}, `url: template "http://h/{{ .a": unclosed action`},
		{"unknown function", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ nope }}"}}, `function "nope" not defined`},
		{"missing column", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ .zip }}"}}, `with data row 1: url: the data row has no column "zip"`},
		{"column missing in one row", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ .b }}"}}, `with data row 2: url: the data row has no column "b"`},
		{"no data", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ .a }}"}}, "the request has no data"},
		{"line end in a header", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "X", Value: "{{ .a }}"}}}}, "with data row 2: header X: expected a value for header X without line ends"},
		{"header name", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "X y", Value: "1"}}}}, `expected a header name such as Accept, found "X y"`},
		{"content length", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "content-length", Value: "{{ .a }}"}}}}, "header content-length: expected none, as it is made from the body"},
		{"transfer encoding", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "Transfer-Encoding", Value: "chunked"}}}}, "header Transfer-Encoding: expected none"},
		{"no host", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "host", Value: ""}}}}, "header host: expected a host, found nothing"},
		{"no host in one row", attack.Request{Data: attacktest.Data([]map[string]string{{"b": "h"}, {"b": ""}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Headers: []payload.Field{{Name: "Host", Value: "{{ .b }}"}}}}, "with data row 2: header Host: expected a host, found nothing"},
		{"line end in a path", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "/a b\nHost: evil"}}, "url: expected one without line ends and control characters"},
		{"line end in a whole url", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/x\r\n\r\n", Query: []payload.Field{{Name: "a", Value: "b"}}}}, "url: expected one without line ends and control characters"},
		{"line end from a row", attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &httpx.Request{URL: "/{{ raw .a }}"}}, "with data row 2: url: expected one without line ends"},
		{"escape", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "/%zz"}}, `url: invalid URL escape "%zz"`},
		{"target's url", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "/\x7f"}}}}, "target 1: url: expected one without line ends"},
		{"target's length", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "/", Headers: []payload.Field{{Name: "Content-Length", Value: "1"}}}}}}, "target 1: header Content-Length: expected none"},
		{"method", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Method: "GE T", URL: "http://h/"}}, `method: expected one such as GET, found "GE T"`},
		{"two bodies", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Body: "a", JSON: "{}"}}, "at most one of body, json, form and file"},
		{"not json", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", JSON: "{"}}, "json: expected JSON: unexpected end"},
		{"expect", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Expect: expect.Expect{Matches: "("}}}, "expect: matches: expected a regular expression: missing closing )"},
		{"status", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Expect: expect.Expect{Status: []int{42}}}}, "expect: status: expected 100 to 599, or 1 to 5 for a class, found 42"},
		{"range", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ randInt 6 1 }}"}}, "expected two numbers in ascending order, found 6 and 1"},
		{"target's method", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "/"}, {Method: "", URL: "/"}}}}, "target 2: method: expected one such as GET"},
		{"target's header", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "/", Headers: []payload.Field{{Name: "A b", Value: "1"}}}}}}, "target 1: expected a header name"},
		{"relative target", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: "/x"}}}}, ""},
		{"relative", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "/x"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.req.Spec.Validate(c.req.Data, nil).Err()
			if c.want == "" {
				if err != nil {
					t.Errorf("expected no error, found %v", err)
				}
				if _, err = httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{c.req}}); err == nil || !strings.Contains(err.Error(), `url: expected one such as`) {
					t.Errorf("expected an error about a relative URL, found %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("expected %q, found %v", c.want, err)
			}
		})
	}
}

// Rendering does not depend on who renders, when, or on what was rendered
// before.
func TestTemplatesAreDeterministic(t *testing.T) {
	r := attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ uuid }}/{{ randInt -3 3 }}/{{ seq }}", Body: "{{ uuid }}"}}
	f := attacktest.Build(t, r)
	uuid := regexp.MustCompile(`^http://h/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/-?[0-3]/[0-9]+$`)
	want := make(map[uint64]string)
	distinct := make(map[string]bool)
	ints := make(map[string]bool)
	for seq := range uint64(500) {
		c, err := f(attack.Arrival{Seq: seq})
		if err != nil {
			t.Fatal(err)
		}
		if !uuid.MatchString(c.URL) {
			t.Fatalf("found %s", c.URL)
		}
		want[seq] = c.URL + string(c.Body)
		distinct[want[seq]] = true
		ints[strings.Split(c.URL, "/")[4]] = true
	}
	if len(distinct) != 500 || len(ints) != 7 {
		t.Errorf("expected 500 distinct and -3 to 3, found %d and %v", len(distinct), slices.Sorted(maps.Keys(ints)))
	}
	g := attacktest.Build(t, r)
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(500) {
				seq := (i*7 + w*131) % 500
				if c, err := g(attack.Arrival{Seq: seq}); err != nil || c.URL+string(c.Body) != want[seq] {
					t.Errorf("arrival %d: expected %s, found %v %v", seq, want[seq], c, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "{{", "{{ .sku }}", "{{ seq }}{{ uuid }}", "{{ randInt 1 6 }}", "{{ randInt -9223372036854775808 9223372036854775807 }}", "{{ .sku | urlquery }}", `{{ printf "%q" .sku }}`, "{{ if }}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "range") || strings.Contains(s, "template") || strings.Contains(s, "define") || strings.Contains(s, "block") || regexp.MustCompile(`%[^a-z]*\d{4}`).MatchString(s) {
			t.Skip("can be made to take for ever, as the author of a scenario may")
		}
		parsed := payload.ParseTemplate(s)
		r := attack.Request{Data: attacktest.Data([]map[string]string{{"sku": "1"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Body: s}}
		if err := r.Spec.Validate(r.Data, nil).Err(); parsed != nil && err == nil {
			t.Errorf("%q: parsing says %v, and building nothing", s, parsed)
		}
		if f, err := httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{r}}); err == nil {
			if c, err := f(attack.Arrival{}); err == nil && !strings.Contains(s, "{{") && string(c.Body) != s {
				t.Errorf("%q became %q", s, c.Body)
			}
		}
	})
}

// Whatever a row holds, a JSON body stays JSON and holds it.
func FuzzJSONBody(f *testing.F) {
	f.Add(`{"a": "{{ .v }}"}`, `x"\`)
	f.Add(`["{{ .v }}", "\u007b{ .v }}"]`, "\n\xff")
	f.Fuzz(func(t *testing.T, body, value string) {
		if strings.Contains(body, "range") || strings.Contains(body, "template") || strings.Contains(body, "define") || strings.Contains(body, "block") {
			t.Skip("can be made to take for ever, as the author of a scenario may")
		}
		// A step of a flow, so that its values are not known before.
		b, wrong := httpx.New(&attack.Plan{
			Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://h/", JSON: body}}},
			Flows:    []attack.Flow{{Data: attacktest.Data([]map[string]string{{"v": "x"}}), Steps: []attack.Step{{Request: 0}}}},
		})
		if wrong != nil {
			return
		}
		c, err := b.BuildWith(attack.Arrival{}, &httpx.Caller{Values: attacktest.Values(map[string]string{"v": value})})
		if err == nil && !json.Valid(c.Body) {
			t.Errorf("%q with %q became %q", body, value, c.Body)
		}
	})
}

func TestBuildMindsTheProtocol(t *testing.T) {
	for protocol, url := range map[string]string{"http2": "http://h/", "h2c": "https://h/"} {
		for _, r := range []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{URL: url}}, {Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{Method: "GET", URL: url}}}}} {
			if _, err := httpx.NewBuilder(&attack.Plan{Protocol: protocol, Requests: []attack.Request{r}}); err == nil || !strings.Contains(err.Error(), "protocol "+protocol) {
				t.Errorf("%s to %s: found %v", protocol, url, err)
			}
		}
	}
}

func TestQueryRoundTrip(t *testing.T) {
	f := attacktest.Build(t, attack.Request{Data: attacktest.Data([]map[string]string{{"v": "ä &=?#+%\n"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/", Query: []payload.Field{{Name: "q", Value: "{{ .v }}"}}}})
	c, err := f(attack.Arrival{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Query().Get("q") != "ä &=?#+%\n" {
		t.Errorf("found %s (%v)", c.URL, err)
	}
}

func BenchmarkBuild(b *testing.B) {
	data := []map[string]string{{"sku": "A-1042", "name": "Grace Hopper", "city": "Zürich"}, {"sku": "B-77", "name": "Ada", "city": "London"}}
	for _, c := range []struct {
		name string
		req  attack.Request
	}{
		{"literal", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/x", Query: []payload.Field{{Name: "a", Value: "b"}}}}},
		{"path", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/products/{{ .sku }}"}}},
		{"query", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/products", Query: []payload.Field{{Name: "name", Value: "{{ .name }}"}, {Name: "n", Value: "{{ seq }}"}}}}},
		{"json", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://h/orders", JSON: `{"sku": "{{ .sku }}", "name": "{{ .name }}", "city": "{{ .city }}"}`}}},
		{"random", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/orders", Headers: []payload.Field{{Name: "Idempotency-Key", Value: "{{ uuid }}"}}}}},
		{"text-template", attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{URL: `http://h/products/{{ if eq .sku "B-77" }}none{{ else }}{{ .sku }}{{ end }}`}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.req.Data = attacktest.Data(data)
			f, err := httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{c.req}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				call, err := f(attack.Arrival{Seq: n, Nth: n})
				if err != nil {
					b.Fatal(err)
				}
				call.Done = true // as engine fast says once it has sent it
				call.Release()
			}
		})
	}
}
