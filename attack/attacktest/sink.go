package attacktest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Sink is an attack.Sink that keeps all, and notes what a run may not do to one.
type Sink struct {
	Results []attack.Result // in the order in which they came

	unordered bool // arrivals come from several goroutines
	mu        sync.Mutex
	planned   []attack.Arrival
	faults    []string
}

// Run is RunClients for a plan whose requests are sent by an engine.
func Run(
	t *testing.T, ctx context.Context, p *attack.Plan, e httpx.Engine, opt runner.Options,
) (runner.RunResult, *Sink) {
	t.Helper()
	return RunClients(t, ctx, p, Clients(t, p, e), opt)
}

// RunClients runs the plan into a Sink, and checks its books. It sets the Clients, the Sink
// and the Counters of opt.
func RunClients(
	t *testing.T, ctx context.Context, p *attack.Plan, clients attack.Clients, opt runner.Options,
) (runner.RunResult, *Sink) {
	t.Helper()
	s := &Sink{unordered: len(p.Flows) > 0 || slices.ContainsFunc(p.Stages, isOfUsers)}
	live := new(runner.Counters)
	opt.Clients, opt.Sink, opt.Counters = clients, s, live
	res, err := runner.Run(ctx, p, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.check(t, res)
	if q, f := live.Queued.Load(), live.InFlight.Load(); q != 0 || f != 0 {
		t.Errorf("after the run: expected nothing queued or in flight, found %d and %d", q, f)
	}
	if n := live.Planned.Load(); n != res.Planned {
		t.Errorf("expected %d planned as the run says, counted live were %d", res.Planned, n)
	}
	return res, s
}

func isOfUsers(s attack.Stage) bool {
	_, users := s.Shape.(arrivals.Users)
	return users
}

// Planned notes an arrival. It may be called by several goroutines, as Record may.
func (s *Sink) Planned(a attack.Arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.planned); n > 0 && !s.unordered {
		if last := s.planned[n-1]; a.Seq != last.Seq+1 || a.Intended < last.Intended {
			s.fault("%+v was planned after %+v", a, last)
		}
	}
	s.planned = append(s.planned, a)
}

// Record keeps a copy of r.
func (s *Sink) Record(_ int, r *attack.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Dispatched < r.Intended || r.Done < r.Intended {
		s.fault("arrival %d is due at %s, dispatched at %s and done at %s",
			r.Seq, r.Intended, r.Dispatched, r.Done)
	}
	// A flow is dispatched as late as its latest step, which is after its first was sent.
	if r.End == attack.Done && (r.Sent < r.Dispatched && !r.IsFlow || r.Done < r.Sent) {
		s.fault("arrival %d is dispatched at %s, sent at %s and done at %s",
			r.Seq, r.Dispatched, r.Sent, r.Done)
	}
	s.Results = append(s.Results, *r)
}

func (s *Sink) fault(format string, a ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, a...))
}

// check says what is wrong: an arrival that was not recorded once, or sums that do not
// agree with what was recorded.
func (s *Sink) check(t *testing.T, res runner.RunResult) {
	t.Helper()
	for _, f := range s.faults {
		t.Error(f)
	}
	open := make(map[uint64]attack.Arrival)
	for _, a := range s.planned {
		if _, twice := open[a.Seq]; twice {
			t.Errorf("two arrivals have number %d", a.Seq)
		}
		open[a.Seq] = a
	}
	var by [3]uint64
	for _, r := range s.Results {
		if a, ok := open[r.Seq]; !ok || a != r.Arrival {
			t.Errorf("expected %+v to be planned and recorded once, found %+v", r.Arrival, a)
		}
		delete(open, r.Seq)
		if !r.IsFlow {
			by[r.End]++
		}
	}
	if len(open) > 0 {
		t.Errorf("%d arrivals were planned and never recorded", len(open))
	}
	if by != [3]uint64{
		attack.Done:        res.Done,
		attack.Unsent:      res.Unsent,
		attack.Interrupted: res.Interrupted,
	} {
		t.Errorf("recorded %v, and the sums are %+v", by, res)
	}
	if res.Planned != res.Done+res.Unsent+res.Interrupted {
		t.Errorf("planned is not done + unsent + interrupted: %+v", res)
	}
}

// Of are the results of one outcome in order of the schedule.
func (s *Sink) Of(end attack.End) []attack.Result {
	out := s.where(func(r *attack.Result) bool { return r.End == end })
	slices.SortFunc(out, func(a, b attack.Result) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// Requests are the results that are no whole flows, in order of when they were due.
func (s *Sink) Requests() []attack.Result {
	return byIntended(s.where(func(r *attack.Result) bool { return !r.IsFlow }))
}

// Flows are the results of whole flows, in order of when they were due.
func (s *Sink) Flows() []attack.Result {
	return byIntended(s.where(func(r *attack.Result) bool { return r.IsFlow }))
}

func (s *Sink) where(wanted func(*attack.Result) bool) (out []attack.Result) {
	for _, r := range s.Results {
		if wanted(&r) {
			out = append(out, r)
		}
	}
	return out
}

func byIntended(rs []attack.Result) []attack.Result {
	slices.SortStableFunc(
		rs,
		func(a, b attack.Result) int { return cmp.Compare(a.Intended, b.Intended) },
	)
	return rs
}

// Percentiles are of the response times of all that was recorded.
func (s *Sink) Percentiles() (p95, p99 time.Duration) {
	d := timeline.NewDistribution(nil)
	for _, r := range s.Results {
		d.Record(r.Done - r.Intended)
	}
	p95, _ = d.Quantile(0.95)
	p99, _ = d.Quantile(0.99)
	return p95, p99
}
