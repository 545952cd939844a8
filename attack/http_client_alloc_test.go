//go:build !race

package attack

import (
	"testing"
	"time"
)

// Under the race detector a sync.Pool loses things on purpose.

// What stands between the runner and the engine takes no memory.
func TestCallsAllocateNothing(t *testing.T) {
	p := hholdPlan(1, time.Second, time.Second, 1)
	p.Requests = append(p.Requests, Request{Name: "step", URL: "http://target/", Expect: Expect{Status: []int{404}}})
	p.Flows = []Flow{{Name: "f", Steps: []Step{{Request: 1}}}}
	c := hover(t, p, hinstant{})
	var kept any
	for name, call := range map[string]DueCall{
		"a request":         {Step: -1},
		"a step that fails": {Arrival: Arrival{Request: 1}, Session: new(Session), Kept: &kept},
	} {
		var out CallOutcome
		call.Due, call.By = time.Now(), Deadlines{Done: time.Now().Add(time.Minute)}
		if n := testing.AllocsPerRun(1000, func() {
			out = CallOutcome{}
			c.Call(t.Context(), &call, &out)
			out.Release()
		}); n != 0 {
			t.Errorf("%s: expected no allocation, found %v", name, n)
		}
		if (out.Class == Good) != (call.Step < 0) {
			t.Errorf("%s: found %+v", name, out)
		}
	}
}
