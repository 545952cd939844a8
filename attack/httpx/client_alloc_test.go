//go:build !race

package httpx_test

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// Under the race detector a sync.Pool loses things on purpose.

// What stands between the runner and the engine takes no memory.
func TestCallsAllocateNothing(t *testing.T) {
	p := attacktest.HoldPlan(1, time.Second, time.Second, 1)
	p.Requests = append(p.Requests, attack.Request{Name: "step", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/", Expect: expect.Expect{Status: []int{404}}}})
	p.Flows = []attack.Flow{{Name: "f", Steps: []attack.Step{{Request: 1}}}}
	c := attacktest.Clients(t, p, attacktest.Instant{})[httpx.Name]
	var kept any
	for name, call := range map[string]attack.Call{
		"a request":         {Step: -1},
		"a step that fails": {Arrival: attack.Arrival{Request: 1}, Session: new(attack.Session), Kept: &kept},
	} {
		var out attack.Outcome
		call.Due, call.By = time.Now(), wire.Deadlines{Done: time.Now().Add(time.Minute)}
		if n := testing.AllocsPerRun(1000, func() {
			out = attack.Outcome{}
			c.Call(t.Context(), &call, &out)
			out.Release()
		}); n != 0 {
			t.Errorf("%s: expected no allocation, found %v", name, n)
		}
		if (out.Class == attack.Good) != (call.Step < 0) {
			t.Errorf("%s: found %+v", name, out)
		}
	}
}

// A value that all requests share costs no more than one of a row of data.
func TestSharedColumnsAllocateNoMore(t *testing.T) {
	allocs := func(p *attack.Plan) float64 {
		p.Requests[0] = attack.Request{Name: "a", Weight: 1, Protocol: httpx.Name, Data: p.Requests[0].Data, Spec: &httpx.Request{
			URL: "http://target/{{ .token }}", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer {{ .token }}"}},
		}}
		c := attacktest.Clients(t, p, attacktest.Instant{})[httpx.Name]
		call := attack.Call{Step: -1, Due: time.Now(), By: wire.Deadlines{Done: time.Now().Add(time.Minute)}}
		return testing.AllocsPerRun(1000, func() {
			var out attack.Outcome
			c.Call(t.Context(), &call, &out)
			if out.Kind != "" {
				t.Fatalf("found %+v", out)
			}
			out.Release()
		})
	}
	row := attacktest.HoldPlan(1, time.Second, time.Second, 1)
	row.Requests[0].Data = attacktest.Data([]map[string]string{{"token": "t-1"}})
	shared := attacktest.HoldPlan(1, time.Second, time.Second, 1)
	shared.Shared = new(payload.Shared)
	shared.Shared.Take(attacktest.Values(map[string]string{"token": "t-1"}))
	if of, like := allocs(shared), allocs(row); of > like {
		t.Errorf("found %v allocations, %v of a row of data", of, like)
	}
}
