package verdict

import (
	"math"
	"slices"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// truth is yes, no or unknown, the zero value.
type truth int

const (
	unknown truth = iota
	yes
	no
)

// finding is a comparison that was judged, or a combination of such.
type finding struct {
	truth truth
	why   doubt // it is unknown

	op          string
	unit        rule.Unit
	left, right value
	cmp         int         // how left stands to right
	few         *[2]float64 // where the observed side could lie, had there been enough arrivals

	parts []*finding // of a combination; op is then &&, || or !
}

// combine is Kleene's logic: what is unknown matters only if it could turn the
// result.
func combine(op string, a, b *finding) *finding {
	decisive := no
	if op == rule.Or {
		decisive = yes
	}
	f := &finding{op: op, parts: []*finding{a, b}}
	switch {
	case a.truth == decisive || b.truth == decisive:
		f.truth = decisive
	case a.truth == unknown:
		f.why = a.why
	case b.truth == unknown:
		f.why = b.why
	default:
		f.truth = a.truth
	}
	return f
}

func negate(a *finding) *finding {
	f := &finding{op: rule.Not, parts: []*finding{a}, why: a.why}
	switch a.truth {
	case yes:
		f.truth = no
	case no:
		f.truth = yes
	}
	return f
}

// deciding returns the comparison that made f what it is: the first whose own
// truth is f's, and whether it stands below a negation.
func (f *finding) deciding() (leaf *finding, negated bool) {
	for len(f.parts) > 0 {
		if f.op == rule.Not {
			f, negated = f.parts[0], !negated
			continue
		}
		i := slices.IndexFunc(f.parts, func(p *finding) bool { return p.truth == f.truth })
		f = f.parts[max(i, 0)]
	}
	return f, negated
}

// leaves returns all comparisons in f.
func (f *finding) leaves() []*finding {
	if len(f.parts) == 0 {
		return []*finding{f}
	}
	var out []*finding
	for _, p := range f.parts {
		out = append(out, p.leaves()...)
	}
	return out
}

// coarse says whether a limit in f was not counted at.
func (f *finding) coarse() bool {
	return slices.ContainsFunc(f.leaves(), func(l *finding) bool {
		return l.left.coarse || l.right.coarse
	})
}

var flipped = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

var opposite = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

// sides puts the observed side first: 200ms > p99 reads p99 < 200ms.
func (f *finding) sides() (op string, observed, limit value, cmp int) {
	if f.left.fixed && !f.right.fixed {
		return flipped[f.op], f.right, f.left, -f.cmp
	}
	return f.op, f.left, f.right, f.cmp
}

// texts prints what was observed, and the limit with its operator. Two figures
// that print alike but are not are told apart in words.
func (f *finding) texts(negated bool) (observed, limit string) {
	op, o, l, cmp := f.sides()
	if negated {
		op = opposite[op]
	}
	observed = o.format(f.unit)
	if t := l.format(f.unit); t != "" {
		limit = op + " " + t
	}
	if o.missing.any() || l.missing.any() || o.atLeast || o.coarse && f.truth == unknown {
		return observed, limit
	}
	if f.unit.Format(o.n) == f.unit.Format(l.n) || misread(o, l, cmp) {
		switch cmp {
		case -1:
			observed = "just below " + l.format(f.unit)
		case 0:
			observed = l.format(f.unit)
		case 1:
			observed = "just above " + l.format(f.unit)
		}
	}
	return observed, limit
}

// misread says whether o was read from the histogram on another side of l than the
// exact count has it, which is cmp.
func misread(o, l value, cmp int) bool {
	switch {
	case o.n < l.n:
		return cmp != -1
	case o.n > l.n:
		return cmp != 1
	}
	return cmp != 0
}

// figures gives the same for programs: to them too, the value stands to the bound as the
// exact count has it, a nanosecond beside it if the histogram reads otherwise.
func (f *finding) figures(negated bool) (op string, observed, bound *Figure) {
	op, o, l, cmp := f.sides()
	if negated {
		op = opposite[op]
	}
	if !o.missing.any() && !l.missing.any() && !o.atLeast && !o.coarse && misread(o, l, cmp) {
		switch {
		case f.unit == rule.Duration:
			o.n = l.n + float64(cmp)
		case cmp == 0:
			o.n = l.n
		default:
			o.n = math.Nextafter(l.n, math.Inf(cmp))
		}
	}
	return op, o.figure(f.unit), l.figure(f.unit)
}

// margin says how near to its limit, or how far beyond it, a comparison is:
// the greater the worse; comparable between findings of the same comparison.
func (f *finding) margin(negated bool) float64 {
	op, o, l, _ := f.sides()
	if negated {
		op = opposite[op]
	}
	if o.missing.any() || l.missing.any() {
		return math.Inf(-1)
	}
	switch op {
	case "<", "<=":
		return o.n - l.n
	case ">", ">=":
		return l.n - o.n
	case "==":
		return math.Abs(o.n - l.n)
	}
	return -math.Abs(o.n - l.n)
}

// subject is the metric that was observed, empty if it is computed.
func (f *finding) subject() string {
	_, o, _, _ := f.sides()
	if o.reading == nil {
		return ""
	}
	return o.reading.text
}
