package fast

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// hungry is steady for requests with a body.
func hungry(tb testing.TB) (url string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
	length, end := []byte("\r\nContent-Length: "), []byte("\r\n\r\n")
	// whole says that b is a request, body and all.
	whole := func(b []byte) bool {
		at := bytes.Index(b, end)
		if at < 0 {
			return false
		}
		n := 0
		if i := bytes.Index(b[:at], length); i >= 0 {
			for _, d := range b[i+len(length) : at] {
				if d < '0' || d > '9' {
					break
				}
				n = 10*n + int(d-'0')
			}
		}
		return len(b) == at+len(end)+n
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 64<<10)
				for n := 0; ; {
					m, err := c.Read(buf[n:])
					if n += m; err != nil {
						return
					}
					if whole(buf[:n]) {
						n = 0
						if _, err := c.Write(answer); err != nil {
							return
						}
					}
				}
			})
		}
	})
	tb.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

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
	{"raw", httpx.Request{URL: "/{{ raw .b }}"}, 60},
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

// BenchmarkTemplatedWire is what of that is neither the network's nor the
// answer's.
func BenchmarkTemplatedWire(b *testing.B) {
	for _, c := range priced {
		b.Run(c.name, func(b *testing.B) {
			c.req.URL = "http://target" + c.req.URL
			e, builder := newWires(b, withRows(c.req, map[string]string{"a": "x1", "b": "Zürich"}))
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				call, err := builder.Build(attack.Arrival{Seq: n, Nth: n})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.encode(call); err != nil {
					b.Fatal(err)
				}
				call.Release()
			}
		})
	}
}

// sender returns what sends the request's next arrival, with the cookies of jar.
func sender(tb testing.TB, r httpx.Request, jar *httpx.Jar) func() {
	r.URL = hungry(tb) + r.URL
	engine, builder := newWires(tb, withRows(r, map[string]string{"a": "x1", "b": "Zürich"}))
	seq, from := uint64(0), httpx.From{Cookies: jar}
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
