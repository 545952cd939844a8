package fast_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// shopPlan is a flow of three steps: log in, look, pay.
func shopPlan(rate arrivals.Rate, d time.Duration) *attack.Plan {
	p := attacktest.HoldPlan(rate, d, 5*time.Second, 100)
	p.Requests = []attack.Request{
		{Name: "home", Weight: 0, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/"}},
		{Name: "buy/login", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/login?user={{ .user }}"}},
		{Name: "buy/look", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/look", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer {{ .token }}"}}}},
		{Name: "buy/pay", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/pay/{{ .id }}?user={{ .user }}"}},
	}
	p.Flows = []attack.Flow{{Name: "buy", Weight: 1, Data: attacktest.Data([]map[string]string{{"user": "ann"}, {"user": "bob"}}), Steps: []attack.Step{
		{Request: 1, Captures: []expect.Capture{{Name: "token", JSON: "$.token"}}, Think: 300 * time.Millisecond},
		{Request: 2, Captures: []expect.Capture{{Name: "id", Matches: `id=(\d+)`}}, Think: 200 * time.Millisecond},
		{Request: 3},
	}}}
	return p
}

// shop answers shopPlan's flow, and refuses who does not come by it.
type shop struct {
	mu   sync.Mutex
	seen []string
	slow map[string]time.Duration // by path
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.URL.RequestURI())
	s.mu.Unlock()
	time.Sleep(100*time.Millisecond + s.slow[r.URL.Path])
	cookie, _ := r.Cookie("user")
	switch {
	case r.URL.Path == "/login":
		user := r.URL.Query().Get("user")
		http.SetCookie(w, &http.Cookie{Name: "user", Value: user})
		_, _ = fmt.Fprintf(w, `{"token": "of-%s"}`, user)
	case cookie == nil:
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/look" && r.Header.Get("Authorization") == "Bearer of-"+cookie.Value:
		_, _ = fmt.Fprintf(w, "<a href=?id=%d>", len(cookie.Value))
	case r.URL.Path == "/pay/3" && r.URL.Query().Get("user") == cookie.Value:
		_, _ = io.WriteString(w, "paid")
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

// visit runs a plan against a shop, with an engine, under a fake clock.
func visit(t *testing.T, engine string, p *attack.Plan, s http.Handler, stop func(start time.Time) (context.Context, <-chan struct{})) (res runner.RunResult, requests, flows []attack.Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ln := newPipes()
		srv := &http.Server{Handler: s}
		var serving sync.WaitGroup
		serving.Go(func() { _ = srv.Serve(ln) })
		p.Engine = engine
		e, err := engineNamed(t, engine).New(httpx.Options{MaxInFlight: p.MaxInFlight, Dial: ln.dial})
		if err != nil {
			t.Fatal(err)
		}
		ctx, opt := t.Context(), runner.Options{Start: time.Now()}
		if stop != nil {
			ctx, opt.Stop = stop(opt.Start)
		}
		var sink *attacktest.Sink
		res, sink = attacktest.Run(t, ctx, p, e, opt)
		requests, flows = sink.Requests(), sink.Flows()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		_ = srv.Close()
		serving.Wait()
		time.Sleep(time.Minute) // for handlers whose caller has left
	})
	return res, requests, flows
}

func engineNamed(t *testing.T, name string) httpx.EngineKind {
	t.Helper()
	for _, k := range engines() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no engine %q", name)
	return httpx.EngineKind{}
}

// A flow is arrivals of the open loop; each step is due when the one before is
// done and thought over, and what it took is known of the steps and of the
// whole.
func TestFlow(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.Name, func(t *testing.T) {
			s := &shop{slow: map[string]time.Duration{"/look": 50 * time.Millisecond}}
			res, requests, flows := visit(t, engine.Name, shopPlan(5, 2*time.Second), s, nil)
			if want := (runner.RunResult{Planned: 30, Done: 30, End: 2 * time.Second}); res != want {
				t.Fatalf("expected %+v, found %+v", want, res)
			}
			if len(flows) != 10 {
				t.Fatalf("expected 10 flows of 3 requests, found %d", len(flows))
			}
			for _, r := range requests {
				if r.Kind != "" {
					t.Fatalf("request %d failed: %s: %s", r.Request, r.Kind, r.Detail)
				}
			}
			// whole is what is known of a flow as one arrival.
			type whole struct {
				Intended, Sent, Done, Thought time.Duration

				Request int
				Nth     uint64
				Kind    string
			}
			for k, f := range flows {
				at := time.Duration(k) * 200 * time.Millisecond
				// Three answers of 100 ms and 50 more, without 500 ms of thought.
				want := whole{at, at, at + 350*time.Millisecond, 500 * time.Millisecond, 0, uint64(k), ""}
				got := whole{f.Intended, f.Sent, f.Done, f.ThinkTime, f.Request, f.Nth, f.Kind}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("flow %d (-want +got):\n%s", k, diff)
				}
				steps := map[int]time.Duration{}
				for _, r := range requests {
					if r.Seq > f.Seq && r.Seq <= f.Seq+3 {
						steps[r.Request] = r.Intended - at
					}
				}
				if fmt.Sprint(steps) != "map[1:0s 2:400ms 3:750ms]" {
					t.Errorf("flow %d: steps were due after %v", k, steps)
				}
			}
		})
	}
}

