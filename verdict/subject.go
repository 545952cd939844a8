package verdict

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// SubjectMeasure is what is reported of a subject, over all of the run but the stages that are
// not judged.
type SubjectMeasure struct {
	timeline.Subject
	Unit    timeline.Unit `json:"unit,omitempty"`    // of a metric's value
	Targets []string      `json:"targets,omitempty"` // of a service that has them
	// Readings is how many came, with data or without.
	Readings uint64 `json:"readings"`
	// Missing is how many of its readings had no data, and Why says it of the first.
	Missing uint64          `json:"missing,omitempty"`
	Why     string          `json:"why,omitempty"`
	Figures []FigureMeasure `json:"figures"` // by timeline.Figure; those without data are left out
	// FirstFailure is that of a probe; nil if none failed.
	FirstFailure *ProbeFailure `json:"first_failure,omitempty"`
}

// ProbeFailure is an answer to a probe that was not as expected.
type ProbeFailure struct {
	At     time.Duration `json:"at"`               // when the probe was due
	Detail string        `json:"detail"`           // what was expected, and found
	Faults []string      `json:"faults,omitempty"` // that were in force then
}

// String says it for people.
func (f *ProbeFailure) String() string {
	out := "at " + quantity.FormatDuration(f.At)
	if len(f.Faults) > 0 {
		out += ", in fault " + strings.Join(f.Faults, ", ")
	}
	return out + ": " + f.Detail
}

// FigureMeasure is one figure of a subject. Of several targets it is that of the worst, but for
// Readings and Mean, which are of all.
type FigureMeasure struct {
	Figure   timeline.Figure `json:"figure"`
	Readings uint64          `json:"readings"`
	// Total is the sum of what was counted, or the share of the time; of other figures the rest
	// is set.
	Total *float64 `json:"total,omitempty"`
	Mean  *float64 `json:"mean,omitempty"`
	Min   *float64 `json:"min,omitempty"`
	Max   *float64 `json:"max,omitempty"`
	P95   *float64 `json:"p95,omitempty"` // nil: of too few readings
	Last  *float64 `json:"last,omitempty"`
}

// report takes a reading into what is reported of the subject.
func (s *observedSubject) report(r *timeline.Reading) {
	s.readings++
	if failed, _ := r.Values.Get(timeline.Failures); failed > 0 &&
		(s.failed == nil || r.From < s.failed.From) {
		first := *r
		s.failed = &first
	}
	for i, row := range timeline.Figures() {
		if row.Kind != r.Kind {
			continue
		}
		figure := timeline.Figure(i)
		of := s.figures[figure]
		if of[r.Target] == nil {
			f := &fold{}
			if row.Fold == timeline.Level {
				f.ranks = newRanks(nil)
			}
			if !f.add(r, figure) {
				continue
			}
			if of == nil {
				of = map[string]*fold{}
				s.figures[figure] = of
			}
			of[r.Target] = f
			continue
		}
		of[r.Target].add(r, figure)
	}
}

// measure is what is reported of all subjects that were observed, in order of kind and name.
func (o *observations) measure() []SubjectMeasure {
	order := func(k timeline.SubjectKind) int {
		return slices.IndexFunc(timeline.SubjectKinds(),
			func(x timeline.ObservedKind) bool { return x.Kind == k })
	}
	var out []SubjectMeasure
	for subject, s := range o.subjects {
		if len(s.targets) == 0 {
			continue
		}
		m := SubjectMeasure{Subject: subject, Readings: s.readings}
		for _, d := range o.c.tl.Subjects {
			if d.Subject == subject {
				m.Unit = d.Unit
			}
		}
		for _, t := range slices.Sorted(maps.Keys(s.targets)) {
			if t != "" {
				m.Targets = append(m.Targets, t)
			}
		}
		for i := range timeline.Figures() {
			f, missing, ok := s.figure(timeline.Figure(i))
			if m.lacks(missing); ok {
				m.Figures = append(m.Figures, f)
			}
		}
		if s.failed != nil {
			m.FirstFailure = o.failure(s.failed)
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b SubjectMeasure) int {
		return cmp.Or(cmp.Compare(order(a.Kind), order(b.Kind)), strings.Compare(a.Name, b.Name))
	})
	return out
}

// failure is what is reported of a probe that failed.
func (o *observations) failure(r *timeline.Reading) *ProbeFailure {
	out := &ProbeFailure{At: r.From, Detail: r.Detail}
	for i := range o.c.tl.Faults {
		f := &o.c.tl.Faults[i]
		d, ok := f.Disturbance()
		if ok && d.From < r.To && r.From < d.To && !slices.Contains(out.Faults, f.Name) {
			out.Faults = append(out.Faults, f.Name)
		}
	}
	return out
}

// lacks notes what a figure lacks: that of the figure that lacks most.
func (m *SubjectMeasure) lacks(l lost) {
	if l.n > m.Missing {
		m.Missing, m.Why = l.n, l.why
	}
}

// figure sums up one figure of all targets; false if it has no data.
func (s *observedSubject) figure(figure timeline.Figure) (FigureMeasure, lost, bool) {
	row := figure.Row()
	m := FigureMeasure{Figure: figure}
	var missing lost
	var all *fold
	for _, target := range slices.Sorted(maps.Keys(s.figures[figure])) {
		f := s.figures[figure][target]
		missing.merge(f.lost)
		if f.n == 0 {
			continue
		}
		if all == nil {
			all = f
		} else {
			all = all.clone()
			all.merge(f)
		}
		worse := func(to **float64, v float64, least bool) {
			if *to == nil || least && v < **to || !least && v > **to {
				*to = &v
			}
		}
		switch row.Fold {
		case timeline.Sum:
			worse(&m.Total, f.sum, row.MoreIsBetter)
		case timeline.ByTime:
			if f.covered > 0 {
				worse(&m.Total, f.part/f.covered, row.MoreIsBetter)
			}
		default:
			worse(&m.Min, f.least, true)
			worse(&m.Max, f.greatest, false)
			worse(&m.Last, f.last.v, row.MoreIsBetter)
			if f.n >= minSamples(0.95) {
				_, high := f.ranks.at(f.ranks.rankOf(0.95))
				worse(&m.P95, min(high, f.greatest), row.MoreIsBetter)
			}
		}
	}
	if all == nil {
		return m, missing, false
	}
	m.Readings = all.n
	if row.Fold == timeline.Level {
		mean := all.sum / float64(all.n)
		m.Mean = &mean
	}
	return m, missing, true
}
