package timeline

import (
	"maps"
	"time"
)

// Stats is what was recorded of a set of arrivals: one request in one stage in
// one interval, or any number of these merged.
//
// Planned = Done + Unsent + Interrupted holds once the run is over.
type Stats struct {
	Planned     uint64 `json:"planned"`     // arrivals that came due
	Done        uint64 `json:"done"`        // sent, and answered or failed
	Unsent      uint64 `json:"unsent"`      // found no free slot before their timeout: errors
	Interrupted uint64 `json:"interrupted"` // cut off by the end of an interrupted run: neither good nor bad
	Failed      uint64 `json:"failed"`      // of Done: answered wrongly or not at all

	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`

	Kinds    map[string]uint64 `json:"kinds,omitempty"`    // errors by kind, unsent among them
	Statuses map[int]uint64    `json:"statuses,omitempty"` // answers by HTTP status

	// Response times (done − intended) of good answers, and of errors; an
	// unsent arrival's is its whole waiting time. Apart, as a fast error must
	// not improve a percentile unseen.
	OK  Distribution `json:"-"`
	Err Distribution `json:"-"`
	// Service time (done − sent) and lag (sent − intended) of what was sent.
	Service Distribution `json:"-"`
	Lag     Distribution `json:"-"`
	// Lateness of the generator itself: when it acted on the arrival − intended.
	// Lag minus the wait for a free slot; the ground of the validity verdict.
	Late Distribution `json:"-"`
}

// NewStats returns empty stats that count exactly at limits.
func NewStats(limits []time.Duration) *Stats {
	return &Stats{
		OK: NewDistribution(limits), Err: NewDistribution(limits), Service: NewDistribution(limits),
		Lag: NewDistribution(limits),
	}
}

// Distributions names the five distributions, in the order in which they are
// written and read.
func (s *Stats) Distributions() []NamedDistribution {
	return []NamedDistribution{
		{"ok", &s.OK}, {"err", &s.Err}, {"service", &s.Service}, {"lag", &s.Lag}, {"late", &s.Late},
	}
}

// NamedDistribution is one of a Stats' distributions under its name in files.
type NamedDistribution struct {
	Name string
	*Distribution
}

// Errors is the number of arrivals that went wrong: failed or unsent.
func (s *Stats) Errors() uint64 { return s.Failed + s.Unsent }

// Judged is the number of arrivals that count in rates of error: done and
// unsent.
func (s *Stats) Judged() uint64 { return s.Done + s.Unsent }

// Response returns the response times of all arrivals, good ones and errors.
func (s *Stats) Response() Distribution {
	d := s.OK.Clone()
	d.Merge(&s.Err)
	return d
}

// Merge adds all of o to s.
func (s *Stats) Merge(o *Stats) {
	s.Planned += o.Planned
	s.Done += o.Done
	s.Unsent += o.Unsent
	s.Interrupted += o.Interrupted
	s.Failed += o.Failed
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
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
	mine, theirs := s.Distributions(), o.Distributions()
	for i := range mine {
		mine[i].Merge(theirs[i].Distribution)
	}
}

// Key names one cell of an interval.
type Key struct {
	Stage   string `json:"stage"`
	Request string `json:"request"`
}

// Cell is the Stats of one request in one stage.
type Cell struct {
	Key
	*Stats
}

// Interval is one piece of the run, and what came due in it; its cells are
// sorted by stage, then request.
type Interval struct {
	Window
	Cells []Cell
}
