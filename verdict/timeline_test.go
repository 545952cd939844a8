package verdict

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// arrival is one request of a made-up run.
type arrival struct {
	at, took       time.Duration
	stage, request string // steady and browse if empty
	flow           string // a whole flow in place of a request
	connect        time.Duration
	redirects      uint32
	failed, unsent bool
	interrupted    bool
	late           time.Duration
	held           time.Duration // by the generator, beside that it was late
	doubtful       bool          // as errors are that the generator may have made
	kind           string        // of the error; failed then goes without saying
}

var names = Names{
	Stages:   []string{"warmup", "steady", "spike"},
	Requests: []string{"browse", "checkout"},
	Flows:    []string{"checkout", "browse"}, // named like requests
	Faults:   []string{"kill-api", "slow-db"},
}

// run makes a timeline of arrivals as a recorder would: cut at each second and
// where faults begin and end.
func run(end time.Duration, faults []timeline.Fault, limits []time.Duration, arrivals []arrival) *timeline.Timeline {
	return runStages(end, []timeline.Stage{{Name: "steady", Window: timeline.Window{To: end}, Judged: true}}, faults, limits, arrivals)
}

func runStages(end time.Duration, stages []timeline.Stage, faults []timeline.Fault, limits []time.Duration, arrivals []arrival) *timeline.Timeline {
	tl := &timeline.Timeline{
		Name: "test", Duration: end, LateBudget: 50 * time.Millisecond, Faults: faults,
		Stages: stages, Requests: names.Requests, Flows: names.Flows,
	}
	cuts := []time.Duration{end}
	for at := time.Duration(0); at < end; at += time.Second {
		cuts = append(cuts, at)
	}
	var marks []time.Duration
	for _, f := range faults {
		for _, p := range []*time.Duration{f.Injecting, f.Began, f.Ceased, f.Reverted} {
			if p == nil {
				continue
			}
			marks = append(marks, *p)
			if *p < end {
				cuts = append(cuts, *p)
			}
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	type key struct {
		timeline.Key
		openAt time.Duration
	}
	cells := make([]map[key]*timeline.Stats, len(cuts))
	beats := make([][]timeline.Beat, len(cuts))
	for _, a := range arrivals {
		if a.stage == "" {
			a.stage = "steady"
		}
		if a.request == "" {
			a.request = "browse"
		}
		k := timeline.Key{Stage: a.stage, Request: a.request}
		if a.flow != "" {
			k.Request, k.IsFlow = a.flow, true
		}
		interval := func(at time.Duration) int {
			i, found := slices.BinarySearch(cuts, at)
			if !found {
				i--
			}
			return i
		}
		cell := func(at, openAt time.Duration) *timeline.Stats {
			i, k := interval(at), key{k, openAt}
			if cells[i] == nil {
				cells[i] = map[key]*timeline.Stats{}
			}
			if cells[i][k] == nil {
				cells[i][k] = timeline.NewStats(limits)
				cells[i][k].Late = timeline.NewDistribution([]time.Duration{tl.LateBudget})
			}
			return cells[i][k]
		}
		openAt := time.Duration(0)
		for _, m := range marks {
			if a.at < m && m <= a.at+a.took {
				openAt = max(openAt, m)
			}
		}
		in := cell(a.at, openAt)
		add(in, a)
		in.Last = max(in.Last, a.at+a.took)
		stage := slices.IndexFunc(stages, func(s timeline.Stage) bool { return s.Name == a.stage })
		if done := a.at + a.took; stage >= 0 && done < stages[stage].Window.To && a.answered() {
			came := cell(done, 0)
			came.Answered++
			if !a.failed && a.kind == "" {
				came.AnsweredOK++
			}
		}
	}
	for _, a := range arrivals {
		if b, ok := a.beat(stages); ok {
			i, found := slices.BinarySearch(cuts, a.at)
			if !found {
				i--
			}
			beats[i] = timeline.MergeBeats(beats[i], b)
		}
	}
	tl.Intervals = func(yield func(timeline.Interval, error) bool) {
		for i := range len(cuts) - 1 {
			iv := timeline.Interval{Window: timeline.Window{From: cuts[i], To: cuts[i+1]}, Beats: beats[i]}
			for k, s := range cells[i] {
				iv.Cells = append(iv.Cells, timeline.Cell{Key: k.Key, OpenAt: k.openAt, Stats: s})
			}
			slices.SortFunc(iv.Cells, timeline.Cell.Compare)
			if !yield(iv, nil) {
				return
			}
		}
	}
	return tl
}

// beat is what the arrival says of the service; false if it says nothing.
func (a arrival) beat(stages []timeline.Stage) (timeline.Beat, bool) {
	b := timeline.Beat{Due: a.at, Last: a.at}
	i := slices.IndexFunc(stages, func(s timeline.Stage) bool { return s.Name == a.stage || a.stage == "" && s.Name == "steady" })
	if i < 0 || !stages[i].Judged || a.flow != "" || a.interrupted || slices.Contains([]string{"local", "skipped", "late"}, a.kind) {
		return b, false
	}
	switch {
	case a.doubtful:
		b.Doubted, b.DoubtedTo = 1, a.at+a.took
	case a.failed || a.unsent || a.kind != "":
		b.Errors, b.Failed = 1, a.at+a.took
	default:
		b.Good, b.Best, b.Came = 1, max(0, a.took-a.late-a.held), a.at+a.took
		if waited := a.took - a.late; waited > b.Best {
			b.Waited = waited
		}
	}
	return b, true
}

// answered says whether there was a complete response.
func (a arrival) answered() bool {
	return !a.unsent && !a.interrupted && (a.kind == "" || slices.Contains([]string{"status", "body", "slow"}, a.kind))
}

func add(s *timeline.Stats, a arrival) {
	s.Planned++
	s.Late.Record(a.late)
	if a.interrupted {
		s.Interrupted++
		return
	}
	if a.unsent {
		a.kind = "unsent"
	}
	a.unsent = a.unsent || a.kind == "skipped" || a.kind == "late"
	if a.kind != "" {
		a.failed = true
		if s.Kinds == nil {
			s.Kinds = map[string]uint64{}
		}
		s.Kinds[a.kind]++
	}
	s.BytesIn += 100
	s.BytesOut += 10
	own := a.late + a.held
	if own > 0 {
		s.Delayed++
	}
	if a.doubtful {
		s.Doubtful++
		if a.unsent {
			s.DoubtfulUnsent++
		}
	}
	switch {
	case a.unsent:
		s.Unsent++
		both(&s.Err, &s.ErrNet, a.took, own)
		return
	case a.failed:
		s.Failed++
		both(&s.Err, &s.ErrNet, a.took, own)
	default:
		both(&s.OK, &s.OKNet, a.took, own)
	}
	s.Done++
	both(&s.Service, &s.ServiceNet, max(0, a.took-a.late), a.held)
	both(&s.Lag, &s.LagNet, a.late, own)
	s.Counted.Add(&timeline.Counts{timeline.Redirects: a.redirects})
	if a.connect > 0 {
		s.Phases[timeline.Connect].Record(a.connect)
	}
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

// steady makes n arrivals a second over [from, to), each answered after took.
func steady(from, to time.Duration, n int, took time.Duration) []arrival {
	var out []arrival
	for at := from; at < to; at += time.Second / time.Duration(n) {
		out = append(out, arrival{at: at, took: took})
	}
	return out
}

// fault makes the record of a fault that went well.
func fault(name string, from, to time.Duration) timeline.Fault {
	return timeline.Fault{Name: name, Kind: "kill", Service: "api", Planned: from, State: timeline.Reverted, Verified: true,
		Injecting: &from, Effective: &from, Reverting: &to, Reverted: &to}
}

func mustCompile(t testing.TB, src string) *Rule {
	t.Helper()
	r, wrong := Compile(src, names)
	for _, m := range wrong {
		t.Fatalf("compiling %s: %s at %d", src, m, m.Offset)
	}
	return r
}

// judgeOne judges a single rule.
func judgeOne(t testing.TB, src string, tl *timeline.Timeline) RuleResult {
	t.Helper()
	rep, err := Judge([]Input{{KPI: src, Severity: SeverityFail, Rule: mustCompile(t, src)}}, tl)
	if err != nil {
		t.Fatal(err)
	}
	return rep.Rules[0]
}
