package observe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// told is what a run was told.
type told struct {
	mu       sync.Mutex
	readings []timeline.Reading
	events   []timeline.Event
	refused  error
	said     []string
}

func (x *told) env() *observe.Env {
	return &observe.Env{
		Attack:    &attack.Plan{Engine: "fast", MaxInFlight: 1, Protocol: "auto"},
		Protocols: protocols.All(),
		Refused:   func(err error) { x.mu.Lock(); defer x.mu.Unlock(); x.refused = err },
		Redact: func(own []string) func(string) string {
			return func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }
		},
		Progress: func(f string, args ...any) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.said = append(x.said, fmt.Sprintf(f, args...))
		},
	}
}

// observed prepares and observes for so long.
func observed(t *testing.T, p *observe.Plan, long time.Duration, change func(*observe.Run)) (*told, error) {
	t.Helper()
	x := &told{}
	set, err := observe.Prepare(t.Context(), p, x.env())
	if err != nil {
		return x, err
	}
	defer func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	}()
	stop, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	r := &observe.Run{
		Start: time.Now(), End: long, Stop: stop, Abort: t.Context(),
		Tell: func(r timeline.Reading) {
			if err := r.Validate(); err != nil {
				t.Errorf("%+v: %v", r, err)
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			x.readings = append(x.readings, r)
		},
		Event:   func(e timeline.Event) { x.mu.Lock(); defer x.mu.Unlock(); x.events = append(x.events, e) },
		Faulted: func(string, timeline.Window) bool { return false },
	}
	if change != nil {
		change(r)
	}
	set.Observe(r)
	if change == nil {
		<-stop.Done()
	}
	set.Finish(r)
	slices.SortStableFunc(x.readings, func(a, b timeline.Reading) int { return int(a.From - b.From) })
	return x, nil
}

func probe(p observe.Probe) *observe.Plan { return &observe.Plan{Probes: []observe.Probe{p}} }

func get(url string, e expect.Expect) *attack.Request {
	return &attack.Request{Name: "p", Protocol: httpx.Name, Spec: &httpx.Request{Method: "GET", URL: url, Expect: e}}
}

func connect(address string) *attack.Request {
	return &attack.Request{Name: "p", Protocol: tcp.Name, Spec: &tcp.Request{Address: address}}
}

// closed is an address where nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestProbesFind(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/admin" {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, `{"state":"up","token":"hunter2"}`)
	}))
	defer web.Close()
	secure := httptest.NewUnstartedServer(web.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	secure.StartTLS()
	defer secure.Close()
	address, _ := strings.CutPrefix(web.URL, "http://")
	shut := closed(t)
	any := &expect.Expect{}
	for _, tt := range []struct {
		name  string
		probe observe.Probe
		want  string // in the detail of a failure; "" if it succeeds
	}{
		{"status", observe.Probe{Request: get(web.URL, expect.Expect{})}, ""},
		{"status, wrong", observe.Probe{Request: get(web.URL+"/admin", expect.Expect{})}, "found 403"},
		{"a refusal is what is wanted", observe.Probe{Request: get(web.URL+"/admin", expect.Expect{Status: []int{401, 403}})}, ""},
		{"json", observe.Probe{Request: get(web.URL, expect.Expect{JSON: []expect.ExpectJSON{{Path: "$.state", Value: `"up"`}}})}, ""},
		{"json, wrong", observe.Probe{Request: get(web.URL, expect.Expect{JSON: []expect.ExpectJSON{{Path: "$.state", Value: `"down"`}}})}, "found \"up\""},
		{"body, with a secret", observe.Probe{Request: get(web.URL, expect.Expect{Body: "ready"})}, "***"},
		{"nothing listens", observe.Probe{Request: get("http://"+shut, expect.Expect{})}, "refused"},
		{"nothing may listen", observe.Probe{Request: get("http://"+shut, expect.Expect{}), Fails: timeline.KindRefused}, ""},
		{"nothing may listen, and something does", observe.Probe{Request: get(web.URL, expect.Expect{}), Fails: timeline.KindRefused}, "expected the error refused, found an answer with status 200"},
		{"an unknown authority", observe.Probe{Request: get(secure.URL, expect.Expect{})}, "certificate"},
		{"an authority that must be unknown", observe.Probe{Request: get(secure.URL, expect.Expect{}), Fails: timeline.KindTLS}, ""},
		{"tcp", observe.Probe{Request: connect(address)}, ""},
		{"tcp, nothing listens", observe.Probe{Request: connect(shut)}, "refused"},
		{"tcp, nothing may listen", observe.Probe{Request: connect(shut), Fails: timeline.KindRefused}, ""},
		{"tcp, nothing may listen, and something does", observe.Probe{Request: connect(address), Fails: timeline.KindRefused}, "found an answer"},
		{"command", observe.Probe{Command: []string{"true"}, Expect: any}, ""},
		{"command that fails", observe.Probe{Command: []string{"sh", "-c", "echo hunter2 >&2; exit 2"}, Expect: any}, "exit status 2; stderr: ***"},
		{"command, body", observe.Probe{Command: []string{"echo", "PONG"}, Expect: &expect.Expect{Body: "PONG"}}, ""},
		{"command, another body", observe.Probe{Command: []string{"echo", "ERR"}, Expect: &expect.Expect{Body: "PONG"}}, "expected a body with \"PONG\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.probe.Name, tt.probe.Every, tt.probe.Timeout = "p", time.Hour, 20*time.Second
			x, err := observed(t, probe(tt.probe), time.Second, func(r *observe.Run) { r.End = 1 })
			if err != nil || len(x.readings) != 1 {
				t.Fatalf("%v; readings %+v, want one", err, x.readings)
			}
			r := x.readings[0]
			failures, ok := r.Values.Get(timeline.Failures)
			if !ok || (failures == 1) != (tt.want != "") || !strings.Contains(r.Detail, tt.want) {
				t.Errorf("%+v; want a failure with %q", r, tt.want)
			}
			if _, ok := r.Values.Get(timeline.ProbeTime); !ok || r.From != 0 || r.Every != time.Hour {
				t.Errorf("%+v lacks its time, or is not due at 0", r)
			}
		})
	}
}

