package attack

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCookies(t *testing.T) {
	type step struct {
		url    string
		header []Field  // of the request
		want   string   // Cookie lines that go out, joined by " | "
		set    []string // of the answer
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"sent back", []step{
			{url: "http://h/login", set: []string{"a=1", "b=2; Path=/"}},
			{url: "http://h/next", want: "a=1; b=2"},
		}},
		{"below their path", []step{
			{url: "http://h/shop/login", set: []string{"a=1"}},
			{url: "http://h/shop/cart", want: "a=1"},
			{url: "http://h/other"},
		}},
		{"of their host", []step{
			{url: "http://h/", set: []string{"a=1"}},
			{url: "http://other/"},
			{url: "http://h:81/", want: "a=1"},
		}},
		{"of the host that a header names", []step{
			{url: "http://127.0.0.1/", header: []Field{{"host", "eu.shop.test"}}, set: []string{"a=1; Domain=shop.test"}},
			{url: "http://127.0.0.1/", header: []Field{{"Host", "us.shop.test"}}, want: "a=1"},
			{url: "http://127.0.0.1/"},
		}},
		{"over TLS only", []step{
			{url: "https://h/", set: []string{"a=1; Secure"}},
			{url: "http://h/"},
			{url: "https://h/", want: "a=1"},
		}},
		{"changed and taken back", []step{
			{url: "http://h/", set: []string{"a=1", "b=1"}},
			{url: "http://h/", want: "a=1; b=1", set: []string{"a=2", "b=; Max-Age=0"}},
			{url: "http://h/", want: "a=2"},
		}},
		{"beside the request's own", []step{
			{url: "http://h/", header: []Field{{"cookie", "own=1;"}}, want: "own=1;", set: []string{"a=1"}},
			{url: "http://h/", header: []Field{{"X-A", "x"}, {"cookie", "own=1;"}}, want: "own=1; a=1"},
		}},
		{"nonsense", []step{
			{url: "http://h/", set: []string{"", "=", "a b=1"}},
			{url: "http://h/"},
		}},
		{"a value in quotes", []step{
			{url: "http://h/", set: []string{`a="x y"`}},
			{url: "http://h/", want: `a="x y"`},
		}},
		{"a URL that is none", []step{
			{url: "http://h/", set: []string{"a=1"}},
			{url: "http://h:x/", set: []string{"a=2"}},
			{url: "http://h/", want: "a=1"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newCookies()
			for i, s := range c.steps {
				call := &Call{Method: "POST", URL: s.url, Header: s.header, Body: []byte("b"), WantBody: true, WantHeader: true, fixed: true}
				before := fmt.Sprintf("%+v", call)
				sent := k.add(call)
				var lines []string
				for _, h := range sent.Header {
					if strings.EqualFold(h.Name, "Cookie") {
						lines = append(lines, h.Value)
					}
				}
				if got := strings.Join(lines, " | "); got != s.want {
					t.Errorf("step %d: expected %q, found %q", i, s.want, got)
				}
				if after := fmt.Sprintf("%+v", call); after != before {
					t.Errorf("step %d: the call itself was changed from %s to %s", i, before, after)
				}
				if sent != call && (sent.fixed || sent.Method != "POST" || sent.URL != s.url || string(sent.Body) != "b" || !sent.WantBody || !sent.WantHeader) {
					t.Errorf("step %d: not the same call: %+v", i, sent)
				}
				k.keep(call, &Reply{Header: http.Header{"Set-Cookie": s.set}})
			}
		})
	}
}

// The cookies come from and go out through every engine.
func TestCookiesThroughEngines(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		fmt.Fprint(w, r.Header["Cookie"])
	}))
	defer srv.Close()
	eachEngine(t, Options{MaxInFlight: 1}, func(t *testing.T, e Engine) {
		k := newCookies()
		call := &Call{Method: "GET", URL: srv.URL, WantBody: true, WantHeader: true, fixed: true}
		for _, want := range []string{"[]", "[a=1; b=2]"} {
			r := e.Send(context.Background(), k.add(call))
			if string(r.Body) != want {
				t.Errorf("expected %s, found %s (%v)", want, r.Body, r.Err)
			}
			k.keep(call, &r)
		}
	})
}

func TestNoCookiesCostNothing(t *testing.T) {
	k := newCookies()
	call := &Call{Method: "GET", URL: "http://h/"}
	r := &Reply{Header: http.Header{"Content-Type": {"text/plain"}}}
	if n := testing.AllocsPerRun(100, func() {
		k.keep(call, r)
		if k.add(call) != call {
			t.Error("the call was copied")
		}
	}); n != 0 {
		t.Errorf("expected no allocation, found %v", n)
	}
}
