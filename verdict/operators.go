package verdict

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
)

// notOperator is negation in resolved trees: an operator with a second side
// that does not count, as expr can overload operators of two sides only, and
// its checker visits the arguments of nested calls again and again.
const notOperator = "not"

var (
	comparisonOps = []string{"<", "<=", ">", ">=", "==", "!="}
	additiveOps   = []string{"+", "-"}
	logicOps      = []string{"&&", "||", "and", "or"}
	judgementType = reflect.TypeFor[judgement]()
)

// operators tells expr every combination of units that has a meaning. What is
// not in here is a mistake in the rule.
func operators() []expr.Option {
	var opts []expr.Option
	add := func(op string, eval func(a, b any) any, types ...any) {
		opts = append(opts,
			expr.Function(op, func(p ...any) (any, error) { return eval(p[0], p[1]), nil }, types...),
			expr.Operator(op, op))
	}
	var same, compare, times, over []any
	number := units[UnitNumber].typ
	for _, u := range units {
		same = append(same, signature(u.typ, u.typ, u.typ))
		compare = append(compare, signature(u.typ, u.typ, judgementType))
		times = append(times, signature(u.typ, number, u.typ), signature(number, u.typ, u.typ))
		over = append(over, signature(u.typ, number, u.typ), signature(u.typ, u.typ, number))
		// A share of something is that something; a share of a bare number
		// would be ambiguous with the scaling of the share, which is listed.
		if u.unit != UnitNumber {
			f := units[UnitFraction].typ
			times = append(times, signature(u.typ, f, u.typ), signature(f, u.typ, u.typ))
		}
	}
	for _, op := range comparisonOps {
		add(op, func(a, b any) any {
			u, _ := unitOfType(reflect.TypeOf(a))
			return judgement{compareValues(op, u, a.(operand).get(), b.(operand).get())}
		}, compare...)
	}
	for _, op := range additiveOps {
		add(op, func(a, b any) any { return arithmetic(op, a, b) }, same...)
	}
	add("*", func(a, b any) any { return arithmetic("*", a, b) }, times...)
	add("/", func(a, b any) any { return arithmetic("/", a, b) }, over...)
	for _, op := range logicOps {
		add(op, func(a, b any) any {
			return judgement{combine(op, a.(judgement).finding, b.(judgement).finding)}
		}, signature(judgementType, judgementType, judgementType))
	}
	add(notOperator, func(a, _ any) any {
		return judgement{negate(a.(judgement).finding)}
	}, signature(judgementType, judgementType, judgementType))
	return opts
}

// signature is a pointer to a function type, as expr wants it.
func signature(l, r, out reflect.Type) any {
	return reflect.New(reflect.FuncOf([]reflect.Type{l, r}, []reflect.Type{out}, false)).Interface()
}

// arithmetic computes a op b; the unit follows from the operands as in operators.
func arithmetic(op string, a, b any) any {
	x, y := a.(operand).get(), b.(operand).get()
	ux, _ := unitOfType(reflect.TypeOf(a))
	uy, _ := unitOfType(reflect.TypeOf(b))
	out := ux
	switch {
	case op == "*" && (ux == UnitNumber || ux == UnitFraction && uy != UnitNumber):
		out = uy
	case op == "/" && ux == uy:
		out = UnitNumber
	}
	v := value{fixed: x.fixed && y.fixed, missing: x.missing.or(y.missing)}
	if v.missing.any() {
		return units[out].wrap(v)
	}
	v.n, v.atLeast, v.until = compute(op, x.n, y.n), x.atLeast, x.until
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
		v.missing = doubtf(ReasonTooEarly, "no figure: the rule computes with a time that had not ended when %s", ended)
	}
	return units[out].wrap(v)
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
func compareValues(op string, u Unit, a, b value) *finding {
	a, b = a.seen(b), b.seen(a)
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
		return tellApart(compareBounded(f))
	}
	if a.atLeast || b.atLeast {
		return compareBounds(f)
	}
	f.truth = holds(op, cmp)
	return tellApart(f)
}

func exactly(metric, limit value) (int, bool) {
	if metric.reading == nil || !limit.fixed {
		return 0, false
	}
	c, ok := metric.reading.exact[asDuration(limit.n)]
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
			f.why = doubtf(ReasonTooEarly, "%s too early to tell: all that is known is %s", ended, bound.format(f.unit))
			return f
		}
	}
	f.truth = settled
	return f
}
