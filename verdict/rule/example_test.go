package rule_test

import (
	"fmt"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// weather are metrics of something else than load: the language does not mind.
type weather struct{}

func (weather) All() []rule.Metric {
	return []rule.Metric{
		{Name: "humidity", Unit: rule.Fraction}, {Name: "gusts", Unit: rule.Number},
	}
}

func (w weather) Find(name string) (rule.Metric, bool) {
	for _, m := range w.All() {
		if m.Name == name {
			return m, true
		}
	}
	return rule.Metric{}, false
}

func ExampleCompile() {
	names := rule.Names{Stages: []string{"noon"}}
	const src = `stage("noon").humidity < 60% and not (gusts > 2 * 3)`
	r, wrong := rule.Compile(src, names, weather{})
	if wrong != nil {
		fmt.Println(wrong)
		return
	}
	var show func(n *rule.Node) string
	show = func(n *rule.Node) string {
		switch {
		case n.Literal != nil:
			return n.Literal.Text
		case n.Op == "":
			t := r.Terms[n.Term]
			return fmt.Sprintf("%s of stage %q", t.Metric.Name, t.Scope.Stage)
		case n.Op == rule.Not:
			return n.Op + show(n.Left)
		}
		return "(" + show(n.Left) + " " + n.Op + " " + show(n.Right) + ")"
	}
	fmt.Println(show(r.Root))
	// Output:
	// ((humidity of stage "noon" < 60%) && !(gusts of stage "" > (2 * 3)))
}

func ExampleCompile_mistake() {
	_, wrong := rule.Compile("humidty < 60%", rule.Names{}, weather{})
	fmt.Printf("%s at %d; %s\n", wrong, wrong.Offset, wrong.Hint)
	_, wrong = rule.Compile("humidity < 60", rule.Names{}, weather{})
	fmt.Printf("%s at %d; %s\n", wrong, wrong.Offset, wrong.Hint)
	// Output:
	// unknown metric humidty at 0; did you mean humidity?
	// expected a percentage such as 5%, found the bare number 60 at 11; write 60%
}
