package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// The model: a simulated service under random loads and faults, whose phases, outages and
// recoveries are computed here from the single arrivals, by the words of docs/design/004-phases.md.
// It shares nothing with the judge, which sees intervals, cells and beats.

// modelRun is one random scenario and what came of it.
type modelRun struct {
	end    time.Duration
	stages []timeline.Stage
	faults []timeline.Fault
	as     []arrival
}

// trouble is what the simulated service does in a stretch of time.
type trouble struct {
	w    timeline.Window
	kind int // 0: dead, 1: frozen, 2: slow, 3: fails a part, 4: nothing
	part float64
}

func newModelRun(rng *rand.Rand) modelRun {
	r := modelRun{end: time.Duration(25+rng.IntN(35)) * sec}
	// Odd numbers, so that no arrival falls on another's edge: there the 0.1 % of a histogram would
	// tell.
	usual := []time.Duration{1013 * time.Microsecond, 20017 * time.Microsecond, 307 * ms, 1511 * ms}[rng.IntN(4)]
	timeout := []time.Duration{2 * sec, 5 * sec, 10 * sec}[rng.IntN(3)]
	var troubles []trouble
	instant := func() time.Duration { return time.Duration(rng.Int64N(int64(r.end))) }
	for range 1 + rng.IntN(3) {
		b := instant()
		e := min(b+time.Duration(rng.Int64N(int64(8*sec))), r.end+sec)
		name := names.Faults[rng.IntN(2)]
		f := fault(name, b, e)
		// Disturbs later than it is injected, and ceases before it is reverted.
		if rng.IntN(3) == 0 {
			from, to := b-min(b, 200*ms), e+300*ms
			f.Injecting, f.Reverted, f.Began, f.Ceased = &from, &to, &b, &e
		}
		if rng.IntN(12) == 0 {
			f.Reverted, f.Ceased, e = nil, nil, r.end
		}
		r.faults = append(r.faults, f)
		after := time.Duration(rng.IntN(3)) * time.Duration(rng.Int64N(int64(3*sec)))
		troubles = append(troubles, trouble{timeline.Window{From: b, To: e + after}, rng.IntN(5), rng.Float64()})
	}
	for range rng.IntN(3) { // a hiccup of its own
		b := instant()
		troubles = append(troubles, trouble{timeline.Window{From: b, To: b + time.Duration(rng.Int64N(int64(2*sec)))}, rng.IntN(4), 0.5})
	}
	answer := func(at time.Duration) arrival {
		a := arrival{at: at, took: usual}
		for _, t := range troubles {
			switch done := at + a.took; {
			case t.w.Contains(at) && t.kind == 0: // refused
				a.kind, a.took = "refused", 100*time.Microsecond
			case t.kind == 0 && at < t.w.From && done >= t.w.From && a.kind == "": // cut off
				a.kind, a.took = "eof", t.w.From-at
			case t.kind == 1 && at < t.w.To && done >= t.w.From:
				a.took = max(a.took, t.w.To-at)
			case t.w.Contains(at) && t.kind == 2:
				a.took *= 10
			case t.w.Contains(at) && t.kind == 3 && rng.Float64() < t.part:
				a.kind = "status"
			}
		}
		switch {
		case a.took >= timeout:
			a.kind, a.took = "timeout", timeout
			if rng.IntN(2) == 0 {
				a.kind, a.unsent = "", true
			}
		case rng.IntN(4000) == 0:
			a.kind, a.unsent, a.took = "", true, timeout
		}
		return a
	}
	at := time.Duration(0)
	for i, n := 0, 1+rng.IntN(3); i < n; i++ {
		to := r.end
		if i < n-1 {
			to = at + max(2*sec, ((r.end-at)/2).Truncate(sec))
		}
		s := timeline.Stage{Name: []string{"warmup", "steady", "spike"}[i], Window: timeline.Window{From: at, To: to}, Judged: i > 0 || rng.IntN(2) == 0}
		add := func(a arrival) {
			a.stage, a.request = s.Name, names.Requests[rng.IntN(2)]
			r.as = append(r.as, a)
		}
		switch rng.IntN(6) {
		case 0:
			s.Idle = n > 1
		case 1, 2: // users
			s.Closed = true
			think := time.Duration(1+rng.IntN(300)) * ms
			for u := range 1 + rng.IntN(8) {
				for due := s.Window.From + time.Duration(u)*7*ms; due < to; {
					a := answer(due)
					add(a)
					due += a.took + think
				}
			}
		default:
			gap := time.Duration(float64(sec) / []float64{0.4, 2, 10, 40, 120}[rng.IntN(5)])
			for due := s.Window.From + time.Duration(rng.Int64N(int64(gap))); due < to; due += gap {
				add(answer(due))
			}
		}
		r.stages = append(r.stages, s)
		at = to
	}
	return r
}

