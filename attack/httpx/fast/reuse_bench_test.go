package fast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// shapes of requests, from those that are all the same to those that go through
// text/template.
var priced = []struct {
	name string
	req  httpx.Request
	most float64 // allocations
}{
	{"fixed", httpx.Request{URL: "/x"}, 0},
	{"path", httpx.Request{URL: "/{{ .a }}"}, 1},
	{"query", httpx.Request{URL: "/", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}}}, 1},
	{"header", httpx.Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .a }}"}}}, 1},
	{"json", httpx.Request{Method: "POST", URL: "/", JSON: `{"a": "{{ .a }}", "b": "{{ .b }}", "n": "{{ seq }}"}`}, 0},
	{"all", httpx.Request{Method: "POST", URL: "/{{ .a }}?n={{ nth }}", Headers: []payload.Field{{Name: "X-A", Value: "{{ uuid }}"}, {Name: "Host", Value: "{{ .a }}"}}, Form: []payload.Field{{Name: "a", Value: "{{ .a }}"}, {Name: "n", Value: "{{ randInt 1 6 }}"}}}, 1},
	{"text-template", httpx.Request{URL: "/{{ if .a }}{{ .a }}{{ end }}"}, 20},
	{"escaped", httpx.Request{URL: "/{{ .b }}"}, 1},
	{"raw", httpx.Request{URL: "/{{ raw .b }}"}, 25},
}

// BenchmarkTemplated is all that a request takes: build, send, read, release.
func BenchmarkTemplated(b *testing.B) {
	for _, c := range priced {
		b.Run(c.name, func(b *testing.B) {
			send := sender(b, c.req, nil)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

// jarOfAll holds cookies for any host here.
func jarOfAll() *httpx.Jar {
	k := httpx.NewJar()
	k.Keep(httpx.NewSite(false, "127.0.0.1", "/"), []string{"sid=2543ebb4,Fy4oMd", `prefs={"theme":"dark"}; Max-Age=3600`, "other=1; Path=/other"})
	k.Keep(httpx.NewSite(false, "x1", "/"), []string{"sid=x1"})
	return k
}

// BenchmarkTemplatedCookies is BenchmarkTemplated of steps whose caller has cookies.
func BenchmarkTemplatedCookies(b *testing.B) {
	for _, c := range priced {
		b.Run(c.name, func(b *testing.B) {
			send := sender(b, c.req, jarOfAll())
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

// sender returns what sends the request's next arrival, with the cookies of jar.
func sender(tb testing.TB, r httpx.Request, jar *httpx.Jar) func() {
	r.URL = strings.TrimSuffix(attacktest.Steady(tb, nil), "/") + r.URL
	e, err := fast.New(httpx.Options{MaxInFlight: 1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	engine := e.(httpx.DeadlineSender)
	builder, wrong := builderOf(withRows(r, map[string]string{"a": "x1", "b": "Zürich"}))
	if wrong != nil {
		tb.Fatal(wrong)
	}
	seq, from := uint64(0), httpx.Caller{Cookies: jar}
	return func() {
		call, err := builder.BuildWith(attack.Arrival{Seq: seq, Nth: seq}, &from)
		if err != nil {
			tb.Fatal(err)
		}
		if jar != nil && len(call.Cookie) == 0 {
			tb.Fatal("no cookies")
		}
		if r := engine.SendBy(tb.Context(), wire.Deadlines{Done: time.Now().Add(time.Minute)}, call); r.Err != nil {
			tb.Fatal(r.Err)
		}
		call.Release()
		seq++
	}
}
