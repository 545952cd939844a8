package attack

import (
	"fmt"
	"math"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Validate says what is wrong with the plan, by field, nil if nothing. The settings of
// requests are the business of their protocols: see Protocol.Compile.
func (p *Plan) Validate() fielderr.List {
	var wrong fielderr.List
	if p.MaxInFlight < 1 {
		wrong.Add("max_in_flight", "max_in_flight: expected at least 1, found %d", p.MaxInFlight)
	}
	if p.Arrivals != arrivals.Uniform && p.Arrivals != arrivals.Poisson {
		wrong.Add(
			"arrivals", "arrivals: expected %s or %s, found %q",
			arrivals.Uniform, arrivals.Poisson, p.Arrivals,
		)
	}
	switch p.CatchUp {
	case "", Burst, Spread, Skip:
	default:
		wrong.Add(
			"catch_up", "catch_up: expected %s, %s or %s, found %q",
			Burst, Spread, Skip, p.CatchUp,
		)
	}
	for i, s := range p.Stages {
		var bad fielderr.List
		if s.Shape == nil {
			bad = fielderr.List{fielderr.At(nil, "expected a shape, found none")}
		} else {
			bad = s.Shape.Validate(s.For)
		}
		path := fielderr.Field("stages").Item(i)
		wrong = append(wrong, bad.Below(path, fmt.Sprintf("stage %q", s.Name))...)
	}
	if len(p.Requests) == 0 {
		wrong.Add("requests", "requests: expected at least one, found none")
	}
	for i := range p.Requests {
		wrong = append(wrong, InRequest(p, i, p.validateRequest(&p.Requests[i]))...)
	}
	for i, f := range p.Flows {
		path := fielderr.Field("flows").Item(i)
		wrong = append(wrong, p.validateFlow(&f).Below(path, fmt.Sprintf("flow %q", f.Name))...)
	}
	return wrong
}

// validateRequest says what is wrong with what all protocols have of a request.
func (p *Plan) validateRequest(r *Request) fielderr.List {
	var wrong fielderr.List
	if math.IsNaN(r.Weight) || math.IsInf(r.Weight, 0) || r.Weight < 0 {
		wrong.Add("weight", "weight: expected a number of at least 0, found %v", r.Weight)
	}
	if timeout := p.TimeoutOf(r); timeout <= 0 {
		wrong.Add("timeout", "timeout: expected above 0, found %s", timeout)
	}
	return wrong
}

func (p *Plan) validateFlow(f *Flow) fielderr.List {
	var wrong fielderr.List
	if len(f.Steps) == 0 {
		wrong.Add("steps", "expected at least one step, found none")
	}
	for i, s := range f.Steps {
		if s.Request < 0 || s.Request >= len(p.Requests) {
			wrong = append(wrong, fielderr.At(
				fielderr.Field("steps").Item(i),
				"expected the index of a request, found %d", s.Request,
			))
		}
	}
	return wrong
}
