package fast_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// The cookies come from and go out through every engine, as they came, and are
// kept on the way to where a redirect leads.
func TestCookiesThroughEngines(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			for _, c := range oddCookies {
				w.Header().Add("Set-Cookie", c+"; Path=/")
			}
			w.Header().Set("Location", "/hop")
			w.WriteHeader(http.StatusFound)
		case "/hop":
			w.Header().Add("Set-Cookie", "hop=1; Path=/")
			w.Header().Add("Set-Cookie", "user@x=; Path=/; Max-Age=0")
			w.Header().Set("Location", "/home")
			w.WriteHeader(http.StatusFound)
		default:
			_, _ = fmt.Fprint(w, strings.Join(r.Header["Cookie"], " | "))
		}
	}))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(oddCookies, "; ")
	left := strings.Join(oddCookies[:len(oddCookies)-1], "; ")
	for _, c := range []struct {
		name      string
		redirects int
		steps     []string
		want      []string
	}{
		{"set by answers", 0, []string{"/home", "/login", "/home", "/hop", "/home"}, []string{"", "", all, "", left + "; hop=1"}},
		{"set on the way", 3, []string{"/home", "/login", "/home"}, []string{"", left + "; hop=1", left + "; hop=1"}},
		{"set by the last, which is not followed", 1, []string{"/login", "/home"}, []string{"", left + "; hop=1"}},
	} {
		opt := httpx.Options{MaxInFlight: 1, Redirects: c.redirects, Hosts: map[string]bool{u.Host: true}}
		for _, kind := range engines() {
			if c.redirects > 0 && kind.Name != "http" {
				continue
			}
			for _, own := range []string{"", "own=1"} {
				t.Run(c.name+"/"+kind.Name+"/"+own, func(t *testing.T) {
					e, err := kind.New(opt)
					if err != nil {
						t.Fatal(err)
					}
					defer e.Close()
					jar := httpx.NewJar()
					for i, path := range c.steps {
						p := &attack.Plan{Redirects: c.redirects, Flows: []attack.Flow{{Name: "f", Steps: []attack.Step{{Request: 0}}}}}
						p.Requests = []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{Method: "GET", URL: srv.URL + path, Expect: expect.Expect{Body: "x"}}}}
						if own != "" {
							p.Requests[0].Spec.(*httpx.Request).Headers = []payload.Field{{Name: "Cookie", Value: own}}
						}
						b, wrong := httpx.New(p)
						if wrong != nil {
							t.Fatal(wrong)
						}
						call, err := b.BuildWith(attack.Arrival{}, &httpx.Caller{Cookies: jar})
						if err != nil {
							t.Fatal(err)
						}
						r := e.Send(t.Context(), call)
						want := c.want[i]
						if r.Status == 200 && own != "" {
							want = strings.TrimSuffix(own+"; "+want, "; ")
						}
						if r.Err != nil || string(r.Body) != want {
							t.Errorf("step %d, %s: expected %s, found %d %s (%v)", i, path, want, r.Status, r.Body, r.Err)
						}
						if !r.KeptCookies {
							jar.Keep(httpx.SiteOf(call), r.CookieLines())
						}
						call.Release()
					}
				})
			}
		}
	}
}

// A request that is no step keeps cookies on the way of its redirects, and none
// for the next.
func TestCookiesOfOneRequest(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			w.Header().Add("Set-Cookie", fmt.Sprintf("n%s=1", r.URL.RawQuery))
			http.Redirect(w, r, "/home", http.StatusFound)
			return
		}
		_, _ = fmt.Fprint(w, r.Header["Cookie"])
	}))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	e, err := std.New(httpx.Options{MaxInFlight: 1, Redirects: 1, Hosts: map[string]bool{u.Host: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, n := range []string{"1", "2"} {
		r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: srv.URL + "/login?" + n, WantBody: true})
		if want := "[n" + n + "=1]"; r.Err != nil || string(r.Body) != want {
			t.Errorf("expected %s, found %s (%v)", want, r.Body, r.Err)
		}
	}
}
