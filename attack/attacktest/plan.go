// Package attacktest is what the tests of attack/ share: plans, an engine and a sink without
// a network, servers that answer, stall and break off as they are told, and a look at what
// was left behind. Only tests import it.
package attacktest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// Plan is a plan of one stage and one request, with a timeout of a second and 10 slots.
func Plan(process arrivals.Process, s arrivals.Shape, d time.Duration) *attack.Plan {
	return &attack.Plan{
		Seed: 42, Arrivals: process, Timeout: time.Second, MaxInFlight: 10,
		Stages:   []attack.Stage{{Name: "only", For: d, Shape: s}},
		Requests: []attack.Request{Get("a", "http://target/")},
	}
}

// HoldPlan is a Plan of a uniform rate.
func HoldPlan(rate arrivals.Rate, d, timeout time.Duration, maxInFlight int) *attack.Plan {
	p := Plan(arrivals.Uniform, arrivals.Hold{Per: rate}, d)
	p.Timeout, p.MaxInFlight = timeout, maxInFlight
	return p
}

// Get is a request of weight 1. Its URL may hold templates.
func Get(name, url string) attack.Request {
	return attack.Request{
		Name: name, Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: url},
	}
}

// Data are rows that are right.
func Data(rows []map[string]string) *payload.Data {
	d, err := payload.NewData(rows)
	if err != nil {
		panic(err)
	}
	return d
}

// Values are columns that a flow's caller brings.
func Values(texts map[string]string) *payload.Values {
	v := new(payload.Values)
	for column, text := range texts {
		v.Set(column, text, payload.Untyped)
	}
	return v
}

// Clients are those of a plan whose requests are sent by an engine.
func Clients(tb testing.TB, p *attack.Plan, e httpx.Engine) attack.Clients {
	tb.Helper()
	c, wrong := httpx.NewClient(p, e)
	if wrong != nil {
		tb.Fatal(wrong)
	}
	return attack.Clients{httpx.Name: c}
}

// Build makes the calls of a request.
func Build(tb testing.TB, r attack.Request) func(attack.Arrival) (*httpx.Call, error) {
	tb.Helper()
	build, err := httpx.NewBuilder(&attack.Plan{Seed: 42, Requests: []attack.Request{r}})
	if err != nil {
		tb.Fatal(err)
	}
	return build
}

// File writes a file and returns its path.
func File(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
