package timeline

import (
	"cmp"
	"maps"
	"time"
)

// Stats is what was recorded of a set of arrivals: one request in one stage in
// one interval, or any number of these merged.
//
// Planned = Done + Unsent + Interrupted holds once the run is over.
type Stats struct {
	Planned uint64 `json:"planned"` // arrivals that came due
	Done    uint64 `json:"done"`    // sent, and answered or failed
	Unsent  uint64 `json:"unsent"`  // found no free slot in time: errors
	// Cut off by the end of an interrupted run: neither good nor bad.
	Interrupted uint64 `json:"interrupted"`
	Failed      uint64 `json:"failed"` // of Done: answered wrongly or not at all
	// Cut counts, of Done, the arrivals whose connection ordeal itself cut, as its way of
	// doing or undoing a fault could not avoid it. They are the tool's doing: neither good
	// answers nor errors, and in no distribution.
	Cut uint64 `json:"cut,omitempty"`
	// Last is when the last of these arrivals ended, at the latest.
	Last time.Duration `json:"last,omitempty"`

	// Answered and AnsweredOK count answers, and the good ones, in the interval
	// in which they came, and not in that of their arrival's intended time as all
	// else does. An answer is a complete response, whatever it said; what ended without
	// one (timed out, was refused, cut off or never sent) is none. One that came after the end of
	// its arrival's stage is in none. Rates of answers are made of them: a backlog that is answered
	// later has not been answered now.
	Answered   uint64 `json:"answered"`
	AnsweredOK uint64 `json:"answered_ok"`

	// Delayed counts arrivals whose response time the generator itself may have made
	// longer: it acted late, read the answer late, or had a lot to catch up with.
	// Doubtful counts errors that the generator may have made in this way, DoubtfulUnsent the
	// unsent ones among them. Arrivals that it did not send in time have kinds of error of their
	// own.
	Delayed        uint64 `json:"delayed,omitempty"`
	Doubtful       uint64 `json:"doubtful,omitempty"`
	DoubtfulUnsent uint64 `json:"doubtful_unsent,omitempty"`

	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`

	Counted Counted `json:"-"` // what calls had beside, by Counter

	Kinds    map[string]uint64 `json:"kinds,omitempty"`    // errors by kind, unsent among them
	Statuses map[int]uint64    `json:"statuses,omitempty"` // answers by HTTP status

	Times
}

// Times are the distributions of a Stats.
type Times struct {
	// Response times (done − intended) of good answers, and of errors; an
	// unsent arrival's is its whole waiting time. Apart, as a fast error must
	// not improve a percentile unseen.
	OK  Distribution `json:"-"`
	Err Distribution `json:"-"`
	// Service time (done − sent) and lag (sent − intended) of what was sent.
	Service Distribution `json:"-"`
	Lag     Distribution `json:"-"`
	// The same times, each less what the generator itself may have made of it: what they
	// would have been at least, had it never been held up. Where no arrival was delayed
	// they are empty, and the same as those above: see Net.
	OKNet      Distribution `json:"-"`
	ErrNet     Distribution `json:"-"`
	ServiceNet Distribution `json:"-"`
	LagNet     Distribution `json:"-"`
	// Lateness of the generator itself: when it acted on the arrival − intended.
	// Lag minus the wait for a free slot; the ground of the validity verdict.
	Late Distribution `json:"-"`
	// Phases are parts of the service time, of the calls that had them.
	Phases [phaseCount]Distribution `json:"-"`
}

// NewStats returns empty stats that count exactly at limits.
func NewStats(limits []time.Duration) *Stats {
	d := NewDistribution(limits) // all share its limits until something is recorded
	t := Times{
		OK: d, Err: d, Service: d, Lag: d, OKNet: d, ErrNet: d, ServiceNet: d, LagNet: d,
	}
	for i := range t.Phases {
		t.Phases[i] = d
	}
	return &Stats{Times: t}
}

// Distributions names the distributions, in the order in which they are
// written and read.
func (s *Stats) Distributions() []NamedDistribution {
	all := s.distributions()
	return all[:]
}

func (s *Stats) distributions() (out [9 + phaseCount]NamedDistribution) {
	copy(out[:], []NamedDistribution{
		{"ok", &s.OK}, {"err", &s.Err}, {"service", &s.Service}, {"lag", &s.Lag}, {"late", &s.Late},
	})
	for i := range phases {
		out[5+i] = NamedDistribution{phases[i].Name, &s.Phases[i]}
	}
	copy(out[5+phaseCount:], []NamedDistribution{
		{"ok.net", &s.OKNet}, {"err.net", &s.ErrNet},
		{"service.net", &s.ServiceNet}, {"lag.net", &s.LagNet},
	})
	return out
}

var phases = Phases()

// nets pairs each net distribution with the measured one.
func (s *Stats) nets() [4][2]*Distribution {
	return [4][2]*Distribution{
		{&s.OKNet, &s.OK},
		{&s.ErrNet, &s.Err},
		{&s.ServiceNet, &s.Service},
		{&s.LagNet, &s.Lag},
	}
}

// Net returns what d, which is OK, Err, Service or Lag of s, would have been at least,
// had the generator never been held up. It is d itself where no arrival was delayed, and
// for any other distribution.
func (s *Stats) Net(d *Distribution) *Distribution {
	for _, pair := range s.nets() {
		if d == pair[1] && pair[0].Count() > 0 {
			return pair[0]
		}
	}
	return d
}

// NamedDistribution is one of a Stats' distributions under its name in files.
type NamedDistribution struct {
	Name string
	*Distribution
}

// Errors is the number of arrivals that went wrong: failed or unsent.
func (s *Stats) Errors() uint64 { return s.Failed + s.Unsent }

// Judged is the number of arrivals that count in rates of error: done and
// unsent, but for those that ordeal itself cut off.
func (s *Stats) Judged() uint64 { return s.Done + s.Unsent - min(s.Cut, s.Done) }

// Response returns the response times of all arrivals, good ones and errors.
func (s *Stats) Response() Distribution {
	d := s.OK.Clone()
	d.Merge(&s.Err)
	return d
}

// ResponseNet is Response, each less what the generator itself may have made of it.
func (s *Stats) ResponseNet() Distribution {
	d := s.Net(&s.OK).Clone()
	d.Merge(s.Net(&s.Err))
	return d
}

// Clone returns an independent copy, which is packed: see Distribution.
func (s *Stats) Clone() *Stats {
	c := *s
	c.Kinds, c.Statuses = maps.Clone(s.Kinds), maps.Clone(s.Statuses)
	copies := c.Distributions()
	for i, d := range s.Distributions() {
		*copies[i].Distribution = d.Clone()
	}
	return &c
}

// Merge adds all of o to s.
func (s *Stats) Merge(o *Stats) {
	s.Planned += o.Planned
	s.Done += o.Done
	s.Unsent += o.Unsent
	s.Interrupted += o.Interrupted
	s.Failed += o.Failed
	s.Cut += o.Cut
	s.Last = max(s.Last, o.Last)
	s.Answered += o.Answered
	s.AnsweredOK += o.AnsweredOK
	s.Delayed += o.Delayed
	s.Doubtful += o.Doubtful
	s.DoubtfulUnsent += o.DoubtfulUnsent
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
	s.Counted.Merge(&o.Counted)
	if len(o.Kinds) > 0 && s.Kinds == nil {
		s.Kinds = make(map[string]uint64)
	}
	for k, n := range maps.All(o.Kinds) {
		s.Kinds[k] += n
	}
	if len(o.Statuses) > 0 && s.Statuses == nil {
		s.Statuses = make(map[int]uint64)
	}
	for k, n := range maps.All(o.Statuses) {
		s.Statuses[k] += n
	}
	mine, theirs := s.distributions(), o.distributions()
	nets, others := s.nets(), o.nets()
	for i, pair := range nets {
		if pair[0].Count() > 0 ||
			others[i][0].Count() > 0 { // one side's net times are those that it measured
			pair[0].StartFrom(pair[1])
			pair[0].Merge(o.Net(others[i][1]))
		}
	}
	for i := range mine[:len(mine)-len(nets)] { // the net ones are the last
		mine[i].Merge(theirs[i].Distribution)
	}
}

// Key names one cell of an interval.
type Key struct {
	Stage   string `json:"stage"`
	Request string `json:"request"`
	// IsFlow says that Request is the name of a flow, and the cell holds whole
	// flows: an arrival is one flow, its response time that of all its steps. Its
	// steps are requests of their own, so it belongs to no totals.
	IsFlow bool `json:"whole,omitempty"`
}

// Compare orders keys as the cells of an interval are: by stage, requests before
// whole flows, then by name.
func (k Key) Compare(o Key) int {
	whole := func(k Key) int {
		if k.IsFlow {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(k.Stage, o.Stage),
		cmp.Compare(whole(k), whole(o)),
		cmp.Compare(k.Request, o.Request),
	)
}

// Cell is the Stats of one request, or of one flow as a whole, in one stage. What
// was open at a cut is in cells of its own, one for each last cut.
type Cell struct {
	Key
	// OpenAt is the last cut at which these arrivals were open, that is due before it and ended at
	// it or later; they were open at each cut between their interval and this one, too. 0: at none.
	OpenAt time.Duration
	*Stats
}

// Compare orders the cells of an interval: by key, then by the last cut.
func (c Cell) Compare(o Cell) int {
	return cmp.Or(c.Key.Compare(o.Key), cmp.Compare(c.OpenAt, o.OpenAt))
}

// Interval is one piece of the run, and what came due in it; its cells are
// sorted by Cell.Compare, and its beats by time.
type Interval struct {
	Window
	Cells []Cell
	Beats []Beat
}
