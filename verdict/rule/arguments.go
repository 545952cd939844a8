package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// takesArguments says whether a word is a metric with parentheses: apdex(100ms).
func (v vocabulary) takesArguments(name string) bool {
	m, ok := v.Find(name)
	return ok && (m.Takes != nil || m.TakesSign)
}

// Usage is how a metric is written.
func (m Metric) Usage() string {
	if m.Takes == nil {
		return m.Name
	}
	var args []string
	for _, p := range m.Takes {
		args = append(args, p.Example)
	}
	return m.Name + "(" + strings.Join(args, ", ") + ")"
}

// arguments reads what stands in the parentheses of a metric; nil of one that has none.
func (r *resolver) arguments(m Metric, at step) []float64 {
	if m.Takes == nil {
		return nil
	}
	var names []string
	for _, p := range m.Takes {
		names = append(names, p.Name)
	}
	if len(at.args) != len(m.Takes) {
		found := fmt.Sprintf("%d of %d arguments", len(at.args), len(m.Takes))
		if !at.call {
			found = "no parentheses"
		}
		r.fail(at.token.mistake(
			fmt.Sprintf("%s takes %s, found %s", m.Name, strings.Join(names, " and "), found),
			"write "+m.Usage()))
		return nil
	}
	var out []float64
	for i, p := range m.Takes {
		n, err := p.read(at.args[i])
		if err != nil {
			err.Hint = "write " + m.Usage()
			r.fail(err)
			return nil
		}
		out = append(out, n)
	}
	return out
}

// read reads an argument: a quantity, which may stand in quotes.
func (p *Parameter) read(s *syntax) (float64, *fielderr.Error) {
	t, l := s.token, s.token.literal
	if s.kind == syntaxText {
		if parsed, wrong := parseLiteral(s.text); wrong == nil {
			l = parsed
		}
	}
	switch {
	case s.kind != syntaxText && s.kind != syntaxWord || l == nil || l.Unit != p.Unit:
		return 0, t.mistake(fmt.Sprintf("expected %s, a %s such as %s, found %s",
			p.Name, p.Unit, p.Example, t.text), "")
	case l.Number <= p.Above:
		return 0, t.mistake(fmt.Sprintf("expected %s of more than %s, found %s",
			p.Name, p.Unit.Format(p.Above), t.text), "")
	case p.Below > 0 && l.Number >= p.Below:
		return 0, t.mistake(fmt.Sprintf("expected %s of less than %s, found %s",
			p.Name, p.Unit.Format(p.Below), t.text), "")
	}
	return l.Number, nil
}

// closing is where the parentheses end that follow a word.
func (r *resolver) closing(word token) int {
	i := slices.IndexFunc(r.tokens, func(t token) bool { return t.off == word.off })
	open := 0
	for _, t := range r.tokens[i+1:] {
		switch t.text {
		case "(":
			open++
		case ")":
			if open--; open == 0 {
				return t.end
			}
		}
	}
	return word.end
}
