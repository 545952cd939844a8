package record

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// wantCells is a timeline computed the slow way: one by one, from the results.
type wantCells map[timeline.Window]map[wantKey]*timeline.Stats

type wantKey struct {
	timeline.Key
	openAt time.Duration
}

// wantEnd is when a result was over.
func wantEnd(r *attack.Result) time.Duration {
	end := r.Done + r.ThinkTime
	if r.End == attack.Unsent && r.GivenUp > 0 {
		end = r.GivenUp
	}
	return max(end, r.Intended)
}

// lastOpenAt is the last of the marks at which a result was open.
func lastOpenAt(marks []time.Duration, r *attack.Result) (last time.Duration) {
	for _, m := range marks {
		if r.Intended < m && m <= wantEnd(r) {
			last = max(last, m)
		}
	}
	return last
}

func (w wantCells) stats(c *Config, bs []time.Duration, a attack.Arrival, at, openAt time.Duration) *timeline.Stats {
	i, found := slices.BinarySearch(bs, at)
	if !found {
		i--
	}
	win := timeline.Window{From: bs[i], To: bs[i+1]}
	names := c.Requests
	if a.IsFlow {
		names = c.Flows
	}
	k := wantKey{timeline.Key{Stage: c.Stages[a.Stage].Name, Request: names[a.Request], IsFlow: a.IsFlow}, openAt}
	if w[win] == nil {
		w[win] = make(map[wantKey]*timeline.Stats)
	}
	if w[win][k] == nil {
		s := timeline.NewStats(c.Limits)
		s.Late = timeline.NewDistribution([]time.Duration{c.LateBudget})
		s.Kinds, s.Statuses = make(map[string]uint64), make(map[int]uint64)
		w[win][k] = s
	}
	return w[win][k]
}

func (w wantCells) result(c *Config, bs, marks []time.Duration, r *attack.Result) {
	if at := r.Done + r.ThinkTime; r.End == attack.Done && r.Class != attack.Failed && at < c.Stages[r.Stage].Window.To {
		came := w.stats(c, bs, r.Arrival, at, 0)
		came.Answered++
		if r.Kind == "" {
			came.AnsweredOK++
		}
	}
	s := w.stats(c, bs, r.Arrival, r.Intended, lastOpenAt(marks, r))
	s.Planned++
	s.Last = max(s.Last, wantEnd(r))
	switch r.End {
	case attack.Interrupted:
		s.Interrupted++
		return
	case attack.Unsent:
		s.Unsent++
		s.Kinds["unsent"]++
		both(&s.Err, &s.ErrNet, r.Done-r.Intended, r.Delay)
	case attack.Done:
		s.Done++
		s.BytesIn += uint64(r.BytesIn)
		s.BytesOut += uint64(r.BytesOut)
		s.Counted.Add(&r.Counts)
		both(&s.Service, &s.ServiceNet, r.Done-r.Sent, max(0, r.Delay-(r.Dispatched-r.Intended)))
		both(&s.Lag, &s.LagNet, r.Sent-r.Intended, r.Delay)
		for i, took := range r.Phases {
			if took > 0 {
				s.Phases[i].Record(took)
			}
		}
		if r.Code != 0 {
			s.Statuses[r.Code]++
		}
		if r.Kind == "" {
			both(&s.OK, &s.OKNet, r.Done-r.Intended, r.Delay)
		} else {
			s.Failed++
			s.Kinds[errorKind(r)]++
			both(&s.Err, &s.ErrNet, r.Done-r.Intended, r.Delay)
		}
	}
	if r.Delay > 0 {
		s.Delayed++
	}
	if r.Doubtful {
		s.Doubtful++
	}
	if r.Doubtful && r.End == attack.Unsent {
		s.DoubtfulUnsent++
	}
	s.Late.Record(r.Dispatched - r.Intended)
}

// both records a time, and what of it is not the generator's own once there was one of
// which some is.
func both(d, net *timeline.Distribution, v, own time.Duration) {
	if own > 0 {
		net.StartFrom(d)
	}
	started := net.Count() > 0 || own > 0
	d.Record(v)
	if started {
		net.Record(max(0, v-own))
	}
}

// allBounds are the bounds of all intervals up to end, and whole seconds beyond.
func allBounds(c *Config, marks []time.Duration, end time.Duration) []time.Duration {
	bs := slices.Clone(marks)
	for s := time.Duration(0); s <= end+20*sec; s += sec {
		bs = append(bs, s)
	}
	for _, s := range c.Stages {
		bs = append(bs, s.Window.From, s.Window.To)
	}
	slices.Sort(bs)
	return slices.Compact(bs)
}

var compare = gocmp.Options{
	cmpopts.EquateEmpty(),
	gocmp.Comparer(func(a, b timeline.Distribution) bool {
		ha, hb := a.Histogram(), b.Histogram()
		if (ha == nil) != (hb == nil) || ha != nil && !ha.Equals(hb) {
			return false
		}
		return slices.Equal(a.Limits(), b.Limits()) && a.Clamped() == b.Clamped()
	}),
}

func intervals(t testing.TB, tl *timeline.Timeline) []timeline.Interval {
	t.Helper()
	var out []timeline.Interval
	for iv, err := range tl.Intervals {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, iv)
	}
	return out
}

