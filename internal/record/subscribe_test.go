package record

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// liveRun is a recorder in a synctest bubble, with a load that is sent to it.
type liveRun struct {
	*Recorder
	begin time.Time
	wg    sync.WaitGroup
}

func startLive(t *testing.T, change func(*Config)) *liveRun {
	l := &liveRun{begin: time.Now()}
	c := config(t, l.now)
	c.Stages = []timeline.Stage{
		{Name: "warm up", Window: timeline.Window{To: 2500 * ms}},
		{Name: "steady", Window: timeline.Window{From: 2500 * ms, To: 40 * sec}, Judged: true},
	}
	c.Grace = 5 * sec
	if change != nil {
		change(&c)
	}
	l.Recorder = start(t, c)
	return l
}

func (l *liveRun) now() time.Duration { return time.Since(l.begin) }

// arrive has an arrival come due now, and be over after took.
func (l *liveRun) arrive(request int, took time.Duration) {
	at := l.now()
	a := attack.Arrival{Intended: at, Request: request}
	if at >= l.cfg.Stages[1].Window.From {
		a.Stage = 1
	}
	l.Planned(a)
	res := attack.Result{Arrival: a, Dispatched: at, Sent: at + ms, Done: at + max(took, ms), Class: attack.Good, Code: 200}
	l.wg.Go(func() {
		time.Sleep(took)
		l.Record(request, &res)
	})
}

// load sends arrivals until an instant. Some take long, and there are marks.
func (l *liveRun) load(until time.Duration, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for l.now() < until {
		took := time.Duration(1 + rng.Int64N(int64(50*ms)))
		if rng.IntN(20) == 0 {
			took = time.Duration(rng.Int64N(int64(l.cfg.Grace)))
		}
		l.arrive(rng.IntN(3), took)
		if rng.IntN(60) == 0 {
			l.Mark()
		}
		time.Sleep(time.Duration(rng.Int64N(int64(60 * ms))))
	}
}

func (l *liveRun) finish(t *testing.T) []timeline.Interval {
	t.Helper()
	l.wg.Wait()
	tl, err := l.Finish(40*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return intervals(t, tl)
}

// gathered is what a subscriber got.
type gathered struct {
	mu  sync.Mutex
	all []timeline.Interval
	at  []time.Duration // when
	err error
}

func (g *gathered) soFar() (all []timeline.Interval, at []time.Duration) {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.all), slices.Clone(g.at)
}

// gather subscribes, and calls between after each interval.
func (l *liveRun) gather(ctx context.Context, got *gathered, between func(n int)) {
	for s, err := range l.Subscribe(ctx) {
		if err != nil {
			got.err = err
			return
		}
		got.mu.Lock()
		got.all, got.at = append(got.all, s.Interval), append(got.at, l.now())
		got.mu.Unlock()
		if between != nil {
			between(len(got.all))
		}
	}
}

// alike compares distributions by what can be read of them, which is quicker than by bucket.
var alike = gocmp.Options{
	cmpopts.EquateEmpty(),
	gocmp.Comparer(func(a, b timeline.Distribution) bool {
		read := func(d *timeline.Distribution) (out [5]time.Duration) {
			out[0], _ = d.Min()
			out[1], _ = d.Quantile(0.5)
			out[2], _ = d.Max()
			out[3], _ = d.Mean()
			out[4] = time.Duration(d.Count())
			return out
		}
		return read(&a) == read(&b) && slices.Equal(a.Limits(), b.Limits()) && a.Clamped() == b.Clamped()
	}),
}

func (g *gathered) check(t *testing.T, who string, want []timeline.Interval) {
	t.Helper()
	if g.err != nil {
		t.Errorf("%s: %v", who, g.err)
	}
	if diff := gocmp.Diff(want, g.all, alike); diff != "" {
		t.Errorf("%s (-recording +subscriber):\n%.3000s", who, diff)
	}
}

