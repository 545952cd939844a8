package planview

import (
	"fmt"
	"io"

	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// observed prints what is watched beside the load.
func observed(w io.Writer, p *scenario.Plan) {
	o := p.Observe
	if o == nil {
		return
	}
	fmt.Fprint(w, "\nobserved\n")
	var t [][]string
	every := "every " + quantity.FormatDuration(o.Every)
	for _, name := range o.Services {
		t = append(t, []string{"service", name, every, "what it uses"})
	}
	for _, s := range o.Watch {
		what, _ := s.Settings.Describe()
		t = append(t, []string{"service", s.Name, every, what + ", which is left alone"})
	}
	for i := range o.Probes {
		one := &o.Probes[i]
		what := secret.MaskLiteral(one.String())
		if one.Fails != "" {
			what += ", and expects the error " + one.Fails
		}
		t = append(
			t,
			[]string{"probe", one.Name, "every " + quantity.FormatDuration(one.Every), what},
		)
	}
	for _, m := range o.Metrics {
		when := "every " + quantity.FormatDuration(m.Every)
		switch m.Once {
		case observe.Before:
			when = "before the load"
		case observe.After:
			when = "after the load"
		}
		what := secret.MaskLiteral(m.Of.String()) + ", in " + m.Unit
		t = append(t, []string{"metric", m.Name, when, what})
	}
	table(w, t)
}
