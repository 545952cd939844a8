package rule

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Scope is what a metric is asked of. The zero value is all judged stages.
type Scope struct {
	Stage   string
	Request string
	Flow    string
	Phases  []Phase
	Windows []timeline.Window
	Every   time.Duration      // in slices of that length; 0: in one
	Worst   bool               // of which the worst counts, as one figure
	Fault   string             // of fault("x"): not a stretch of load
	Subject *timeline.Declared // of service("x") and its like: not load at all; nil: none
	Target  string             // one of those that the subject has; empty: all
	// Baseline says that it is asked of the run that is kept as normal, History of so many
	// accepted ones: of neither it is asked of this run.
	Baseline bool
	History  int
}

// Phase is what a rule asks of a fault: what was before it, during it or after it.
type Phase struct{ Kind, Fault string }

// The kinds of phases.
const (
	Before = "before"
	During = "during"
	After  = "after"
)

// cut is the same for scopes that every() slices alike.
func (s Scope) cut() string {
	return fmt.Sprintf("%q %q %v %d", s.Stage, s.Phases, s.Windows, s.Every)
}

// ScopeKind is an entry of the registry of scopes.
type ScopeKind struct {
	Name    string
	Args    string // what stands in its parentheses, for people
	Example string
	Doc     string

	count int // number of arguments
	apply func(s *Scope, a []argument, n Names) *fielderr.Error
}

// argument is one argument of a scope as it stands in the rule.
type argument struct {
	off, len int
	text     *string        // if it is text
	duration *time.Duration // if it is a duration
	number   *float64       // if it is a plain number
}

// Scopes is the registry of scopes: one line each.
func Scopes() []ScopeKind {
	return append([]ScopeKind{
		named("stage", "stage", "steady", "the arrivals of a stage, also if it is not judged",
			applyStage),
		named("request", "request", "checkout", "the arrivals of a request", applyRequest),
		named("flow", "flow", "checkout",
			"whole flows: an arrival is one flow, its response time that of all its steps "+
				"without think time; flows are part of no other scope, "+
				"their steps are requests (`request(\"checkout/pay\")`)", applyFlow),
		named("before", "fault", "kill-api",
			"arrivals that were over before the first disturbance of a fault began; every "+
				"arrival is in exactly one of before, during and after", applyPhase(Before)),
		named("during", "fault", "kill-api",
			"arrivals that were open at any moment of the disturbance: from when it could begin "+
				"(the signal is sent, traffic is about to be impaired), "+
				"proven or not yet, until it ceased (the process is ready again, traffic is "+
				"clear); those in flight when it struck are among them", applyPhase(During)),
		named("after", "fault", "kill-api",
			"arrivals that were due once the disturbance had ended; of several injections, all "+
				"that is in neither before nor during", applyPhase(After)),
		{Name: "every", Args: "a duration of whole seconds", Example: "every(10s)",
			Doc: "each slice of that length must hold; a last one that would be shorter " +
				"belongs to the one before it, and one in which nothing was due is left out; " +
				"rates of answers are 0 in one in which requests waited, though none came due",
			count: 1, apply: applyEvery},
		{Name: "worst", Args: "a duration of whole seconds", Example: "worst(10s)",
			Doc: "the slice of that length, cut as every(...) cuts them, in which the figure is at " +
				"its worst; unlike every(...) it is a figure, to be computed with: " +
				"`worst(10s).p99 < 3 * p99`",
			count: 1, apply: applyWorst},
		{Name: "window", Args: "two offsets of whole seconds from the start",
			Example: "window(60s, 90s)",
			Doc:     "a stretch of run time; it must begin before the end of the load",
			count:   2, apply: applyWindow},
		named("fault", "fault", "kill-api",
			"a fault itself, for the metrics of faults; combines with no other scope", applyFault),
		{Name: "history", Args: "a number of runs", Example: "history(20)",
			Doc: "the last so many runs that were accepted and fit: what the figure may come to by " +
				"them, which is that of the worst of them, but at least 10% beyond their median, " +
				"and 1ms or 0.1 percentage points; `baseline`, without parentheses, is the one run " +
				"that is kept as normal. Both go with one of stage, request, flow, before, during " +
				"and after",
			count: 1, apply: applyHistory},
	}, subjectScopes()...)
}

