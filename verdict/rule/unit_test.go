package rule_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// units are metrics of each unit, named like it.
type units []rule.Metric

func (u units) All() []rule.Metric { return u }

func (u units) Find(name string) (rule.Metric, bool) {
	i := slices.IndexFunc(u, func(m rule.Metric) bool { return m.Name == name })
	if i < 0 {
		return rule.Metric{}, false
	}
	return u[i], true
}

// TestUnits tries every operator on every two units. The result is found by comparing it with
// a metric of each unit.
func TestUnits(t *testing.T) {
	all := units{
		{Name: "duration", Unit: rule.Duration}, {Name: "fraction", Unit: rule.Fraction},
		{Name: "rate", Unit: rule.Rate}, {Name: "number", Unit: rule.Number},
		{Name: "bytes", Unit: rule.Bytes},
	}
	// want is the unit of a op b, empty if it is a mistake.
	want := func(a, op, b string) string {
		switch {
		case (op == "+" || op == "-") && a == b:
			return a
		case op == "*" && (b == "number" || b == "fraction" && a != "number"):
			return a
		case op == "*" && (a == "number" || a == "fraction"):
			return b
		case op == "/" && a == b:
			return "number"
		case op == "/" && b == "number":
			return a
		}
		return ""
	}
	for _, a := range all {
		for _, b := range all {
			for _, op := range []string{"+", "-", "*", "/"} {
				var found []string
				for _, c := range all {
					for _, than := range rule.Comparisons {
						src := fmt.Sprintf("%s %s %s %s %s", a.Name, op, b.Name, than, c.Name)
						if r, _ := rule.Compile(src, rule.Names{}, all); r != nil {
							found = append(found, c.Name)
						}
					}
				}
				var expected []string
				if unit := want(a.Name, op, b.Name); unit != "" {
					expected = slices.Repeat([]string{unit}, len(rule.Comparisons))
				}
				if !slices.Equal(found, expected) {
					t.Errorf("%s %s %s compares with %v, want %v",
						a.Name, op, b.Name, found, expected)
				}
			}
		}
	}
}