// TestSubscribersSeeAll has subscribers of every kind: each sees the intervals of the recording,
// all of them, in order and once.
func TestSubscribersSeeAll(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lendable int
	}{{"whole", maxHistograms}, {"written in parts", -1}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := startLive(t, nil)
				l.maxInUse = tt.lendable
				names := []string{"quick", "second", "slow", "stuck", "late", "last"}
				got := make([]gathered, len(names))
				var wg sync.WaitGroup
				unstick := make(chan struct{})
				wg.Go(func() { l.gather(t.Context(), &got[0], nil) })
				wg.Go(func() { l.gather(t.Context(), &got[1], nil) })
				wg.Go(func() { l.gather(t.Context(), &got[2], func(int) { time.Sleep(1700 * ms) }) })
				wg.Go(func() {
					l.gather(t.Context(), &got[3], func(n int) {
						if n == 1 {
							<-unstick
						}
					})
				})
				wg.Go(func() {
					time.Sleep(30 * sec)
					l.gather(t.Context(), &got[4], nil)
				})
				l.load(40*sec, 1)
				for i := range 2 {
					all, at := got[i].soFar()
					if len(all) < 25 {
						t.Errorf("%s saw %d intervals while the load was sent", names[i], len(all))
					}
					for k, iv := range all {
						if age := at[k] - iv.To; age > l.cfg.Grace+slack+2*tick {
							t.Errorf("%s saw %v after %v", names[i], iv.Window, age)
						}
					}
				}
				want := l.finish(t) // though one subscriber reads nothing
				close(unstick)
				l.gather(t.Context(), &got[5], nil)
				wg.Wait()
				for i, name := range names {
					got[i].check(t, name, want)
				}
				x, err := readIndex(filepath.Join(l.cfg.Dir, TimelineFile))
				if err != nil {
					t.Fatal(err)
				}
				if inParts := len(x.parts) > len(want); inParts != (tt.lendable < maxHistograms) {
					t.Errorf("%d intervals in %d parts", len(want), len(x.parts))
				}
				if len(l.published.readers) > 0 {
					t.Errorf("%d subscribers are still served", len(l.published.readers))
				}
			})
		})
	}
}

// TestSealedIsFinal has answers that take as long as they may: no interval is told before the
// last of its arrivals is over, and all before it were told.
func TestSealedIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLive(t, nil)
		var got gathered
		l.wg.Go(func() { l.gather(t.Context(), &got, nil) })
		l.arrive(0, 4500*ms)
		time.Sleep(1500 * ms)
		l.arrive(0, 10*ms)
		time.Sleep(2900 * ms)
		if all, at := got.soFar(); len(all) > 0 {
			t.Errorf("told %v at %v, with an arrival open", all[0].Window, at[0])
		}
		time.Sleep(2 * sec)
		all, _ := got.soFar()
		if len(all) < 2 || all[0].Window != (timeline.Window{To: sec}) || all[0].Cells[0].Done != 1 {
			t.Errorf("expected the first two seconds, found %+v", all)
		}
		_, err := l.Finish(l.now(), true, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Wait()
	})
}

// TestOpenForTooLong has an arrival that nobody answers for longer than the grace: the interval is
// sealed without it, and says so. The recording has it all the same.
func TestOpenForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLive(t, nil)
		sealed := make(chan Sealed, 100)
		l.wg.Go(func() {
			for s, err := range l.Subscribe(t.Context()) {
				if err != nil {
					t.Error(err)
				}
				sealed <- s
			}
			close(sealed)
		})
		l.arrive(0, 20*sec)
		time.Sleep(10 * ms)
		l.arrive(0, 10*ms)
		time.Sleep(10 * sec)
		first := <-sealed
		if first.Missing != 1 || first.Cells[0].Done != 1 {
			t.Errorf("%d are missing and %d done, want 1 and 1", first.Missing, first.Cells[0].Done)
		}
		time.Sleep(15 * sec)
		tl, err := l.Finish(l.now(), true, nil)
		if err != nil {
			t.Fatal(err)
		}
		for s := range sealed {
			if s.Missing != 0 || s.From == 0 {
				t.Errorf("%v came again, or lacks %d", s.Window, s.Missing)
			}
		}
		if done := intervals(t, tl)[0].Cells[0].Done; done != 2 {
			t.Errorf("the recording has %d answers, want 2", done)
		}
		l.wg.Wait()
	})
}

