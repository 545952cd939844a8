package fast_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestHTTPFollowsRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var n int
		switch _, err := fmt.Sscanf(r.URL.Path, "/hop/%d", &n); {
		case r.URL.Path == "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case err == nil && n > 0:
			time.Sleep(10 * time.Millisecond)
			http.Redirect(w, r, fmt.Sprintf("/hop/%d", n-1), http.StatusTemporaryRedirect)
		default:
			_, _ = fmt.Fprintf(w, "%s %s", r.Method, body)
		}
	}))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		redirects int
		path      string
		status    int
		body      string
		followed  uint32
	}{
		{"none asked for", 0, "/hop/1", 307, "", 0},
		{"one", 1, "/hop/1", 200, "POST hello", 1},
		{"as many as allowed", 3, "/hop/3", 200, "POST hello", 3},
		{"more than allowed", 2, "/hop/3", 307, "", 2},
		{"to a host that nobody named", 5, "/away", 302, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := std.New(httpx.Options{MaxInFlight: 1, Redirects: c.redirects, Hosts: map[string]bool{u.Host: true}})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			r := e.Send(t.Context(), &httpx.Call{Method: "POST", URL: srv.URL + c.path, Body: []byte("hello"), WantBody: true, WantHeader: true})
			if r.Err != nil || r.Status != c.status || string(r.Body) != c.body {
				t.Errorf("expected %d %q, found %d %q: %v", c.status, c.body, r.Status, r.Body, r.Err)
			}
			if r.Phases[timeline.Connect] == 0 {
				t.Error("expected a new connection, found none")
			}
			if n := r.Counts[timeline.Redirects]; n != c.followed {
				t.Errorf("%d redirects were counted, want %d", n, c.followed)
			}
			if hops := c.redirects; c.status == 200 && r.Done.Sub(r.Sent) < time.Duration(hops)*10*time.Millisecond {
				t.Errorf("%d redirects of 10ms each took %s", hops, r.Done.Sub(r.Sent))
			}
		})
	}
}

// A redirect that is not followed, though some are, is no good answer.
func TestRedirectsLeftOver(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }))
	defer srv.Close()
	for redirects, want := range []string{"", timeline.KindStatus} {
		p := attacktest.HoldPlan(100, 50*time.Millisecond, time.Second, 5)
		p.Engine, p.Redirects = "http", redirects
		p.Requests[0].Spec.(*httpx.Request).URL = srv.URL
		c := runOwn(t, p)
		for _, r := range c.Of(attack.Done) {
			if r.Kind != want {
				t.Errorf("with %d redirects: expected kind %q, found %q: %s", redirects, want, r.Kind, r.Detail)
			}
		}
	}
}

// What is not followed says why, and how it would be.
func TestRedirectsSayWhy(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL+"/secret-path?token=x", http.StatusMovedPermanently)
			return
		}
		http.Redirect(w, r, "/on", http.StatusFound)
	}))
	defer srv.Close()
	elsewhere, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		hosts      []string // that only redirects lead to
		want       string
	}{
		{"elsewhere", "/away", nil, fmt.Sprintf("expected status 2xx, found 301: it redirects to %s, a host that the scenario does not name: list it as attack.redirect_hosts: [%q]",
			other.URL, elsewhere.Host)},
		{"too many", "/on", nil, fmt.Sprintf("expected status 2xx, found 302: a redirect to %s came after 3 others, and redirects says to follow 3", srv.URL)},
		{"named with its port", "/away", []string{elsewhere.Host}, ""},
		{"named without", "/away", []string{elsewhere.Hostname()}, ""},
		{"named as a URL", "/away", []string{other.URL}, ""},
		{"another port", "/away", []string{elsewhere.Hostname() + ":1"}, "the scenario does not name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := attacktest.HoldPlan(20, 50*time.Millisecond, 20*time.Second, 1)
			p.Engine, p.Redirects, p.RedirectHosts = "http", 3, c.hosts
			p.Requests[0].Spec.(*httpx.Request).URL = srv.URL + c.path
			got := runOwn(t, p)
			for _, r := range got.Of(attack.Done) {
				if !strings.Contains(r.Detail, c.want) || (c.want == "") != (r.Detail == "") {
					t.Errorf("found %q, want %q", r.Detail, c.want)
				}
			}
		})
	}
}

func TestRedirectHost(t *testing.T) {
	for in, want := range map[string]string{
		"shop.example":             "shop.example ",
		"Shop.Example.":            "shop.example ",
		"shop.example:8443":        "shop.example 8443",
		"https://shop.example":     "shop.example 443",
		"https://shop.example/a?b": "shop.example 443",
		"http://[::1]:8080":        "::1 8080",
		"[::1]":                    "::1 ",
		"::1":                      "::1 ",
		"127.0.0.1:1":              "127.0.0.1 1",
		"":                         "bad",
		"shop.example/a":           "bad",
		"*.example":                "bad",
		"ftp://shop.example":       "bad",
		"shop.example:0":           "bad",
		"shop.example:70000":       "bad",
		":80":                      "bad",
	} {
		host, port, err := httpx.RedirectHost(in)
		got := host + " " + port
		if err != nil {
			got = "bad"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
