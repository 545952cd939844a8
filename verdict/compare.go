package verdict

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// arithmetic computes x op y.
func arithmetic(op string, x, y value) value {
	v := value{fixed: x.fixed && y.fixed, missing: x.missing.or(y.missing)}
	if v.missing.any() {
		return v
	}
	v.n, v.atLeast, v.until = compute(op, x.n, y.n), x.atLeast, x.until
	v.interval = intervalOf(op, x, y)
	v.samples = min(x.samples, y.samples)
	if v.samples == 0 {
		v.samples = max(x.samples, y.samples)
	}
	if v.until == "" {
		v.until = y.until
	}
	if op == "+" || op == "*" {
		v.atLeast = x.atLeast || y.atLeast
	}
	if v.shares = slices.Concat(x.shares, y.shares); v.shares != nil {
		v.vary = func(s *share, p float64) float64 { return compute(op, x.with(s, p), y.with(s, p)) }
	}
	v.bounds = arithmeticBounds(op, x, y)
	switch bounded := y.atLeast && v.bounds == nil && (op == "-" || op == "/"); {
	case op == "/" && y.n == 0:
		v.missing = doubtf(ReasonArithmetics, "no figure: the rule divides by zero")
	case math.IsNaN(v.n) || math.IsInf(v.n, 0):
		v.missing = doubtf(ReasonArithmetics, "no figure: the rule's arithmetic is out of range")
	case bounded || (v.atLeast && v.bounds == nil && (x.n < 0 || y.n < 0)):
		ended := "the run did"
		if v.until != "" {
			ended = fmt.Sprintf("the next fault, %q, began", v.until)
		}
		v.missing = doubtf(
			ReasonTooEarly,
			"no figure: the rule computes with a time that had not ended when %s",
			ended,
		)
	}
	return v
}

func compute(op string, x, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	}
	return x / y
}

// compareValues judges a op b. A metric against a literal is decided by exact
// count where there is one, as a histogram reads up to 0.1 % high.
func compareValues(op string, u rule.Unit, a, b value) *finding {
	a, b = a.seen(b).uncounted(b), b.seen(a).uncounted(a)
	f := &finding{op: op, unit: u, left: a, right: b, why: a.missing.or(b.missing)}
	if f.why.any() {
		return f
	}
	cmp := 0
	switch {
	case a.n < b.n:
		cmp = -1
	case a.n > b.n:
		cmp = 1
	}
	if c, ok := exactly(a, b); ok {
		cmp = c
	} else if c, ok := exactly(b, a); ok {
		cmp = -c
	}
	f.cmp = cmp
	if a.bounds != nil || b.bounds != nil {
		return checkEnough(compareBounded(f))
	}
	if a.atLeast || b.atLeast {
		return compareBounds(f)
	}
	f.truth = holds(op, cmp)
	return checkEnough(f)
}

func exactly(metric, limit value) (int, bool) {
	if metric.reading == nil || !limit.fixed {
		return 0, false
	}
	if c, ok := metric.reading.counted[limit.n]; ok {
		return c, true
	}
	c, ok := metric.reading.exact[rule.AsDuration(limit.n)]
	return c, ok
}

func holds(op string, cmp int) truth {
	ok := false
	switch op {
	case "<":
		ok = cmp < 0
	case "<=":
		ok = cmp <= 0
	case ">":
		ok = cmp > 0
	case ">=":
		ok = cmp >= 0
	case "==":
		ok = cmp == 0
	case "!=":
		ok = cmp != 0
	}
	if ok {
		return yes
	}
	return no
}

// compareBounds decides what can be decided if a side is only known to be at
// least so much: the truth is settled if it is the same for the bound and for
// everything above it.
func compareBounds(f *finding) *finding {
	var above int
	switch {
	case f.left.atLeast && f.right.atLeast:
		f.why = doubtf(ReasonTooEarly, "neither side is known: both are lower bounds")
		return f
	case f.left.atLeast:
		above = 1
	default:
		above = -1
	}
	settled := holds(f.op, f.cmp)
	towards := []int{above}
	if f.cmp == -above { // the bound still lies on the near side of the limit
		towards = append(towards, 0)
	}
	for _, c := range towards {
		if holds(f.op, c) != settled {
			bound := f.left
			if f.right.atLeast {
				bound = f.right
			}
			ended := "the run ended"
			if bound.until != "" {
				ended = fmt.Sprintf("the next fault, %q, began", bound.until)
			}
			f.why = doubtf(
				ReasonTooEarly,
				"%s too early to tell: all that is known is %s",
				ended,
				bound.format(f.unit),
			)
			return f
		}
	}
	f.truth = settled
	return f
}