func TestSubscriberEnds(t *testing.T) {
	gone := errors.New("gone")
	for _, tt := range []struct {
		name string
		want error
		end  func(t *testing.T, l *liveRun, cancel context.CancelCauseFunc)
	}{
		{"as its context does", gone, func(_ *testing.T, _ *liveRun, cancel context.CancelCauseFunc) { cancel(gone) }},
		{"as the recording fails", errFull, func(_ *testing.T, l *liveRun, _ context.CancelCauseFunc) {
			l.out.mu.Lock()
			l.out.fail(errFull)
			l.out.mu.Unlock()
			time.Sleep(3 * sec)
		}},
		{"as the load does", nil, func(t *testing.T, l *liveRun, _ context.CancelCauseFunc) {
			if _, err := l.Finish(l.now(), true, nil); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := startLive(t, nil)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				var got gathered
				var wg sync.WaitGroup
				wg.Go(func() { l.gather(ctx, &got, nil) })
				time.Sleep(4 * sec)
				tt.end(t, l, cancel)
				wg.Wait()
				if !errors.Is(got.err, tt.want) {
					t.Errorf("ended with %v, want %v", got.err, tt.want)
				}
				if len(got.all) == 0 {
					t.Error("saw nothing")
				}
			})
		})
	}
}

var errFull = errors.New("the disk is full")

func TestSubscriberMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLive(t, nil)
		var seen []timeline.Window
		l.wg.Go(func() {
			all := l.Subscribe(t.Context())
			for range 2 { // it can be ranged over again
				for s := range all {
					if seen = append(seen, s.Window); len(seen)%2 == 0 {
						break
					}
				}
			}
		})
		time.Sleep(5 * sec)
		if _, err := l.Finish(l.now(), true, nil); err != nil {
			t.Fatal(err)
		}
		l.wg.Wait()
		want := []timeline.Window{{To: sec}, {From: sec, To: 2 * sec}}
		if !slices.Equal(seen, slices.Concat(want, want)) {
			t.Errorf("saw %v", seen)
		}
	})
}

