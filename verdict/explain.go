package verdict

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// explain finds the innermost operator for which expr had no meaning, and says
// why, or that the whole is no comparison; nil if all is well.
func (r *resolver) explain(root ast.Node) *fielderr.Error {
	if err := r.explainNode(root); err != nil {
		return err
	}
	if root.Type() == judgementType {
		return nil
	}
	s := r.spanOf(root)
	e := mistake(s.off, s.end-s.off, "expected a comparison such as p99 < 200ms, found "+r.describe(root), "")
	if u, ok := unitOfType(root.Type()); ok && hasTerm(root) {
		e.Hint = fmt.Sprintf("a rule compares: %s < %s", r.src[s.off:s.end], units[u].example)
	}
	return e
}

func (r *resolver) explainNode(n ast.Node) *fielderr.Error {
	switch n := n.(type) {
	case *ast.CallNode:
		for _, a := range n.Arguments {
			if err := r.explainNode(a); err != nil {
				return err
			}
		}
	case *ast.BinaryNode:
		for _, side := range []ast.Node{n.Left, n.Right} {
			if err := r.explainNode(side); err != nil {
				return err
			}
		}
		if n.Operator == notOperator {
			s := r.spanOf(n.Left)
			return mistake(s.off, s.end-s.off, "expected a comparison after the negation, found "+r.describe(n.Left),
				"put what is denied in parentheses: !(p99 < 200ms)")
		}
		return r.mismatch(n)
	}
	return nil
}

// mismatch explains why an operator has no meaning for its two sides.
func (r *resolver) mismatch(n *ast.BinaryNode) *fielderr.Error {
	op := r.tokenOf(n)
	at := func(node ast.Node) *fielderr.Error {
		s := r.spanOf(node)
		return &fielderr.Error{Offset: s.off, Len: s.end - s.off}
	}
	left, lok := unitOfType(n.Left.Type())
	right, rok := unitOfType(n.Right.Type())
	if slices.Contains(logicOps, n.Operator) || !lok || !rok {
		for _, side := range []ast.Node{n.Left, n.Right} {
			if isJudgement := side.Type() == judgementType; isJudgement != slices.Contains(logicOps, n.Operator) {
				e := at(side)
				e.Msg = fmt.Sprintf("expected a comparison such as p99 < 200ms beside %s, found %s", op.text, r.describe(side))
				if isJudgement {
					e.Msg = fmt.Sprintf("expected a quantity beside %s, found a comparison", op.text)
					e.Hint = "join comparisons with && or ||"
				}
				return e
			}
		}
	}
	if n.Operator == "*" || n.Operator == "/" {
		e := &fielderr.Error{Offset: op.off, Len: op.end - op.off}
		e.Msg = fmt.Sprintf("a %s cannot be multiplied by a %s", left, right)
		e.Hint = "multiply by a plain number or a percentage: 1.1 * p99"
		if n.Operator == "/" {
			e.Msg = fmt.Sprintf("a %s cannot be divided by a %s", left, right)
			e.Hint = "divide by a plain number, or by another " + left.String()
		}
		return e
	}
	// Blame the literal, if one side is one: it is what was mistyped.
	wrong, want, metric := n.Right, left, n.Left
	if _, ok := n.Right.(*ast.ConstantNode); !ok {
		if _, ok := n.Left.(*ast.ConstantNode); ok {
			wrong, want, metric = n.Left, right, n.Right
		}
	}
	e := at(wrong)
	e.Msg = fmt.Sprintf("expected a %s such as %s, found %s", want, units[want].example, r.describe(wrong))
	s := r.spanOf(wrong)
	text := r.src[s.off:s.end]
	_, isLiteral := wrong.(*ast.ConstantNode)
	switch found, _ := unitOfType(wrong.Type()); {
	case isLiteral && found == UnitNumber && !strings.ContainsAny(text, "kKMG"):
		e.Hint = map[Unit]string{
			UnitDuration: fmt.Sprintf("write %[1]sms or %[1]ss", text),
			UnitFraction: fmt.Sprintf("write %s%%", text),
			UnitRate:     fmt.Sprintf("write %s/s", text),
			UnitBytes:    fmt.Sprintf("write %[1]sMiB or %[1]sB", text),
		}[want]
		if c, ok := wrong.(*ast.ConstantNode); ok && want == UnitFraction {
			if n := c.Value.(operand).get().n; n > 0 && n < 1 {
				e.Hint = fmt.Sprintf("write %s, or %s%% if that is meant", UnitFraction.Format(n), text)
			}
		}
	default:
		ms := r.spanOf(metric)
		e.Hint = fmt.Sprintf("%s is a %s", r.src[ms.off:ms.end], want)
		if !isLiteral {
			e.Hint += fmt.Sprintf(" and %s a %s: they cannot be mixed", text, wrongUnit(wrong.Type()))
		}
	}
	return e
}

func wrongUnit(t reflect.Type) string {
	u, _ := unitOfType(t)
	return u.String()
}

// describe says what a resolved node is.
func (r *resolver) describe(n ast.Node) string {
	if n.Type() == judgementType {
		return "a comparison"
	}
	u, ok := unitOfType(n.Type())
	if !ok {
		return "something else"
	}
	s := r.spanOf(n)
	switch n.(type) {
	case *ast.ConstantNode:
		return units[u].literal + " " + r.src[s.off:s.end]
	case *ast.IdentifierNode:
		return fmt.Sprintf("%s, a %s", r.src[s.off:s.end], u)
	}
	return "a " + u.String()
}
