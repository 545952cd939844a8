package attack_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// Each mistake in a plan leads to its field.
func TestPlanValidate(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*attack.Plan)
		want  []string
	}{
		"nothing": {func(*attack.Plan) {}, nil},
		"no slots": {func(p *attack.Plan) { p.MaxInFlight = 0 }, []string{
			"max_in_flight: max_in_flight: expected at least 1, found 0",
		}},
		"arrivals": {func(p *attack.Plan) { p.Arrivals = "x" }, []string{
			`arrivals: arrivals: expected uniform or poisson, found "x"`,
		}},
		"catch up": {func(p *attack.Plan) { p.CatchUp = "x" }, []string{
			`catch_up: catch_up: expected burst, spread or skip, found "x"`,
		}},
		"no shape": {func(p *attack.Plan) { p.Stages[0].Shape = nil }, []string{
			`stages[0]: stage "s": expected a shape, found none`,
		}},
		"no requests": {func(p *attack.Plan) { p.Requests, p.Flows = nil, nil }, []string{
			"requests: requests: expected at least one, found none",
		}},
		"weight": {func(p *attack.Plan) { p.Requests[0].Weight = -1 }, []string{
			`requests[0].weight: request "a": weight: expected a number of at least 0, found -1`,
		}},
		"no number": {func(p *attack.Plan) { p.Requests[0].Weight = math.NaN() }, []string{
			`requests[0].weight: request "a": weight: expected a number of at least 0, found NaN`,
		}},
		"without end": {func(p *attack.Plan) { p.Requests[0].Weight = math.Inf(1) }, []string{
			`requests[0].weight: request "a": weight: expected a number of at least 0, found +Inf`,
		}},
		"no timeout": {func(p *attack.Plan) { p.Timeout = 0 }, []string{
			`requests[0].timeout: request "a": timeout: expected above 0, found 0s`,
		}},
		"timeout of its own": {func(p *attack.Plan) { p.Requests[1].Timeout = -1 }, []string{
			`requests[1].timeout: request "b": timeout: expected above 0, found -1ns`,
		}},
		"no steps": {func(p *attack.Plan) { p.Flows[0].Steps = nil }, []string{
			`flows[0].steps: flow "f": expected at least one step, found none`,
		}},
		"step": {func(p *attack.Plan) { p.Flows[0].Steps[1].Request = 2 }, []string{
			`flows[0].steps[1]: flow "f": expected the index of a request, found 2`,
		}},
	} {
		p := &attack.Plan{
			Arrivals: arrivals.Uniform, MaxInFlight: 1, Timeout: time.Second,
			Requests: []attack.Request{{Name: "a"}, {Name: "b", Timeout: time.Second}},
			Flows:    []attack.Flow{{Name: "f", Steps: []attack.Step{{Request: 1}, {Request: 1}}}},
			Stages: []attack.Stage{{
				Name: "s", For: time.Second, Shape: arrivals.Hold{Per: 1},
			}},
		}
		c.spoil(p)
		var got []string
		for _, e := range p.Validate() {
			got = append(got, e.Path.String()+": "+e.Error())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}