// TestJudgedLive feeds two judges from subscriptions while faults come and go: what they say in
// the end is what is said of the recording.
func TestJudgedLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLive(t, nil)
		var mu sync.Mutex
		faults := []timeline.Fault{
			{Name: "kill-api", State: timeline.Scheduled}, {Name: "slow-db", State: timeline.Scheduled},
		}
		names := verdict.Names{
			Stages: []string{"warm up", "steady"}, Requests: l.cfg.Requests, Faults: []string{"kill-api", "slow-db"},
			Subjects: []timeline.Declared{
				{Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "health"}},
				{Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}},
			},
		}
		var rules []verdict.Input
		for _, src := range []string{
			"p95 < 200ms", "every(5s).p50 < 50ms", `during("kill-api").p50 < 1s`,
			`after("slow-db").every(3s).rps > 1/s`, `fault("kill-api").outage == 0s`,
			`fault("slow-db").recovery < 5s`, `before("slow-db").error_rate == 0%`,
			`during("kill-api").probe("health").uptime < 50%`, `probe("health").p95 < 1s`,
			`fault("kill-api").detection < 3s`, `every(5s).service("api").cpu.mean < 80%`,
			`before("slow-db").service("api").cpu.max < 90%`, `service("api").cpu.growth < 1%/h`,
			`worst(5s).p50 < 50ms`, `share(5s, service("api").cpu < 50%) < 90%`, `p50.growth < 1s/h`,
		} {
			rule, mistake := verdict.Compile(src, names)
			if mistake != nil {
				t.Fatal(mistake)
			}
			rules = append(rules, verdict.Input{KPI: src, Rule: rule})
		}
		planned := &timeline.Timeline{
			Stages: l.cfg.Stages, Requests: l.cfg.Requests, Flows: l.cfg.Flows, Faults: slices.Clone(faults),
			LateBudget: l.cfg.LateBudget, Longest: l.cfg.Grace,
		}
		judges, followers := make([]*verdict.Judging, 2), make([]*ReadingFollower, 2)
		for i := range judges {
			judges[i] = verdict.NewJudging(rules, planned)
			followers[i] = l.FollowReadings()
			defer followers[i].Close()
			l.wg.Go(func() {
				for s, err := range l.Subscribe(t.Context()) {
					if err != nil {
						t.Error(err)
						return
					}
					seen := followers[i].New()
					mu.Lock()
					err = judges[i].Learn(verdict.Facts{Faults: faults})
					mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					for r, err := range seen {
						if err != nil {
							t.Error(err)
						}
						judges[i].AddReading(r)
					}
					judges[i].Add(s.Interval)
					judges[i].Report()
				}
			})
		}
		// strike is a fault that acts from its beginning on, is proven late, and takes a while to
		// be undone.
		strike := func(i int) {
			at := func(s timeline.FaultState, set func(*timeline.Fault, *time.Duration)) {
				now := l.Mark()
				mu.Lock()
				defer mu.Unlock()
				faults[i].State = s
				set(&faults[i], &now)
			}
			at(timeline.Injecting, func(f *timeline.Fault, now *time.Duration) { f.Injecting = now })
			time.Sleep(700 * ms)
			began := l.Mark()
			time.Sleep(1900 * ms)
			at(timeline.Effective, func(f *timeline.Fault, now *time.Duration) { f.Effective, f.Began = now, &began })
			time.Sleep(5 * sec)
			at(timeline.Reverting, func(f *timeline.Fault, now *time.Duration) { f.Reverting = now })
			time.Sleep(2 * sec)
			at(timeline.Reverted, func(f *timeline.Fault, now *time.Duration) { f.Reverted, f.Verified = now, true })
		}
		l.wg.Go(func() {
			time.Sleep(5300 * ms)
			strike(0)
			time.Sleep(8100 * ms)
			strike(1)
		})
		l.wg.Go(func() { // observers
			for at := l.now(); at < 40*sec; at = l.now() {
				cpu := timeline.Reading{
					Window:  timeline.Window{From: at - sec, To: at},
					Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}, Every: sec,
				}
				cpu.Values.Set(timeline.CPU, float64(at%(7*sec))/float64(10*sec))
				l.Reading(cpu)
				time.Sleep(300 * ms)
				failures := 0.0
				if at > 5900*ms && at < 14*sec {
					failures = 1
				}
				r := probed(at, failures)
				r.To = l.now()
				l.Reading(r)
				time.Sleep(700 * ms)
			}
		})
		l.load(40*sec, 3)
		time.Sleep(l.cfg.Grace)
		tl, err := l.Finish(40*sec, false, faults)
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Wait()
		want, err := verdict.Judge(rules, tl)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range want.Rules {
			if r.Reason == verdict.ReasonSource || r.Reason == verdict.ReasonNoData {
				t.Errorf("%s is %s: %s", r.KPI, r.Outcome, r.Why)
			}
		}
		for i, j := range judges {
			for _, r := range gather(t, followers[i].New()) {
				j.AddReading(r)
			}
			if err := j.End(tl); err != nil {
				t.Fatal(err)
			}
			got := j.Report()
			if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(verdict.RuleResult{}, "Worst")); diff != "" {
				t.Errorf("judge %d (-of the recording +live):\n%s", i, diff)
			}
		}
	})
}
