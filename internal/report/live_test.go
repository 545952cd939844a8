package report

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// safeBuffer can be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// demo is the state of a made-up run of 20 s at the given time after the start:
// 1 s of starting, 4 s of warm-up, a fault from 6 s to 12 s, a failed one at 15 s.
func demo(since time.Duration) LiveState {
	el := since - time.Second
	s := LiveState{
		Elapsed: el, Total: 20 * time.Second, Stage: "warmup", StageRate: 50, Last: &LiveSecond{Stage: "warmup", Due: 50, Answered: 49.6},
		P50: ptr(2140 * time.Microsecond), P95: ptr(8 * ms), P99: ptr(12340 * time.Microsecond), InFlight: 3,
		Faults: []LiveFault{
			{Name: "kill-api", Targets: []string{"api-1"}, Planned: 6 * time.Second, Until: ptr(12 * time.Second)},
			{Name: "slow-hop", Targets: []string{"hop-2"}, Planned: 15 * time.Second},
		},
	}
	state := func(f *LiveFault, states ...timeline.FaultState) {
		f.State = timeline.Scheduled
		for i, st := range states {
			// A state lasts 0.3 s, but for effective, which lasts to the end.
			begin := f.Planned + time.Duration(i)*300*ms
			if i >= 2 && f.Until != nil {
				begin = *f.Until + time.Duration(i-2)*300*ms
			}
			if el >= begin {
				f.State, f.Since = st, begin
			}
		}
	}
	state(&s.Faults[0], timeline.Injecting, timeline.Effective, timeline.Reverting, timeline.Reverted)
	state(&s.Faults[1], timeline.Injecting, timeline.Failed)
	switch {
	case el < 0:
		return LiveState{Phase: "starting services", Total: s.Total, Faults: s.Faults}
	case el >= 20*time.Second:
		return LiveState{Phase: "undoing faults", Elapsed: s.Total, Total: s.Total, Faults: s.Faults}
	case el >= 4*time.Second:
		s.Stage, s.StageRate, s.Last = "steady", 300, &LiveSecond{Stage: "steady", Due: 300, Answered: 298}
	}
	if el >= 3*time.Second {
		s.Rules = []LiveRule{
			{"p99 < 100ms", verdict.Pass, "12.3ms"}, {`during("kill-api").error_rate < 5%`, verdict.Inconclusive, ""},
			{"error_rate < 1%", verdict.Pass, "0%"}, {"checkouts are quick", verdict.Pass, "8ms"},
		}
	}
	if el >= 8*time.Second {
		s.Rules[1].Outcome, s.Rules[1].Observed = verdict.Pass, "4.1%"
		s.Rules[2].Outcome, s.Rules[2].Observed = verdict.Fail, "4.1%"
		s.Rules[3].Outcome, s.Rules[3].Observed = verdict.Warn, "12ms to 14ms (5s to 10s)"
		s.Errors, s.ErrorRate, s.Queued = 1234, 0.041, 17
		s.Last.Answered = 150
	}
	if el >= 14*time.Second {
		s.Rules[2].Outcome, s.Rules[2].Observed = verdict.Pass, "0.5%"
		s.Rules = append(s.Rules, LiveRule{Rule: "fault(\"kill-api\").recovery < 5s"}, LiveRule{Rule: "rps > 5/s"})
	}
	if el >= 18*time.Second {
		s.Notes = []string{"the generator is late: 12ms at p99", fmt.Sprintf("%d × status 502", el/(100*ms))}
	}
	return s
}

// The rate with which a replay begins says nothing of it.
func TestLiveLinesSayWhatALoadIs(t *testing.T) {
	for _, c := range []struct {
		name  string
		state LiveState
		want  string
	}{
		{"a rate", LiveState{Stage: "s", StageRate: 5}, "0:00.0  stage s, 5.0/s\n"},
		{"users", LiveState{Stage: "s", Closed: true, Users: 2}, "0:00.0  stage s, 2 users (closed)\n"},
		{"a replay", LiveState{Stage: "s", StageRate: 5, Replayed: 1234}, "0:00.0  stage s, replay of 1,234 arrivals\n"},
		{"a replay of one", LiveState{Stage: "s", StageRate: 1, Replayed: 1}, "0:00.0  stage s, replay of 1 arrival\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b safeBuffer
			l := NewLiveStatus(&b, false, false, func() LiveState { return c.state })
			l.Start()
			l.Stop()
			if !strings.HasPrefix(b.String(), c.want) {
				t.Errorf("%q, want %q", b.String(), c.want)
			}
		})
	}
}

func TestLiveLinesGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b safeBuffer
		start := time.Now()
		l := NewLiveStatus(&b, false, false, func() LiveState { return demo(time.Since(start)) })
		l.Event("before the start")
		l.Start()
		time.Sleep(1500 * ms)
		l.Event("service api-1 is\x1b[2J ready\nat once")
		time.Sleep(20 * time.Second)
		l.Event("the last word")
		l.Stop()
		end := b.String()
		l.Event("too late")
		time.Sleep(time.Minute)
		if b.String() != end {
			t.Errorf("written after Stop: %q", b.String()[len(end):])
		}
		golden(t, "live-lines.txt", []byte(end))
	})
}

