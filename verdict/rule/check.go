package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Comparisons are the operators that compare two quantities.
var Comparisons = []string{"<", "<=", ">", ">=", "==", "!="}

func isComparison(op string) bool { return slices.Contains(Comparisons, op) }

// isLogic says whether an operator joins conditions.
func isLogic(op string) bool { return op == And || op == Or }

// isCondition says whether n is a comparison, or made of comparisons.
func (n *Node) isCondition() bool { return isLogic(n.Op) || n.Op == Not || isComparison(n.Op) }

// combined is the unit of an operation on quantities of two units; false: it has no meaning.
func combined(op string, left, right Unit) (Unit, bool) {
	switch op {
	case "+", "-":
		return common(left, right)
	case "*":
		switch {
		case left == Number:
			return right, true
		case right == Number:
			return left, true
		case left == Fraction: // a share of something is that something
			return right, true
		}
		return left, right == Fraction
	case "/":
		if _, ok := common(left, right); ok {
			return Number, true
		}
		return left, right == Number
	}
	return 0, false
}

// check holds a rule to the units of its quantities. It finds the innermost operator that
// has no meaning for its two sides, or that the whole is no comparison.
func (r *resolver) check(root *Node) *fielderr.Error {
	if err := r.checkNode(root); err != nil || root.isCondition() {
		return err
	}
	e := r.mistakeAt(root, "expected a comparison such as p99 < 200ms, found "+r.describe(root))
	if root.Op == "" && root.Literal == nil {
		e.Hint = fmt.Sprintf("a rule compares: %s < %s", r.textOf(root), units[root.Unit].example)
	}
	return e
}

// checkNode finds the units of what is computed below n.
func (r *resolver) checkNode(n *Node) *fielderr.Error {
	if n.Op == "" {
		return nil
	}
	if err := r.checkNode(n.Left); err != nil {
		return err
	}
	if n.Op == Not {
		if n.Left.isCondition() {
			return nil
		}
		e := r.mistakeAt(n.Left,
			"expected a comparison after the negation, found "+r.describe(n.Left))
		e.Hint = "put what is denied in parentheses: !(p99 < 200ms)"
		return e
	}
	if err := r.checkNode(n.Right); err != nil {
		return err
	}
	switch {
	case isLogic(n.Op):
		for _, side := range []*Node{n.Left, n.Right} {
			if !side.isCondition() {
				return r.mistakeAt(side, fmt.Sprintf(
					"expected a comparison such as p99 < 200ms beside %s, found %s",
					n.op.text, r.describe(side)))
			}
		}
		return nil
	case isComparison(n.Op):
		unit, ok := common(n.Left.Unit, n.Right.Unit)
		if !ok {
			return r.mismatch(n)
		}
		n.Unit = unit
		return nil
	}
	unit, ok := combined(n.Op, n.Left.Unit, n.Right.Unit)
	if !ok {
		return r.mismatch(n)
	}
	n.Unit = unit
	return nil
}

// mismatch explains why an operator has no meaning for its two sides.
func (r *resolver) mismatch(n *Node) *fielderr.Error {
	left, right := n.Left.Unit, n.Right.Unit
	switch n.Op {
	case "*":
		return n.op.mistake(fmt.Sprintf("a %s cannot be multiplied by a %s", left, right),
			"multiply by a plain number or a percentage: 1.1 * p99")
	case "/":
		return n.op.mistake(fmt.Sprintf("a %s cannot be divided by a %s", left, right),
			"divide by a plain number, or by another "+left.String())
	}
	// Blame the literal, if one side is one: it is what was mistyped.
	wrong, other := n.Right, n.Left
	if n.Right.Literal == nil && n.Left.Literal != nil {
		wrong, other = n.Left, n.Right
	}
	want, text := other.Unit, r.textOf(wrong)
	e := r.mistakeAt(wrong, fmt.Sprintf("expected a %s such as %s, found %s",
		want, units[want].example, r.describe(wrong)))
	instead := r.inUnit(other, wrong.Unit)
	switch {
	case instead != "" && wrong.Unit == Number && wrong.Literal != nil:
		e.Hint = fmt.Sprintf("%s, or ask for %s, which is a %s",
			withUnit(want, text, wrong.Literal.Number), instead, wrong.Unit)
	case instead != "":
		e.Hint = fmt.Sprintf("%s is a %s, and %s a %s", r.textOf(other), want, instead, wrong.Unit)
	case wrong.Literal == nil:
		e.Hint = fmt.Sprintf("%s is a %s and %s a %s: they cannot be mixed",
			r.textOf(other), want, text, wrong.Unit)
	case wrong.Unit == Number && !strings.ContainsAny(text, "kKMG"):
		e.Hint = withUnit(want, text, wrong.Literal.Number)
	default:
		e.Hint = fmt.Sprintf("%s is a %s", r.textOf(other), want)
	}
	return e
}

// inUnits are figures of services that are shares, and those that say the same in a unit.
var inUnits = [][2]timeline.Figure{
	{timeline.CPU, timeline.CPUCores}, {timeline.Memory, timeline.MemoryBytes},
}

// inUnit is how to ask in a unit for the figure that n asks; "" if it has no other one.
func (r *resolver) inUnit(n *Node, unit Unit) string {
	if n.Op != "" || n.Literal != nil || r.terms[n.Term].Observed == nil {
		return ""
	}
	asked := r.terms[n.Term].Observed.Figure
	for _, pair := range inUnits {
		other := pair[0]
		switch asked {
		case pair[0]:
			other = pair[1]
		case pair[1]:
		default:
			continue
		}
		text, name := r.textOf(n), "."+asked.Row().Name
		if at := strings.LastIndex(text, name); at >= 0 && UnitOf(other.Row().Unit) == unit {
			return text[:at+1] + other.Row().Name + text[at+len(name):]
		}
	}
	return ""
}

// withUnit says how a number is written that was meant to have a unit.
func withUnit(want Unit, text string, n float64) string {
	switch want {
	case Duration:
		return fmt.Sprintf("write %[1]sms or %[1]ss", text)
	case Fraction:
		if n > 0 && n < 1 {
			return fmt.Sprintf("write %s, or %s%% if that is meant", Fraction.Format(n), text)
		}
		return fmt.Sprintf("write %s%%", text)
	case Rate:
		return fmt.Sprintf("write %s/s", text)
	case Bytes:
		return fmt.Sprintf("write %[1]sMiB or %[1]sB", text)
	}
	return ""
}

// describe says what a node is.
func (r *resolver) describe(n *Node) string {
	switch {
	case n.isCondition():
		return "a comparison"
	case n.Literal != nil:
		return units[n.Unit].literal + " " + r.textOf(n)
	case n.Op == "":
		return fmt.Sprintf("%s, a %s", r.textOf(n), n.Unit)
	}
	return "a " + n.Unit.String()
}

func (r *resolver) textOf(n *Node) string { return r.src[n.span.off:n.span.end] }

func (r *resolver) mistakeAt(n *Node, msg string) *fielderr.Error {
	return mistake(n.span.off, n.span.end-n.span.off, msg, "")
}