// Nothing that hangs holds up those that come after it, and each is asked on a connection of
// its own.
func TestProbesDoNotWaitForEachOther(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	conns := map[string]bool{}
	var mu sync.Mutex
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		conns[r.RemoteAddr] = true
		mu.Unlock()
		if asked.Add(1) == 4 {
			close(release)
		}
		<-release // the first answers come when the fourth is asked
	}))
	defer srv.Close()
	x, err := observed(t, probe(observe.Probe{Name: "p", Every: 20 * time.Millisecond, Timeout: 20 * time.Second,
		Request: get(srv.URL, expect.Expect{})}), 80*time.Millisecond, nil)
	if err != nil || len(x.readings) != 4 || len(conns) != 4 {
		t.Fatalf("%v; %d readings on %d connections, want 4 on 4", err, len(x.readings), len(conns))
	}
	for i, r := range x.readings {
		if r.From != time.Duration(i)*20*time.Millisecond || r.Missing != "" {
			t.Errorf("reading %d is %+v", i, r)
		}
	}
}

func TestProbesTellWhatChanges(t *testing.T) {
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i := n.Add(1); i == 2 || i == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	x, err := observed(t, probe(observe.Probe{Name: "p", Every: 100 * time.Millisecond, Timeout: time.Second,
		Request: get(srv.URL, expect.Expect{})}), 500*time.Millisecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, e := range x.events {
		states = append(states, e.Name+" "+e.State)
	}
	if !slices.Equal(states, []string{"p fails", "p succeeds"}) {
		t.Errorf("events %q", states)
	}
}

// What cannot be asked at all is found before the load, and what must not be asked ends it.
func TestWhatCannotBeObserved(t *testing.T) {
	gone := "http://" + closed(t)
	for _, tt := range []struct {
		name string
		plan *observe.Plan
		want string
	}{
		{"a command that is not there", probe(observe.Probe{Name: "p", Command: []string{"no-such-program"}, Expect: &expect.Expect{}}),
			`probe("p") cannot be observed: the command no-such-program cannot be started: executable file not found in $PATH`},
		{"a target that tells nothing", &observe.Plan{Services: []observe.Service{{Name: "api", Targets: []chaos.Target{dumb("api-1")}}}},
			`service("api") cannot be observed: nothing tells what api-1 uses`},
		{"a metric that does not answer", metric(&observe.JSONAt{URL: gone, Path: "$.a"}, observe.Metric{Every: time.Second}),
			`metric("m") cannot be observed: `},
		{"one that is read before the load", metric(&observe.File{Name: "/no/such/file", JSON: "$.a"}, observe.Metric{Once: observe.Before}),
			"there is no file /no/such/file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := observed(t, tt.plan, time.Second, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	x, err := observed(t, probe(observe.Probe{Name: "p", Every: time.Hour, Timeout: time.Second,
		Request: get("http://192.0.2.1", expect.Expect{})}), time.Second, func(r *observe.Run) { r.End = 1 })
	if err != nil || x.refused == nil {
		t.Errorf("%v; refused: %v, want that it was", err, x.refused)
	}
	if len(x.readings) != 1 || x.readings[0].Missing == "" {
		t.Errorf("readings %+v, want one that is missing", x.readings)
	}
}

func metric(of observe.Spec, m observe.Metric) *observe.Plan {
	m.Name, m.Of = "m", of
	if m.Unit == "" {
		m.Unit = "count"
	}
	if m.Timeout == 0 {
		m.Timeout = 10 * time.Second
	}
	return &observe.Plan{Metrics: []observe.Metric{m}}
}

// flaky is a source that answers as it is told to.
type flaky struct {
	observe.Command
	ask observe.Source
}

func (f *flaky) Open(observe.SourceEnv) (observe.Source, error) { return f.ask, nil }

func TestMetricsAreReadAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		of := &flaky{ask: func(ctx context.Context) (float64, error) {
			switch n++; n {
			case 3: // hangs
				<-ctx.Done()
				return 0, ctx.Err()
			case 4: // vanishes
				return 0, errors.New("connection refused, with hunter2")
			case 5:
				nan := 0.0
				return nan / nan, nil
			case 6:
				return 0, &observe.NoFigure{Why: "it found nothing"}
			}
			return 1500, nil
		}}
		x, err := observed(t, metric(of, observe.Metric{Unit: "ms", Every: time.Second, Timeout: 500 * time.Millisecond}), 7*time.Second, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"", "it did not answer within 500ms", "connection refused, with ***", "it answered NaN, which is no number", "it found nothing", "", ""}
		for i, r := range x.readings {
			v, ok := r.Values.Get(timeline.MetricValue)
			if r.Missing != want[i] || r.From != time.Duration(i)*time.Second {
				t.Errorf("reading %d is %+v; want it missing: %q", i, r, want[i])
			}
			if ok == (r.Missing != "") || ok && v != 1.5e9 {
				t.Errorf("reading %d has %v, %t; want 1.5e9 or nothing", i, v, ok)
			}
		}
		if len(x.readings) != 7 {
			t.Errorf("%d readings, want 7", len(x.readings))
		}
	})
}

func TestMetricsThatAreReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := time.Now()
		of := &flaky{ask: func(context.Context) (float64, error) { return time.Since(before).Seconds(), nil }}
		p := metric(of, observe.Metric{Once: observe.Before, Unit: "s"})
		p.Metrics = append(p.Metrics, metric(of, observe.Metric{Once: observe.After, Unit: "s"}).Metrics...)
		x, err := observed(t, p, 7*time.Second, nil)
		if err != nil || len(x.readings) != 2 {
			t.Fatalf("%v; readings %+v, want 2", err, x.readings)
		}
		for i, want := range []struct {
			from  time.Duration
			value float64
		}{{-1, 0}, {7 * time.Second, 7e9}} {
			r := x.readings[i]
			if v, _ := r.Values.Get(timeline.MetricValue); v != want.value || r.Every != 0 {
				t.Errorf("reading %d has %v, every %s; want %v", i, v, r.Every, want.value)
			}
			if r.From != want.from || r.To != want.from {
				t.Errorf("reading %d is of %v, want %s", i, r.Window, want.from)
			}
		}
	})
}

// A source that has no figure before the load may get one.
func TestAMetricWithoutAFigureYet(t *testing.T) {
	of := &flaky{ask: func(context.Context) (float64, error) { return 0, &observe.NoFigure{Why: "nothing yet"} }}
	x, err := observed(t, metric(of, observe.Metric{Every: time.Hour}), time.Second, func(r *observe.Run) { r.End = 0 })
	if err != nil || !slices.Equal(x.said, []string{`warning: metric("m") has no figure before the load: nothing yet`}) {
		t.Errorf("%v, said %q", err, x.said)
	}
}

// dumb is a target that tells nothing of what it uses.
type dumb string

func (d dumb) Name() string { return string(d) }
func (dumb) Ref() chaos.Ref { return chaos.Ref{} }

// talker is a target that tells as it is told to.
type talker struct {
	dumb
	tell func(ctx context.Context, every time.Duration, to target.Watcher)
}

func (t talker) Observe(context.Context) (target.Watch, error) { return t.tell, nil }

func TestServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tell := func(ctx context.Context, every time.Duration, to target.Watcher) {
			from := time.Now()
			for range 3 {
				time.Sleep(every)
				u := target.Use{From: from, To: time.Now()}
				u.Values.Set(timeline.CPU, 0.5)
				u.Values.Set(timeline.Restarts, 1)
				to.Used(u)
				from = u.To
			}
			to.Happened(time.Now(), "ended", "with hunter2")
			<-ctx.Done()
		}
		p := &observe.Plan{Every: time.Second, Services: []observe.Service{
			{Name: "api", Targets: []chaos.Target{talker{"api-1", tell}, talker{"api-2", tell}}},
			{Name: "db", Targets: []chaos.Target{talker{"db", tell}}},
		}}
		x, err := observed(t, p, 5*time.Second, func(r *observe.Run) {
			r.Faulted = func(target string, w timeline.Window) bool {
				return target == "api-1" && w.From == time.Second
			}
		})
		if err != nil || len(x.readings) != 9 || len(x.events) != 3 {
			t.Fatalf("%v; %d readings, %d events; want 9 and 3", err, len(x.readings), len(x.events))
		}
		restarts := map[string]float64{}
		for _, r := range x.readings {
			n, _ := r.Values.Get(timeline.Restarts)
			restarts[r.Name+"/"+r.Target] += n
			if r.To-r.From != time.Second || r.Every != time.Second {
				t.Errorf("reading %+v", r)
			}
		}
		if restarts["api/api-1"] != 2 || restarts["api/api-2"] != 3 || restarts["db/"] != 3 {
			t.Errorf("restarts %v; want one less of api-1, which a fault did", restarts)
		}
		for _, e := range x.events {
			if e.State != "ended" || e.Detail != "with ***" || (e.Name == "db") != (e.Target == "") {
				t.Errorf("event %+v", e)
			}
		}
	})
}