func (w wantCells) check(t *testing.T, got []timeline.Interval, end time.Duration) {
	t.Helper()
	var at time.Duration
	seen := 0
	for _, iv := range got {
		if iv.From != at {
			t.Errorf("interval %v: want it to begin at %v", iv.Window, at)
		}
		at = iv.To
		if len(iv.Cells) != len(w[iv.Window]) {
			t.Errorf("interval %v has %d cells, want %d", iv.Window, len(iv.Cells), len(w[iv.Window]))
		}
		if !slices.IsSortedFunc(iv.Cells, func(a, b timeline.Cell) int { return a.Compare(b) }) {
			t.Errorf("interval %v: cells are not sorted", iv.Window)
		}
		for _, c := range iv.Cells {
			seen++
			if diff := gocmp.Diff(w[iv.Window][wantKey{c.Key, c.OpenAt}], c.Stats, compare); diff != "" {
				t.Errorf("interval %v, %v: -want +got\n%s", iv.Window, c.Key, diff)
			}
		}
	}
	if at != end {
		t.Errorf("the intervals end at %v, want %v", at, end)
	}
	want := 0
	for _, cells := range w {
		want += len(cells)
	}
	if seen != want {
		t.Errorf("%d cells in all, want %d", seen, want)
	}
}

// moment is something that the simulated run does.
type moment struct {
	at time.Duration
	do func()
}

// simulate draws a run of n arrivals, with answers that come at once, late, and
// long after the grace, and plays it to a recorder on a clock moved by hand. It
// returns what must come out.
func simulate(t testing.TB, r *Recorder, clock *hand, seed uint64, n int) (wantCells, time.Duration) {
	rng, delays := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	end := r.planEnd
	var marks []time.Duration
	var moments []moment
	for range 6 {
		at := time.Duration(rng.Int64N(int64(end)))
		moments = append(moments, moment{at, func() {
			if got := r.Mark(); got != at {
				t.Errorf("Mark at %v returned %v", at, got)
			}
		}})
		marks = append(marks, at)
	}
	bs := allBounds(&r.cfg, marks, end)
	want := wantCells{}
	for range n {
		res := attack.Result{Arrival: attack.Arrival{Request: rng.IntN(3)}, Class: attack.Good, Code: 200, BytesIn: rng.Int64N(1000), BytesOut: 7}
		switch rng.IntN(10) {
		case 0, 1: // a whole flow
			res.IsFlow, res.Request = true, rng.IntN(2)
			res.ThinkTime = time.Duration(rng.Int64N(int64(2 * sec)))
		case 2:
			res.Counts[timeline.Redirects] = uint32(res.BytesIn % 3)
			connect := 1 + time.Duration(rng.ExpFloat64()*float64(ms))
			res.Phases[timeline.Connect] = connect
			res.Phases[timeline.Handshake] = time.Duration(rng.IntN(2)) * connect
		}
		switch rng.IntN(20) {
		case 0: // exactly at a bound
			res.Intended = bs[rng.IntN(len(bs))] % end
		default:
			res.Intended = time.Duration(rng.Int64N(int64(end)))
		}
		if res.Intended >= r.cfg.Stages[1].Window.From {
			res.Stage = 1
		}
		res.Dispatched = res.Intended + time.Duration(rng.ExpFloat64()*float64(ms))
		res.Sent = res.Dispatched + time.Duration(rng.ExpFloat64()*float64(ms))
		res.Done = res.Sent + 1 + time.Duration(rng.ExpFloat64()*float64(50*ms))
		switch rng.IntN(20) {
		case 0:
			res.Kind, res.Detail, res.Class, res.Code = "timeout", "no answer in 1s", attack.Failed, 0
		case 1:
			res.Kind, res.Code = "status", 503
		case 2:
			res.End, res.Sent, res.Class, res.Code, res.Done = attack.Unsent, 0, attack.Failed, 0, res.Intended+sec
			res.GivenUp = time.Duration(rng.IntN(2)) * (res.Dispatched + time.Duration(rng.Int64N(int64(900*ms))))
		case 3:
			res.End, res.Sent, res.Class, res.Code = attack.Interrupted, 0, attack.Failed, 0
		case 4:
			res.Done += 11 * time.Minute
		case 5:
			res.Done = res.Sent + 50*ms - (res.Sent - res.Intended) // at a limit
		}
		if stage := res.Stage; res.End != attack.Interrupted && stage == 1 && delays.IntN(8) == 0 {
			res.Delay = time.Duration(delays.Int64N(int64(res.Done - res.Intended)))
			res.Doubtful = (res.Kind != "" || res.End == attack.Unsent) && delays.IntN(2) == 0
		}
		recorded := min(res.Done+res.ThinkTime, res.Intended+8*sec)
		if res.End == attack.Interrupted && rng.IntN(2) == 0 {
			// The arrival was given up before it was due.
			recorded = max(0, res.Intended-time.Duration(rng.Int64N(int64(sec))))
		}
		if rng.IntN(30) == 0 && res.End == attack.Done { // over exactly at a mark
			if m := marks[rng.IntN(len(marks))]; m > res.Sent {
				res.Done, res.ThinkTime, recorded = m, 0, m
			}
		}
		want.result(&r.cfg, bs, marks, &res)
		planned := max(0, min(recorded, res.Intended)-time.Duration(rng.Int64N(int64(2*sec))))
		moments = append(moments,
			moment{planned, func() { r.Planned(res.Arrival) }},
			moment{recorded, func() { r.Record(rng.IntN(10), &res) }})
	}
	for at := 250 * ms; at < end+9*sec; at += 250 * ms {
		moments = append(moments, moment{at, r.writeDue})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	for _, m := range moments {
		clock.set(m.at)
		m.do()
	}
	return want, end
}