func TestBlockGolden(t *testing.T) {
	var b bytes.Buffer
	for _, width := range []int{80, 40} {
		for _, since := range []time.Duration{0, 2500 * ms, 7100 * ms, 10 * time.Second, 16 * time.Second, 20 * time.Second, 22 * time.Second} {
			s := demo(since)
			fmt.Fprintf(&b, "--- %d wide, after %s\n%s\n", width, since, strings.Join(blockLines(&s, width, newPalette(false)), "\n"))
		}
	}
	crowd := demo(10 * time.Second)
	for range 8 {
		crowd.Faults = append(crowd.Faults, crowd.Faults[0])
	}
	crowd.Notes = strings.Split("abcdef", "")
	fmt.Fprintf(&b, "--- many faults and notes\n%s\n", strings.Join(blockLines(&crowd, 80, newPalette(false)), "\n"))
	for _, width := range []int{80, 40} {
		closed := demo(7100 * ms)
		closed.StageRate, closed.Closed, closed.Users = 0, true, 1200
		closed.Last = &LiveSecond{Stage: closed.Stage, Closed: true, Users: 1200, Answered: 49.6}
		fmt.Fprintf(&b, "--- a closed stage, %d wide\n%s\n", width, strings.Join(blockLines(&closed, width, newPalette(false)), "\n"))
	}
	golden(t, "live-block.txt", b.Bytes())
}

// A closed stage has users and no rate that could be asked for.
func TestLinesOfAClosedStage(t *testing.T) {
	var b bytes.Buffer
	p := newPlainLines(&b)
	for _, s := range []LiveState{
		{Stage: "crowd", Closed: true, Users: 1, Total: 20 * time.Second},
		{Stage: "crowd", Closed: true, Users: 50, Last: &LiveSecond{Stage: "crowd", Closed: true, Users: 50, Answered: 431}, Elapsed: 5 * time.Second, Total: 20 * time.Second},
		{Stage: "steady", StageRate: 300, Last: &LiveSecond{Stage: "steady", Due: 300, Answered: 298}, Elapsed: 10 * time.Second, Total: 20 * time.Second},
	} {
		p.show(s)
	}
	const want = `0:00.0  stage crowd, 1 user (closed)
0:05 of 0:20  crowd  431/s by 50 users  p50 -  p95 -  p99 -  errors 0, 0% now  in flight 0
0:10.0  stage steady, 300/s
0:10 of 0:20  steady  298/s of 300/s  p50 -  p95 -  p99 -  errors 0, 0% now  in flight 0
`
	if b.String() != want {
		t.Errorf("found\n%swant\n%s", b.String(), want)
	}
}

func TestBlockFitsItsWidth(t *testing.T) {
	for width := 1; width < 120; width += 3 {
		for since := time.Duration(0); since < 22*time.Second; since += 700 * ms {
			s := demo(since)
			s.Stage += " with a long name 漢字漢字\x1b[2J\n"
			plainBlock := blockLines(&s, width, newPalette(false))
			for i, l := range blockLines(&s, width, newPalette(true)) {
				if w := ansi.StringWidth(l); w >= width && w > 0 {
					t.Fatalf("at %d: line %d is %d wide: %q", width, i+1, w, l)
				}
				if ansi.Strip(l) != plainBlock[i] {
					t.Fatalf("at %d: colour changes %q into %q", width, plainBlock[i], l)
				}
			}
		}
	}
}

func TestLiveNothingToShow(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		var b safeBuffer
		l := NewLiveStatus(&b, terminal, true, func() LiveState { return LiveState{} })
		l.Start()
		l.Stop()
		// It was never started.
		NewLiveStatus(&b, terminal, true, func() LiveState { return LiveState{} }).Stop()
	}
}

// The attack and the conductor write events: a terminal that takes nothing must
// not hold them up.
func TestEventNeverWaits(t *testing.T) {
	stuck := &stuckWriter{entered: make(chan struct{}, 1), free: make(chan struct{})}
	l := NewLiveStatus(stuck, false, false, func() LiveState { return LiveState{} })
	l.Start()
	l.Event("the first")
	<-stuck.entered
	done := make(chan struct{})
	go func() {
		for i := range maxEvents + 500 {
			l.Event(fmt.Sprint("event ", i))
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("Event waits for the terminal")
	}
	close(stuck.free)
	l.Stop()
	out := stuck.b.String()
	if n := strings.Count(out, "event "); n != maxEvents || !strings.Contains(out, "500 lines were left out") {
		t.Errorf("%d events were printed, expected %d; and the loss is told: %v", n, maxEvents, strings.Contains(out, "500 lines were left out"))
	}
}

type stuckWriter struct {
	entered, free chan struct{}
	b             bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	select {
	case w.entered <- struct{}{}:
	default:
	}
	<-w.free
	return w.b.Write(p)
}

func TestEventsKeepTheirOrder(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		var b safeBuffer
		l := NewLiveStatus(&b, terminal, false, func() LiveState { return demo(5 * time.Second) })
		l.Start()
		for i := range 50 {
			l.Event(fmt.Sprintf("event-%02d.", i))
		}
		l.Stop()
		out, at := b.String(), -1
		for i := range 50 {
			next := strings.Index(out, fmt.Sprintf("event-%02d.", i))
			if next <= at {
				t.Fatalf("terminal %v: event %d is missing or out of order", terminal, i)
			}
			at = next
		}
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0:00", 0: "0:00", 61 * time.Second: "1:01", time.Hour + 62*time.Second: "1:01:02", 59999 * ms: "0:59"} {
		if got := clock(d); got != want {
			t.Errorf("clock(%s) = %s, expected %s", d, got, want)
		}
	}
	if got := countdown(1001 * ms); got != "2s" {
		t.Errorf("countdown(1.001s) = %s, expected 2s", got)
	}
}