// ref is what the words say of one injection.
type ref struct {
	recovery          time.Duration // −1: not known
	atLeast, degraded bool
	relapses          int
	outage            time.Duration // −1: none is known
	stretches         int
	normal            time.Duration
}

func (r *modelRun) span(i int) (b, e time.Duration) {
	f := &r.faults[i]
	b, e = *f.Injecting, math.MaxInt64
	if f.Began != nil {
		b = *f.Began
	}
	if f.Reverted != nil {
		e = *f.Reverted
		if f.Ceased != nil {
			e = *f.Ceased
		}
	}
	return b, e
}

// met says whether an arrival was open in the disturbance of fault i.
func (r *modelRun) met(a arrival, i int) bool {
	b, e := r.span(i)
	return a.at < e && a.at+a.took >= b
}

func (r *modelRun) phase(a arrival, name string) string {
	first := time.Duration(math.MaxInt64)
	for i := range r.faults {
		if r.faults[i].Name != name {
			continue
		}
		if r.met(a, i) {
			return "during"
		}
		b, _ := r.span(i)
		first = min(first, b)
	}
	if a.at+a.took < first {
		return "before"
	}
	return "after"
}

func (r *modelRun) judged(a arrival) bool {
	return slices.ContainsFunc(r.stages, func(s timeline.Stage) bool { return s.Name == a.stage && s.Judged })
}

// asked is how much of a stretch lies in judged stages that ask for something.
func (r *modelRun) asked(from, to time.Duration) (sum time.Duration) {
	for _, s := range r.stages {
		if s.Judged && !s.Idle {
			sum += max(0, min(to, s.Window.To)-max(from, s.Window.From))
		}
	}
	return sum
}

// piece is the number of the interval that an instant lies in, and where it begins and ends.
func (r *modelRun) piece(at time.Duration) (from, to time.Duration) {
	from, to = at.Truncate(sec), min(at.Truncate(sec)+sec, r.end)
	for i := range r.faults {
		f := &r.faults[i]
		for _, c := range []*time.Duration{f.Injecting, f.Began, f.Ceased, f.Reverted} {
			if c != nil && *c <= at {
				from = max(from, *c)
			} else if c != nil {
				to = min(to, *c)
			}
		}
	}
	return from, to
}

func (a arrival) bad() bool { return a.kind != "" || a.unsent }

