package fast_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// The beginning of an answer that is no good is there, asked for or not, and
// whole answers are only for those who ask.
func TestEnginesKeepWhatMayBecomeASample(t *testing.T) {
	const maxSample = 2 << 10 // of what is kept of answers that nobody looks at
	const long = 3 * maxSample
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("X-Why", "because")
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", fmt.Sprint(long))
		}
		w.WriteHeader(status)
		for range 3 {
			_, _ = io.WriteString(w, strings.Repeat("x", long/3))
			_ = http.NewResponseController(w).Flush()
		}
	}))
	defer srv.Close()
	for _, c := range []struct {
		name   string
		path   string
		method string
		want   bool
		kept   int
	}{
		{"good, not asked for", "/200", "GET", false, 0},
		{"good, asked for", "/200", "GET", true, long},
		{"not found", "/404", "GET", false, maxSample},
		{"error, of a known length", "/500?length", "GET", false, maxSample},
		{"error, asked for", "/500", "GET", true, long},
		{"error without a body", "/500", "HEAD", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
				r := e.Send(t.Context(), &httpx.Call{Method: c.method, URL: srv.URL + c.path, WantBody: c.want})
				if r.Err != nil || len(r.Body) != c.kept {
					t.Errorf("expected %d bytes, found %d (%v)", c.kept, len(r.Body), r.Err)
				}
				if c.method != "HEAD" && r.BytesIn != long {
					t.Errorf("expected %d bytes in, found %d", long, r.BytesIn)
				}
				if why := r.Header.Get("X-Why"); r.Status >= 400 && why != "because" {
					t.Errorf("expected its headers, found %v", r.Header)
				}
			})
		})
	}
}

// choosy is a sink that wants the samples of some arrivals.
type choosy struct{ attacktest.Sink }

func (c *choosy) WantsSample(r *attack.Result) bool {
	return r.Kind == timeline.KindStatus && r.Seq%3 == 0
}

// The sink says which answers are kept, and they come with what was sent, and with what
// is secret of it.
func TestSamplesHaveWhatWasSent(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "no coffee")
	}))
	defer srv.Close()
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		p := attacktest.HoldPlan(100, 60*time.Millisecond, time.Minute, 1)
		p.Requests = []attack.Request{{Name: "a", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: srv.URL + "/brew/{{ seq }}?token=s3cr3tvalue&size=2", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer s3cr3ttoken"}, {Name: "X-Trace", Value: "t-{{ seq }}"}}, JSON: `{"sku":"abc-{{ seq }}","password":"s3cr3tword"}`}}}
		got := new(choosy)
		if _, err := runner.Run(t.Context(), p, runner.Options{Clients: attacktest.Clients(t, p, e), Sink: got, Start: time.Now()}); err != nil {
			t.Fatal(err)
		}
		for _, r := range got.Of(attack.Done) {
			if r.Kind != timeline.KindStatus {
				t.Errorf("found %+v", r)
			}
			if (r.Sample != nil) != (r.Seq%3 == 0) {
				t.Errorf("arrival %d: sample %v", r.Seq, r.Sample)
			}
			if r.Sample == nil {
				continue
			}
			s := r.Sample
			url := fmt.Sprintf("%s/brew/%d?token=s3cr3tvalue&size=2", srv.URL, r.Seq)
			body := fmt.Sprintf(`{"sku":"abc-%d","password":"s3cr3tword"}`, r.Seq)
			if s.Sent == nil {
				t.Fatalf("arrival %d: nothing is said to be sent", r.Seq)
			}
			type exchange struct {
				Method, URL, Sent, Trace string
				Status                   int
				Answer                   string
			}
			want := exchange{"POST", url, body, fmt.Sprint("t-", r.Seq), http.StatusTeapot, "no coffee"}
			trace := http.Header(s.Sent.Header).Get("X-Trace")
			found := exchange{s.Method, s.URL, s.Sent.Body, trace, s.Status, s.Body}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("arrival %d (-want +got):\n%s", r.Seq, diff)
			}
			if !slices.Contains(r.Secrets, "s3cr3ttoken") {
				t.Errorf("arrival %d: the token is not among the secrets %q", r.Seq, r.Secrets)
			}
		}
	})
}

// An answer that breaks off is no answer, and leaves nothing to be sampled.
func TestEnginesKeepNothingOfABrokenAnswer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(500)
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: srv.URL})
		if r.Err == nil {
			t.Error("expected an error")
		}
		if r.Status != 0 || r.Header != nil || r.Body != nil {
			t.Errorf("expected nothing of the answer, found status %d, headers %v and body %q",
				r.Status, r.Header, r.Body)
		}
	})
}
