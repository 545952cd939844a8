package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Worst is the stretch of a run in which the figure of a failed rule was worst.
type Worst struct {
	timeline.Window
	Value    Figure         `json:"value"`
	Observed string         `json:"observed"`           // Value for people
	Stages   []string       `json:"stages"`             // of the stretch
	Faults   []string       `json:"faults,omitempty"`   // in force in it
	Requests []Contribution `json:"requests,omitempty"` // that did it, the worst first
}

// Contribution is the part that a request, or a flow, had in the worst stretch.
type Contribution struct {
	Name string `json:"name"`
	// Bad is how many of its arrivals went wrong; of a rule on times, how many took longer than
	// the limit.
	Bad uint64 `json:"bad"`
	All uint64 `json:"all"` // arrivals that were judged
}

const (
	// worstParts is the least number of stretches that a scope is cut into to find its worst.
	worstParts = 30
	// worstRequests is how many requests are named, at most.
	worstRequests = 3
)

// String is the stretch, its figure and its requests in a line for people.
func (w *Worst) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "worst from %s to %s",
		quantity.FormatDuration(w.From), quantity.FormatDuration(w.To))
	in := make([]string, 0, 2)
	if len(w.Stages) > 0 {
		in = append(in, "stage "+strings.Join(w.Stages, ", "))
	}
	if len(w.Faults) > 0 {
		in = append(in, "fault "+strings.Join(w.Faults, ", "))
	}
	if len(in) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(in, "; "))
	}
	fmt.Fprintf(&b, ": %s", w.Observed)
	for i, r := range w.Requests {
		sep := ", "
		if i == 0 {
			sep = "; "
		}
		fmt.Fprintf(&b, "%s%s %d of %d", sep, r.Name, r.Bad, r.All)
	}
	return b.String()
}

// culprit looks for the worst stretch of a rule that failed.
type culprit struct {
	result *RuleResult
	term   *term
	op     string  // how the figure had to stand to
	limit  float64 // this
	parts  map[time.Duration]*part
}

// part is a stretch of its scope.
type part struct {
	window   timeline.Window
	value    float64
	known    bool
	requests []Contribution
}

// blame finds for each rule that failed the stretch in which it was worst, and the requests that
// did it, in another pass over the intervals. What is asked of faults and of subjects has none.
func (j *Judging) blame(rules []RuleResult) error {
	found := newAggregator(&j.tl)
	var culprits []*culprit
	for i := range rules {
		if c := j.culprit(j.rules[i], &rules[i]); c != nil {
			culprits = append(culprits, c)
			c.subscribe(found)
		}
	}
	if len(culprits) == 0 {
		return nil
	}
	for iv, err := range j.tl.Intervals {
		if err != nil {
			return fmt.Errorf("reading the run's intervals: %w", err)
		}
		found.add(&iv, middle(iv.Window, j.tl.Duration))
	}
	found.emitAll()
	for _, c := range culprits {
		c.name(&j.tl)
	}
	return nil
}

// culprit is nil if a rule did not fail, or rests on no figure of load.
func (j *Judging) culprit(c *ruleCase, r *RuleResult) *culprit {
	if c.failed == nil || r.Outcome != Fail && r.Outcome != Warn {
		return nil
	}
	leaf, negated := c.failed.deciding()
	op, o, limit, _ := leaf.sides()
	if negated {
		op = opposite[op]
	}
	terms := c.in.Rule.terms
	i := slices.IndexFunc(terms, func(t term) bool {
		return o.reading != nil && t.text == o.reading.text
	})
	if i < 0 || terms[i].observed != nil || terms[i].scope.Fault != "" ||
		terms[i].share != nil || terms[i].isPast() {
		return nil
	}
	if terms[i].metric.grows {
		return nil
	}
	return &culprit{
		result: r, term: &terms[i], op: op, limit: limit.n, parts: map[time.Duration]*part{},
	}
}

// subscribe asks for the stretches of the scope, and for what each request had in them.
func (c *culprit) subscribe(found *aggregator) {
	s := c.term.scope
	of, asked := stretchOf(s), filter{s.Stage, s.Request, s.Flow}
	every := s.Every
	if every == 0 {
		span := found.time(of).Intersect(found.stages(asked)).
			Intersect(timeline.Windows{{To: found.tl.Duration}}).Len()
		every = max(span/worstParts, time.Second).Truncate(time.Second)
	}
	found.subscribe(asked, of, every, func(told gathered) {
		p := c.part(told.slice)
		p.value, p.known = c.term.metric.Eval(told.view)
		p.known = p.known && told.view.Stats.Planned > 0
	})
	if asked.request != "" || asked.flow != "" {
		return // it is the one
	}
	for _, name := range found.tl.Requests {
		asked.request = name
		found.subscribe(asked, of, every, func(told gathered) {
			p := c.part(told.slice)
			if bad := c.bad(told.view); bad > 0 {
				p.requests = append(p.requests, Contribution{name, bad, told.view.Stats.Judged()})
			}
		})
	}
}

func (c *culprit) part(w timeline.Window) *part {
	p := c.parts[w.From]
	if p == nil {
		p = &part{window: w}
		c.parts[w.From] = p
	}
	return p
}

// bad is how many arrivals of v made the figure bad: see Contribution.Bad.
func (c *culprit) bad(v *View) uint64 {
	if of := c.term.metric.of; of != nil {
		return of(v).CountAbove(rule.AsDuration(c.limit))
	}
	return v.Stats.Errors()
}

// name puts the worst stretch into the result.
func (c *culprit) name(tl *timeline.Timeline) {
	var worst *part
	for _, p := range c.parts {
		if !p.known {
			continue
		}
		if worst == nil || cmp.Or(cmp.Compare(c.strain(p), c.strain(worst)),
			cmp.Compare(worst.window.From, p.window.From)) > 0 {
			worst = p
		}
	}
	if worst == nil {
		return
	}
	u := c.term.metric.Unit
	w := &Worst{
		Window: worst.window, Value: Figure{Value: worst.value, Unit: figureUnits[u]},
		Observed: u.Format(worst.value), Stages: []string{},
	}
	for _, s := range tl.Stages {
		if s.Window.Intersect(w.Window).Len() > 0 {
			w.Stages = append(w.Stages, s.Name)
		}
	}
	for i := range tl.Faults {
		f := &tl.Faults[i]
		if d, ok := f.Disturbance(); ok && d.Intersect(w.Window).Len() > 0 &&
			!slices.Contains(w.Faults, f.Name) {
			w.Faults = append(w.Faults, f.Name)
		}
	}
	slices.SortStableFunc(worst.requests, func(a, b Contribution) int {
		return cmp.Compare(b.Bad, a.Bad)
	})
	w.Requests = worst.requests[:min(len(worst.requests), worstRequests)]
	c.result.Worst = w
}

// strain says how bad a part was: the greater, the worse.
func (c *culprit) strain(p *part) float64 {
	switch c.op {
	case "<", "<=":
		return p.value
	case ">", ">=":
		return -p.value
	}
	return math.Abs(p.value - c.limit)
}