func (r *modelRun) reference(i int) ref {
	name := r.faults[i].Name
	b, e := r.span(i)
	end, next := r.end, false
	for j := range r.faults {
		if from, _ := r.span(j); j != i && from >= e && from < end {
			end, next = from, true
		}
	}
	// What is normal.
	var took []time.Duration
	wrong := 0
	for _, a := range r.as {
		other := slices.ContainsFunc(r.faults, func(f timeline.Fault) bool { return f.Name != name && r.phase(a, f.Name) == "during" })
		if !r.judged(a) || r.phase(a, name) != "before" || other {
			continue
		}
		took = append(took, a.took)
		if a.bad() {
			wrong++
		}
	}
	slices.Sort(took)
	out := ref{recovery: -1, outage: -1}
	limit := time.Duration(0)
	if len(took) > 0 {
		limit = 2*took[int(math.Ceil(0.95*float64(len(took))-1e-9))-1] + 10*ms
	}
	out.normal = limit

	// When it was down.
	type group struct {
		due, failed, came, best time.Duration
		good, n                 int
	}
	groups := map[[2]time.Duration]*group{}
	for _, a := range r.as {
		if !r.judged(a) {
			continue
		}
		from, _ := r.piece(a.at)
		k := [2]time.Duration{from, a.at / (10 * ms)}
		g := groups[k]
		if g == nil {
			g = &group{due: a.at, best: math.MaxInt64, came: math.MaxInt64}
			groups[k] = g
		}
		g.n++
		g.due = min(g.due, a.at)
		if a.bad() {
			g.failed = max(g.failed, a.at+a.took)
		} else {
			g.good++
			g.best, g.came = min(g.best, a.took), min(g.came, a.at+a.took)
		}
	}
	type down struct {
		at time.Duration
		n  int
	}
	var downs []down
	var ups []time.Duration
	seen := false
	for _, g := range groups {
		open := g.failed >= b || g.good > 0 && g.came >= b
		if g.due >= end || g.due < b && !open || next && (g.good > 0 && g.came >= end || g.good == 0 && g.failed >= end) {
			continue
		}
		seen = true
		if g.good == 0 || g.best > limit+sec {
			downs = append(downs, down{max(b, g.due), g.n})
		}
		switch {
		case g.good > 0 && g.best <= limit && g.due >= b:
			ups = append(ups, g.due)
		case g.good > 0 && g.best > limit:
			ups = append(ups, max(b, g.due, g.came-limit))
		}
	}
	if seen {
		out.outage = 0
	}
	slices.SortFunc(downs, func(x, y down) int { return int(x.at - y.at) })
	var silences [][2]time.Duration
	downAtEnd := false
	for len(downs) > 0 {
		from, to, n := downs[0].at, end, 0
		for _, u := range ups {
			if u > from && u <= end {
				to = min(to, u)
			}
		}
		k := 0
		for k < len(downs) && (downs[k].at < to || k == 0) {
			n += downs[k].n
			k++
		}
		downs = downs[k:]
		if length := r.asked(from, to); n >= 5 || length >= sec {
			out.outage += length
			out.stretches++
			downAtEnd = to == end
			if to-from >= sec && to > e {
				silences = append(silences, [2]time.Duration{from, to})
			}
		}
	}
	if r.faults[i].Reverted == nil || len(took) < 20 {
		return out
	}

	// When it was normal again.
	type slice struct {
		from, to time.Duration
		took     []time.Duration
		wrong    int
		since    time.Duration // the end of the slice before, or of the disturbance
		silent   bool
	}
	after := map[time.Duration][]arrival{}
	for _, a := range r.as {
		other := false
		for j := range r.faults {
			other = other || j != i && r.met(a, j)
		}
		if from, _ := r.piece(a.at); r.judged(a) && a.at >= e && a.at < end && !other {
			after[from] = append(after[from], a)
		}
	}
	starts := make([]time.Duration, 0, len(after))
	for from := range after {
		starts = append(starts, from)
	}
	slices.Sort(starts)
	var all []slice
	var now slice
	for _, from := range starts {
		if len(now.took) == 0 {
			now.from = from
		}
		_, now.to = r.piece(from)
		for _, a := range after[from] {
			now.took = append(now.took, a.took)
			if a.bad() {
				now.wrong++
			}
		}
		if len(now.took) >= 20 {
			all = append(all, now)
			now = slice{since: now.to}
		}
	}
	// What is left is too few arrivals for a slice, but silence is seen without any.
	for _, q := range silences {
		from, n := max(e, now.since), time.Duration(len(now.took))
		to := max(now.to, q[1])
		if length := r.asked(q[0], q[1]); length < sec || q[1] <= from || n > 0 && length < 3*(to-from)/n {
			continue
		}
		all = append(all, slice{from: from, to: to, silent: true})
		break
	}
	abnormal := func(s slice) bool {
		if s.silent {
			return true
		}
		slices.Sort(s.took)
		n := float64(len(s.took))
		for _, q := range silences {
			if q[0] < s.to && q[1] > max(e, s.since) && q[1]-q[0] >= 3*(s.to-s.from)/time.Duration(len(s.took)) {
				return true
			}
		}
		return float64(s.wrong)/n > float64(wrong)/float64(len(took))+0.01+1e-12 || s.took[int(math.Ceil(0.95*n-1e-9))-1] > limit
	}
	lastBad := -1
	for k := 0; k < len(all); k++ {
		if abnormal(all[k]) {
			lastBad = k
			continue
		}
		calm, m := time.Duration(0), k
		for ; m < len(all) && !abnormal(all[m]) && calm < 5*sec; m++ {
			from := all[m].from
			if m == 0 {
				from = min(from, e)
			}
			calm += all[m].to - from
			for _, s := range r.stages {
				if s.Idle {
					calm -= max(0, min(all[m].to, s.Window.To)-max(from, s.Window.From))
				}
			}
		}
		if calm < 5*sec {
			k = m - 1
			continue
		}
		out.recovery = 0
		if k > 0 {
			out.recovery = all[k].from - e
		}
		for ; m < len(all); m++ {
			if abnormal(all[m]) && !abnormal(all[m-1]) {
				out.relapses++
			}
		}
		return out
	}
	if lastBad >= 0 {
		out.recovery, out.atLeast = all[lastBad].to-e, true
		out.degraded = lastBad == len(all)-1 && (!all[lastBad].silent || all[lastBad].to == end && downAtEnd)
	}
	return out
}