// A step that fails ends its flow; the others never come due.
func TestFlowFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(p *attack.Plan)
		kind  string
		say   string
		after int // requests of each flow
	}{
		{"status", func(p *attack.Plan) { p.Requests[2].Spec.(*httpx.Request).Headers = nil }, timeline.KindStatus, "buy/look: expected status", 2},
		{"capture", func(p *attack.Plan) { p.Flows[0].Steps[0].Captures[0].JSON = "$.other" }, timeline.KindCapture, "buy/login: capture token", 1},
		{"template", func(p *attack.Plan) { p.Flows[0].Data = nil }, timeline.KindTemplate, `buy/login: url: the data row has no column "user"`, 1},
		{"timeout", func(p *attack.Plan) { p.Requests[3].Timeout = 50 * time.Millisecond }, timeline.KindTimeout, "buy/pay: no complete answer", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := shopPlan(5, time.Second)
			c.spoil(p)
			res, requests, flows := visit(t, "fast", p, &shop{}, nil)
			if len(flows) != 5 || len(requests) != 5*c.after || !res.Complete() {
				t.Fatalf("expected 5 flows of %d requests, found %d of %d in all", c.after, len(flows), len(requests))
			}
			for _, f := range flows {
				if f.Kind != c.kind || !strings.HasPrefix(f.Detail, c.say) {
					t.Errorf("found %s: %s", f.Kind, f.Detail)
				}
			}
		})
	}
}

// A flow that is stopped while it thinks is interrupted; its requests are not.
func TestFlowStops(t *testing.T) {
	for _, hard := range []bool{false, true} {
		t.Run(fmt.Sprint(hard), func(t *testing.T) {
			res, requests, flows := visit(t, "fast", shopPlan(5, 10*time.Second), &shop{}, func(start time.Time) (context.Context, <-chan struct{}) {
				ctx, cancel := context.WithCancel(context.Background()) // of the bubble's own
				stop := make(chan struct{})
				time.AfterFunc(970*time.Millisecond, func() {
					close(stop)
					if hard {
						cancel()
					}
				})
				return ctx, stop
			})
			if !res.Stopped || res.End != 970*time.Millisecond {
				t.Errorf("expected a stop at 970ms, found stopped %v at %s", res.Stopped, res.End)
			}
			if res.Complete() || res.CutOff == 0 {
				t.Errorf("expected flows that were cut off, found %d, whole %v", res.CutOff, res.Complete())
			}
			cut := 0
			for _, f := range flows {
				if f.End == attack.Interrupted {
					cut++
				} else if f.Kind != "" {
					t.Errorf("found %+v", f)
				}
			}
			if len(flows) != 5 || cut != int(res.CutOff) || cut == len(flows) {
				t.Errorf("expected 5 flows, some of them interrupted, found %d of %d", cut, len(flows))
			}
			for _, r := range requests {
				if r.End == attack.Interrupted && !hard || r.Kind != "" {
					t.Errorf("found %+v", r)
				}
			}
		})
	}
}

// A flow that never gets a slot is unsent, and so is its first request.
func TestFlowUnsent(t *testing.T) {
	p := shopPlan(5, time.Second)
	p.MaxInFlight, p.Timeout = 1, 500*time.Millisecond
	p.Flows[0].Steps[0].Think = 2 * time.Second
	res, requests, flows := visit(t, "fast", p, &shop{}, nil)
	if len(flows) != 5 || res.Unsent != 4 || len(requests) != 4+3 {
		t.Fatalf("found %d flows, %d requests and %+v", len(flows), len(requests), res)
	}
	for _, f := range flows[1:] {
		if f.End != attack.Unsent || f.Done != f.Intended+500*time.Millisecond {
			t.Errorf("found %+v", f)
		}
	}
}

// Users of a closed loop keep their cookies from flow to flow.
func TestFlowOfUsers(t *testing.T) {
	p := shopPlan(1, 5*time.Second)
	p.Stages[0].Shape = arrivals.Users{From: 2, To: 2, Think: 100 * time.Millisecond}
	_, requests, flows := visit(t, "fast", p, &shop{}, nil)
	if len(flows) != 2*6 { // 300 ms of answers, 500 of thought within and 100 between
		t.Errorf("expected 12 flows, found %d", len(flows))
	}
	for _, r := range requests {
		if r.Kind != "" {
			t.Fatalf("found %+v", r)
		}
	}
}
