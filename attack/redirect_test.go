package attack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
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
	}{
		{"none asked for", 0, "/hop/1", 307, ""},
		{"one", 1, "/hop/1", 200, "POST hello"},
		{"as many as allowed", 3, "/hop/3", 200, "POST hello"},
		{"more than allowed", 2, "/hop/3", 307, ""},
		{"to a host that nobody named", 5, "/away", 302, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := newHTTPEngine(Options{MaxInFlight: 1, Redirects: c.redirects, Hosts: map[string]bool{u.Host: true}})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			r := e.Send(t.Context(), &Call{Method: "POST", URL: srv.URL + c.path, Body: []byte("hello"), WantBody: true, WantHeader: true})
			if r.Err != nil || r.Status != c.status || string(r.Body) != c.body || r.Connect == 0 {
				t.Errorf("expected %d %q on a new connection, found %d %q after %s: %v", c.status, c.body, r.Status, r.Body, r.Connect, r.Err)
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
	for redirects, want := range []string{"", KindStatus} {
		p := holdPlan(100, 50*time.Millisecond, time.Second, 5)
		p.Engine, p.Redirects = "http", redirects
		p.Requests[0].URL = srv.URL
		e, err := NewEngine(p)
		if err != nil {
			t.Fatal(err)
		}
		_, c := run(t, t.Context(), p, RunOptions{Engine: e, Start: time.Now()})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for _, r := range c.of(Done) {
			if r.Kind != want {
				t.Errorf("with %d redirects: expected kind %q, found %q: %s", redirects, want, r.Kind, r.Detail)
			}
		}
	}
}