// TestModel compares the judge with the reference. It takes seconds; with -short there are fewer
// seeds.
func TestModel(t *testing.T) {
	seeds := 2000
	if testing.Short() {
		seeds = 200
		t.Logf("short: %d seeds in place of 2000", seeds)
	}
	differ := 0
	seen := map[string]int{}
	for seed := range seeds {
		r := newModelRun(rand.New(rand.NewPCG(uint64(seed), 7)))
		tl := runStages(r.end, r.stages, r.faults, nil, r.as)
		rep, err := Judge(nil, tl)
		if err != nil {
			t.Fatal(err)
		}
		if diff := r.compare(rep, seen); diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
			if differ++; differ == 10 {
				t.Fatal("and maybe more")
			}
		}
	}
	t.Log(seen)
	for _, what := range []string{"outage", "no outage", "recovered at once", "recovered later", "still degraded", "normal for too short", "not known", "relapse", "open at an edge"} {
		if seen[what] < seeds/100 {
			t.Errorf("only %d of %d seeds show %q: %v", seen[what], seeds, what, seen)
		}
	}
}

func (r *modelRun) compare(rep Report, seen map[string]int) string {
	for i := range r.faults {
		f, want := &rep.Faults[i], r.reference(i)
		var planned, errors [3]uint64 // before, during (of this injection) and after
		all := uint64(0)
		sum := uint64(0)
		for _, a := range r.as {
			if !r.judged(a) {
				continue
			}
			all++
			k := -1
			switch p := r.phase(a, f.Name); {
			case p == "before":
				k = 0
			case p == "after":
				k = 2
			default:
				sum++ // in any injection
				if r.met(a, i) {
					k = 1
				}
			}
			if b, _ := r.span(i); k == 1 && a.at < b {
				seen["open at an edge"]++
			}
			if k >= 0 {
				planned[k]++
				if a.bad() {
					errors[k]++
				}
			}
		}
		got := [3]uint64{f.Before.Planned, f.During.Planned, f.After.Planned}
		gotErrors := [3]uint64{f.Before.Errors, f.During.Errors, f.After.Errors}
		if got != planned || gotErrors != errors {
			return fmt.Sprintf("%s: before, during and after are %d with %d errors, want %d with %d",
				f.Name, got, gotErrors, planned, errors)
		}
		if parts := planned[0] + sum + planned[2]; parts != all || rep.Totals.Planned != all {
			return fmt.Sprintf("%s: the phases have %d arrivals and the totals %d, want %d",
				f.Name, parts, rep.Totals.Planned, all)
		}
		outage := time.Duration(-1)
		if f.Outage != nil {
			outage = *f.Outage
		}
		// The histogram reads what is normal up to 0.1 % high.
		if slack := time.Duration(want.stretches+1) * (want.normal/500 + 1); (outage-want.outage).Abs() > slack || want.outage < 0 && outage >= 0 || f.Outages != uint64(want.stretches) {
			return fmt.Sprintf("%s: outage %v in %d stretches, want %v in %d", f.Name, outage, f.Outages, want.outage, want.stretches)
		}
		recovery := time.Duration(-1)
		if f.Recovery != nil {
			recovery = *f.Recovery
		}
		d := (recovery - want.recovery).Abs()
		if close := want.atLeast && d <= want.normal/500+1; d > 0 && !close {
			return fmt.Sprintf("%s: recovery %v, want %v", f.Name, recovery, want.recovery)
		}
		if f.NotRecovered != want.atLeast || f.StillDegraded != want.degraded {
			return fmt.Sprintf("%s: not recovered %v and still degraded %v, want %v and %v",
				f.Name, f.NotRecovered, f.StillDegraded, want.atLeast, want.degraded)
		}
		if f.Relapses != uint64(want.relapses) {
			return fmt.Sprintf("%s: %d relapses, want %d", f.Name, f.Relapses, want.relapses)
		}
		note := func(what string, is bool) {
			if is {
				seen[what]++
			}
		}
		note("outage", want.outage > 0)
		note("no outage", want.outage == 0)
		note("recovered at once", want.recovery == 0)
		note("recovered later", want.recovery > 0 && !want.atLeast)
		note("still degraded", want.degraded)
		note("normal for too short", want.atLeast && !want.degraded)
		note("not known", want.recovery < 0)
		note("relapse", want.relapses > 0)
	}
	return ""
}
