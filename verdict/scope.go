package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// scope is what a metric is asked of. The zero value is all judged stages.
type scope struct {
	stage   string
	request string
	flow    string
	phases  []phase
	windows []timeline.Window
	every   time.Duration
	fault   string // of fault("x"): not a stretch of load
}

// key is the same for equal scopes.
func (s scope) key() string {
	return fmt.Sprintf("%q %q %q %q %v %d %q", s.stage, s.request, s.flow, s.phases, s.windows, s.every, s.fault)
}

// cut is the same for scopes that every() slices alike.
func (s scope) cut() string {
	s.request, s.flow = "", ""
	return s.key()
}

// ScopeKind is an entry of the registry of scopes.
type ScopeKind struct {
	Name    string
	Args    string // what stands in its parentheses, for people
	Example string
	Doc     string

	count int // number of arguments
	apply func(s *scope, a []argument, n Names) *fielderr.Error
}

// argument is one argument of a scope as it stands in the rule.
type argument struct {
	off, len int
	text     *string        // if it is text
	duration *time.Duration // if it is a duration
}

// Scopes is the registry of scopes: one line each.
func Scopes() []ScopeKind {
	return []ScopeKind{
		named("stage", "stage", "steady", "the arrivals of a stage, also if it is not judged", applyStage),
		named("request", "request", "checkout", "the arrivals of a request", applyRequest),
		named("flow", "flow", "checkout", "whole flows: an arrival is one flow, its response time that of all its steps without think time; flows are part of no other scope, "+
			"their steps are requests (`request(\"checkout/pay\")`)", applyFlow),
		named("before", "fault", "kill-api", "arrivals that were over before the first disturbance of a fault began; every arrival is in exactly one of before, during and after", applyPhase(phaseBefore)),
		named("during", "fault", "kill-api", "arrivals that were open at any moment of the disturbance: from when it could begin (the signal is sent, traffic is about to be shaped), "+
			"proven or not yet, until it ceased (the process is ready again, traffic is clear); those in flight when it struck are among them", applyPhase(phaseDuring)),
		named("after", "fault", "kill-api", "arrivals that were due once the disturbance had ended; of several injections, all that is in neither before nor during", applyPhase(phaseAfter)),
		{"every", "a duration of whole seconds", "every(10s)", "each slice of that length must hold; a last one that would be shorter " +
			"belongs to the one before it, and one in which nothing was due is left out; rates of answers are 0 in one in which requests waited, though none came due", 1, applyEvery},
		{"window", "two offsets of whole seconds from the start", "window(60s, 90s)", "a stretch of run time; it must begin before the end of the load", 2, applyWindow},
		named("fault", "fault", "kill-api", "a fault itself, for the metrics of faults; combines with no other scope", applyFault),
	}
}

func named(name, what, example, doc string, apply func(*scope, argument, Names) *fielderr.Error) ScopeKind {
	return ScopeKind{name, "the name of a " + what + " in quotes", fmt.Sprintf("%s(%q)", name, example), doc, 1,
		func(s *scope, a []argument, n Names) *fielderr.Error {
			if a[0].text == nil {
				return mistake(a[0].off, a[0].len, fmt.Sprintf("expected the name of a %s in quotes", what), fmt.Sprintf("write %s(%q)", name, example))
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

func applyStage(s *scope, a argument, n Names) *fielderr.Error {
	switch {
	case !slices.Contains(n.Stages, *a.text):
		return unknownName(a.off, a.len, "stage", *a.text, n.Stages)
	case s.stage != "":
		return mistake(a.off, a.len, fmt.Sprintf("a second stage beside %q: no arrival is in both", s.stage), "leave one out")
	}
	s.stage = *a.text
	return nil
}

func applyRequest(s *scope, a argument, n Names) *fielderr.Error {
	switch {
	case !slices.Contains(n.Requests, *a.text):
		return unknownName(a.off, a.len, "request", *a.text, n.Requests)
	case s.request != "":
		return mistake(a.off, a.len, fmt.Sprintf("a second request beside %q: no arrival is both", s.request), "leave one out")
	case s.flow != "":
		return requestAndFlow(a, *a.text, s.flow)
	}
	s.request = *a.text
	return nil
}

func applyFlow(s *scope, a argument, n Names) *fielderr.Error {
	switch {
	case !slices.Contains(n.Flows, *a.text):
		return unknownName(a.off, a.len, "flow", *a.text, n.Flows)
	case s.flow != "":
		return mistake(a.off, a.len, fmt.Sprintf("a second flow beside %q: no arrival is both", s.flow), "leave one out")
	case s.request != "":
		return requestAndFlow(a, s.request, *a.text)
	}
	s.flow = *a.text
	return nil
}

// requestAndFlow is the mistake of asking for arrivals that are both.
func requestAndFlow(a argument, request, flow string) *fielderr.Error {
	return mistake(a.off, a.len, fmt.Sprintf("no arrival is both the request %q and the whole flow %q", request, flow),
		"a step of a flow is a request of its own: write its request(...) alone, or flow(...) for the whole")
}

func applyPhase(kind string) func(*scope, argument, Names) *fielderr.Error {
	return func(s *scope, a argument, n Names) *fielderr.Error {
		if !slices.Contains(n.Faults, *a.text) {
			return unknownName(a.off, a.len, "fault", *a.text, n.Faults)
		}
		s.phases = append(s.phases, phase{kind, *a.text})
		return nil
	}
}

func applyFault(s *scope, a argument, n Names) *fielderr.Error {
	if !slices.Contains(n.Faults, *a.text) {
		return unknownName(a.off, a.len, "fault", *a.text, n.Faults)
	}
	s.fault = *a.text
	return nil
}

// wholeSeconds refuses times that would cut through the intervals of a run,
// which are of one second: figures of such a stretch would not be exact.
func wholeSeconds(a argument) *fielderr.Error {
	if a.duration == nil {
		return mistake(a.off, a.len, "expected a duration such as 10s", "")
	}
	if *a.duration%time.Second != 0 {
		return mistake(a.off, a.len, fmt.Sprintf("expected whole seconds, found %s", *a.duration), "a run is recorded second by second")
	}
	return nil
}

func applyEvery(s *scope, a []argument, _ Names) *fielderr.Error {
	if err := wholeSeconds(a[0]); err != nil {
		return err
	}
	switch {
	case *a[0].duration == 0:
		return mistake(a[0].off, a[0].len, "expected a duration of at least 1s, found 0s", "")
	case s.every != 0:
		return mistake(a[0].off, a[0].len, "a second every", "leave one out")
	}
	s.every = *a[0].duration
	return nil
}

func applyWindow(s *scope, a []argument, n Names) *fielderr.Error {
	for _, x := range a {
		if err := wholeSeconds(x); err != nil {
			return err
		}
	}
	w := timeline.Window{From: *a[0].duration, To: *a[1].duration}
	if w.Len() == 0 {
		return mistake(a[0].off, a[1].off+a[1].len-a[0].off, fmt.Sprintf("a window that ends at %s, before or when it begins, is empty", quantity.FormatDuration(w.To)),
			"write the earlier offset first: window(60s, 90s)")
	}
	if n.End > 0 && w.From >= n.End {
		return mistake(a[0].off, a[0].len, fmt.Sprintf("expected a window of the load, which ends at %s, found one that begins at %s: nothing is due there",
			quantity.FormatDuration(n.End), quantity.FormatDuration(w.From)), "let it begin earlier, or the load last longer")
	}
	s.windows = append(s.windows, w)
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