func named(name, what, example, doc string,
	apply func(*Scope, argument, Names) *fielderr.Error) ScopeKind {
	return ScopeKind{Name: name, Args: "the name of a " + what + " in quotes",
		Example: fmt.Sprintf("%s(%q)", name, example), Doc: doc, count: 1,
		apply: func(s *Scope, a []argument, n Names) *fielderr.Error {
			if a[0].text == nil {
				return mistake(a[0].off, a[0].len,
					fmt.Sprintf("expected the name of a %s in quotes", what),
					fmt.Sprintf("write %s(%q)", name, example))
			}
			return apply(s, a[0], n)
		}}
}

func scopeByName(name string) *ScopeKind {
	all := Scopes()
	i := slices.IndexFunc(all, func(s ScopeKind) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func applyStage(s *Scope, a argument, n Names) *fielderr.Error {
	switch {
	case !slices.Contains(n.Stages, *a.text):
		return unknownName(a.off, a.len, "stage", *a.text, n.Stages)
	case s.Stage != "":
		return mistake(a.off, a.len,
			fmt.Sprintf("a second stage beside %q: no arrival is in both", s.Stage),
			"leave one out")
	}
	s.Stage = *a.text
	return nil
}

func applyRequest(s *Scope, a argument, n Names) *fielderr.Error {
	switch {
	case !slices.Contains(n.Requests, *a.text):
		return unknownName(a.off, a.len, "request", *a.text, n.Requests)
	case s.Request != "":
		return mistake(a.off, a.len,
			fmt.Sprintf("a second request beside %q: no arrival is both", s.Request),
			"leave one out")
	case s.Flow != "":
		return requestAndFlow(a, *a.text, s.Flow)
	}
	s.Request = *a.text
	return nil
}

func applyFlow(s *Scope, a argument, n Names) *fielderr.Error {
	switch {
	case !slices.Contains(n.Flows, *a.text):
		return unknownName(a.off, a.len, "flow", *a.text, n.Flows)
	case s.Flow != "":
		return mistake(a.off, a.len,
			fmt.Sprintf("a second flow beside %q: no arrival is both", s.Flow), "leave one out")
	case s.Request != "":
		return requestAndFlow(a, s.Request, *a.text)
	}
	s.Flow = *a.text
	return nil
}

// requestAndFlow is the mistake of asking for arrivals that are both.
func requestAndFlow(a argument, request, flow string) *fielderr.Error {
	return mistake(a.off, a.len,
		fmt.Sprintf("no arrival is both the request %q and the whole flow %q", request, flow),
		"a step of a flow is a request of its own: write its request(...) alone, or flow(...) "+
			"for the whole")
}

func applyPhase(kind string) func(*Scope, argument, Names) *fielderr.Error {
	return func(s *Scope, a argument, n Names) *fielderr.Error {
		if !slices.Contains(n.Faults, *a.text) {
			return unknownName(a.off, a.len, "fault", *a.text, n.Faults)
		}
		s.Phases = append(s.Phases, Phase{kind, *a.text})
		return nil
	}
}

func applyFault(s *Scope, a argument, n Names) *fielderr.Error {
	if !slices.Contains(n.Faults, *a.text) {
		return unknownName(a.off, a.len, "fault", *a.text, n.Faults)
	}
	s.Fault = *a.text
	return nil
}

// mostHistory bounds how many earlier runs a rule can ask for.
const mostHistory = 1000

func applyHistory(s *Scope, a []argument, _ Names) *fielderr.Error {
	n := a[0].number
	if n == nil || *n < 1 || *n > mostHistory || *n != math.Trunc(*n) {
		return mistake(a[0].off, a[0].len,
			fmt.Sprintf("expected a whole number of runs from 1 to %d", mostHistory),
			"write history(20)")
	}
	s.History = int(*n)
	return nil
}

// baselineWord stands before a metric that is asked of the run that is kept as normal.
const baselineWord = "baseline"

// earlier finds what cannot be asked of earlier runs: of these the totals are kept, and each
// stage, request, flow and phase.
func (r *resolver) earlier(s *Scope, m Metric, at span) *fielderr.Error {
	parts := len(s.Phases)
	for _, name := range []string{s.Stage, s.Request, s.Flow} {
		if name != "" {
			parts++
		}
	}
	switch {
	case s.Baseline && s.History > 0:
		return mistake(at.off, at.end-at.off, "a figure is asked of the baseline or of the history",
			"leave one out")
	case s.Every > 0 || len(s.Windows) > 0 || s.Fault != "":
		return mistake(at.off, at.end-at.off,
			"every, window and fault cannot be asked of earlier runs, of which less is kept",
			"ask for all of it, or for a stage, a request, a flow or a phase of a fault")
	case parts > 1:
		return mistake(at.off, at.end-at.off,
			"of earlier runs each stage, request, flow and phase is kept, and nothing that is both",
			"leave one of the scopes out")
	case !m.Kept:
		return mistake(at.off, at.end-at.off, fmt.Sprintf("%s is not kept of earlier runs", m.Name),
			"ask for a response time, a share, a count or a rate")
	}
	return nil
}

// wholeSeconds refuses times that would cut through the intervals of a run,
// which are of one second: figures of such a stretch would not be exact.
func wholeSeconds(a argument) *fielderr.Error {
	if a.duration == nil {
		return mistake(a.off, a.len, "expected a duration such as 10s", "")
	}
	if *a.duration%time.Second != 0 {
		return mistake(a.off, a.len, fmt.Sprintf("expected whole seconds, found %s", *a.duration),
			"a run is recorded second by second")
	}
	return nil
}

func applyEvery(s *Scope, a []argument, _ Names) *fielderr.Error {
	if err := wholeSeconds(a[0]); err != nil {
		return err
	}
	switch {
	case *a[0].duration == 0:
		return mistake(a[0].off, a[0].len, "expected a duration of at least 1s, found 0s", "")
	case s.Every != 0:
		return mistake(a[0].off, a[0].len, "a second every", "leave one out")
	}
	s.Every = *a[0].duration
	return nil
}

func applyWorst(s *Scope, a []argument, n Names) *fielderr.Error {
	s.Worst = true
	return applyEvery(s, a, n)
}

func applyWindow(s *Scope, a []argument, n Names) *fielderr.Error {
	for _, x := range a {
		if err := wholeSeconds(x); err != nil {
			return err
		}
	}
	w := timeline.Window{From: *a[0].duration, To: *a[1].duration}
	if w.Len() == 0 {
		return mistake(a[0].off, a[1].off+a[1].len-a[0].off,
			fmt.Sprintf("a window that ends at %s, before or when it begins, is empty",
				quantity.FormatDuration(w.To)),
			"write the earlier offset first: window(60s, 90s)")
	}
	if n.End > 0 && w.From >= n.End {
		return mistake(a[0].off, a[0].len,
			fmt.Sprintf("expected a window of the load, which ends at %s, found one that begins "+
				"at %s: nothing is due there",
				quantity.FormatDuration(n.End), quantity.FormatDuration(w.From)),
			"let it begin earlier, or the load last longer")
	}
	s.Windows = append(s.Windows, w)
	return nil
}

// ScopeTable is the manual's table of scopes, in Markdown.
func ScopeTable() string {
	var b strings.Builder
	b.WriteString("| scope | takes | covers |\n|---|---|---|\n")
	for _, s := range Scopes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Example, s.Args, s.Doc)
	}
	return b.String()
}
