package rule

import (
	"fmt"
	"strings"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Sign is what shows that a fault was noticed: a reading of Figure, of Subject, that is Op Limit.
type Sign struct {
	Subject timeline.Subject
	Target  string // one of several; empty: any of them
	Figure  timeline.Figure
	Op      string
	Limit   float64
}

// DefaultSign is the sign where a rule names a subject and no condition: a probe that fails, a
// service that is not healthy. It is false for kinds of subject that have no such sign.
func DefaultSign(s timeline.Subject) (Sign, bool) {
	switch s.Kind {
	case timeline.ProbeSubject:
		return Sign{Subject: s, Figure: timeline.Failures, Op: ">"}, true
	case timeline.ServiceSubject:
		return Sign{Subject: s, Figure: timeline.Healthy, Op: "<", Limit: 1}, true
	}
	return Sign{}, false
}

// signExample is how a metric with a sign is written.
const signExample = `detection(metric("alerts") > 0)`

// sign reads what stands in the parentheses of a metric that takes a sign. It is nil for a metric
// that takes none, or has no parentheses.
func (r *resolver) sign(m Metric, at step) *Sign {
	if !m.TakesSign || !at.call {
		return nil
	}
	if len(at.args) != 1 {
		r.fail(at.token.mistake(
			fmt.Sprintf("%s takes one sign, found %d", m.Name, len(at.args)), "write "+signExample))
		return nil
	}
	of := at.args[0]
	var limit *Literal
	op := ""
	if of.kind == syntaxOperator && isComparison(of.text) {
		right := of.parts[1].token
		if of.parts[1].kind != syntaxWord || right.literal == nil {
			r.fail(right.mistake("expected a limit such as 5 or 90%, found "+right.text,
				"write "+signExample))
			return nil
		}
		op, limit, of = of.text, right.literal, of.parts[0]
	}
	var s Scope
	if of.kind != syntaxCall && of.kind != syntaxMember {
		r.fail(of.token.mistake("expected a probe, a service or a metric as sign, found "+of.token.text,
			"write "+signExample+`, or detection(probe("health"))`))
		return nil
	}
	steps := r.steps(of)
	if r.err == nil && steps[0].call {
		r.scope(&s, steps[0])
	}
	if r.err != nil {
		return nil
	}
	if s.Subject == nil {
		r.fail(of.token.mistake("expected a probe, a service or a metric as sign",
			"write "+signExample+`, or detection(probe("health"))`))
		return nil
	}
	return r.signOf(&s, steps, op, limit)
}

// signOf is the sign of the subject of s. steps are the subject and, if it is named, its figure.
func (r *resolver) signOf(s *Scope, steps []step, op string, limit *Literal) *Sign {
	sign, ok := DefaultSign(s.Subject.Subject)
	sign.Subject, sign.Target = s.Subject.Subject, s.Target
	last := steps[len(steps)-1].token
	_, isAggregate := aggregateByName(last.text)
	switch {
	case len(steps) > 2 || len(steps) == 2 && isAggregate:
		r.fail(last.mistake("a sign is of single readings, which have no "+last.text,
			"write "+signExample))
		return nil
	case op == "" && (len(steps) > 1 || !ok):
		r.fail(last.mistake(fmt.Sprintf("expected a condition of %s", s.Subject),
			"write "+signExample))
		return nil
	case op == "":
		return &sign
	}
	if len(steps) == 2 {
		if sign.Figure, ok = timeline.FigureOf(s.Subject.Kind, last.text); !ok {
			r.fail(last.mistake(fmt.Sprintf("unknown figure %s of a %s", last.text, s.Subject.Kind),
				fmt.Sprintf("a %s has %s", s.Subject.Kind,
					strings.Join(figuresOf(s.Subject.Kind), ", "))))
			return nil
		}
	} else if !ok {
		sign.Figure = timeline.MetricValue
	}
	unit := UnitOf(sign.Figure.Row().Unit)
	if sign.Figure == timeline.MetricValue {
		unit = UnitOf(s.Subject.Unit)
	}
	if limit.Unit != unit {
		r.fail(mistake(steps[0].token.off, last.end-steps[0].token.off,
			fmt.Sprintf("%s is a %s, and is compared with %s, a %s", sign.Figure, unit, limit.Text,
				limit.Unit), fmt.Sprintf("write a %s such as %s", unit, units[unit].example)))
		return nil
	}
	sign.Op, sign.Limit = op, limit.Number
	return &sign
}
