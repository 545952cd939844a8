package record

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// History is how many seconds a Snapshot looks back at most.
const History = 60

// shownKinds is how many kinds of error a Snapshot lists.
const shownKinds = 5

// Snapshot is how a run stands, for people who watch it; whole flows are not in it. Counts by
// second go by the time at which answers came, and so say what happens now. The timeline, which is
// judged, goes by intended time.
type Snapshot struct {
	At     time.Duration // when the snapshot was taken
	Totals Totals
	// Last is the last full second, and Recent the last full seconds up to it,
	// oldest first; there are none before the first second has passed.
	Last   Second
	Recent []Second
	Kinds  []ErrorKind // the most frequent first
	// Err is set if the recording failed: what follows is not kept.
	Err error
}

// Totals are counts since the start.
type Totals struct {
	Planned     uint64 // arrivals that came due
	Done        uint64
	Unsent      uint64
	Errors      uint64 // failed, and unsent
	Interrupted uint64
}

// InFlight is how many arrivals have come due and have no outcome yet: queued, or on the
// wire.
func (t Totals) InFlight() uint64 {
	if ended := t.Done + t.Unsent + t.Interrupted; ended < t.Planned {
		return t.Planned - ended
	}
	return 0
}

func (t *Totals) count(o attack.End) {
	switch o {
	case attack.Interrupted:
		t.Interrupted++
	case attack.Unsent:
		t.Unsent++
	default:
		t.Done++
	}
}

func (t Totals) check(of string) error {
	if t.Planned == t.Done+t.Unsent+t.Interrupted {
		return nil
	}
	return fmt.Errorf(
		"%w: %d %s planned, but %d done + %d unsent + %d interrupted; this is a defect of the "+
			"generator, please report it",
		ErrUnbalanced,
		t.Planned,
		of,
		t.Done,
		t.Unsent,
		t.Interrupted,
	)
}

// Second is what happened in one second.
type Second struct {
	From    time.Duration
	Planned uint64 // arrivals that came due: the rate asked for
	Done    uint64
	// Answered counts the complete responses in Done, whatever they said.
	Answered uint64
	Unsent   uint64
	Errors   uint64 // failed, and unsent
	// Percentiles of the response times of good answers and errors; 0 if there
	// were none.
	P50, P95, P99 time.Duration
}

// ErrorRate is the share of errors, in 0..1; false if nothing ended.
func (s Second) ErrorRate() (float64, bool) {
	if s.Done+s.Unsent == 0 {
		return 0, false
	}
	return float64(s.Errors) / float64(s.Done+s.Unsent), true
}

// ErrorKind is a kind of error, how often it came and what it said last.
type ErrorKind struct {
	Kind   string
	Count  uint64
	Detail string // without secrets
}

// kindSeen is an ErrorKind as it came, with the secrets in its Detail.
type kindSeen struct {
	ErrorKind
	secrets []string
}

// live gathers the figures of Snapshot. Seconds are in a ring; their histograms are in a shorter
// ring. The percentiles of a second are read from its histogram before the histogram is used for
// another second. The zero value needs kinds.
type live struct {
	totals  Totals
	seconds [History + 2]Second
	gone    Second // takes results of seconds that are too long ago; nobody reads it
	times   [3]struct {
		from     time.Duration
		response timeline.Distribution
	}
	kinds map[string]*kindSeen
}

// at returns the entry of the second that t lies in, nil if it is too long ago.
func (l *live) at(t time.Duration) *Second {
	from := max(t, 0).Truncate(time.Second)
	s := &l.seconds[int(from/time.Second)%len(l.seconds)]
	switch {
	case s.From < from:
		*s = Second{From: from}
	case s.From > from:
		return nil
	}
	return s
}

func (l *live) planned(t time.Duration) {
	l.totals.Planned++
	if s := l.at(t); s != nil {
		s.Planned++
	}
}

func (l *live) result(e *entry, x *extra) {
	l.totals.count(e.outcome)
	if e.outcome == attack.Interrupted {
		return
	}
	s := l.at(e.done)
	if s == nil {
		s = &l.gone
	}
	if e.outcome == attack.Unsent {
		s.Unsent++
	} else {
		s.Done++
	}
	if e.answered() {
		s.Answered++
	}
	if x.kind != "" {
		l.totals.Errors++
		s.Errors++
		l.kind(x.kind, x.detail, x.secrets)
	}
	if d := l.response(e.done); d != nil {
		d.Record(e.done - e.intended)
	}
}

func (l *live) kind(kind, detail string, secrets []string) {
	k := l.kinds[kind]
	if k == nil && len(l.kinds) >= maxKinds {
		kind = crowded(kind)
		k = l.kinds[kind]
	}
	if k == nil {
		k = &kindSeen{ErrorKind: ErrorKind{Kind: kind}}
		l.kinds[kind] = k
	}
	k.Count++
	if detail != "" {
		k.Detail, k.secrets = detail, secrets
	}
}

// response returns the distribution of the second that t lies in, nil if it is
// gone.
func (l *live) response(t time.Duration) *timeline.Distribution {
	from := max(t, 0).Truncate(time.Second)
	e := &l.times[int(from/time.Second)%len(l.times)]
	if e.from > from {
		return nil
	}
	if e.from < from {
		l.readPercentiles(e.from)
		if h := e.response.Reset(); h != nil {
			h.Reset()
			e.response.Lend(h)
		}
		e.from = from
	}
	return &e.response
}

// readPercentiles notes the percentiles of the second at from, if its histogram
// is still there.
func (l *live) readPercentiles(from time.Duration) {
	e := &l.times[int(from/time.Second)%len(l.times)]
	s := l.at(from)
	if e.from != from || s == nil {
		return
	}
	s.P50, _ = e.response.Quantile(0.50)
	s.P95, _ = e.response.Quantile(0.95)
	s.P99, _ = e.response.Quantile(0.99)
}

// snapshot returns a Snapshot without its Kinds, and these, with their secrets.
func (l *live) snapshot(now time.Duration) (Snapshot, []kindSeen) {
	out := Snapshot{At: now, Totals: l.totals}
	full := now.Truncate(time.Second)
	for from := max(0, full-History*time.Second); from < full; from += time.Second {
		l.readPercentiles(from)
		if s := l.at(from); s != nil {
			out.Recent = append(out.Recent, *s)
		}
	}
	if n := len(out.Recent); n > 0 {
		out.Last = out.Recent[n-1]
	}
	var kinds []kindSeen
	for _, k := range l.kinds {
		kinds = append(kinds, *k)
	}
	slices.SortFunc(kinds, func(a, b kindSeen) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind))
	})
	return out, kinds[:min(len(kinds), shownKinds)]
}

// Snapshot returns how the run stands now. It costs some tens of microseconds, so call it a few
// times a second.
func (r *Recorder) Snapshot() Snapshot {
	r.sortInAll(r.now)
	r.mu.Lock()
	l, kinds := r.live.snapshot(r.now())
	r.mu.Unlock()
	for _, k := range kinds {
		k.Detail = r.cfg.redact(k.secrets)(k.Detail)
		l.Kinds = append(l.Kinds, k.ErrorKind)
	}
	l.Err = r.out.failure()
	return l
}
