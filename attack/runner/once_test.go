package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/runner"
)

// recorded keeps results in the order in which they come.
type recorded struct {
	planned int
	results []attack.Result
}

func (r *recorded) Planned(attack.Arrival)           { r.planned++ }
func (r *recorded) Record(_ int, res *attack.Result) { r.results = append(r.results, *res) }

// names are what was sent, and what came of it.
func (r *recorded) names(p *attack.Plan) (out []string) {
	for i := range r.results {
		x := &r.results[i]
		name := p.Requests[x.Request%len(p.Requests)].Name
		if x.IsFlow {
			name = "flow " + p.Flows[x.Request].Name
		}
		switch {
		case x.End == attack.Interrupted:
			name += " interrupted"
		case x.Kind != "":
			name += " " + x.Kind
		}
		out = append(out, name)
	}
	return out
}

// oncePlan has two requests, and a flow between them whose caller thinks for an hour.
func oncePlan() *attack.Plan {
	p := attacktest.HoldPlan(100, time.Hour, time.Second, 10)
	p.Requests = []attack.Request{
		attacktest.Get("first", "http://a/first"), attacktest.Get("step/1", "http://a/1"),
		attacktest.Get("step/2", "http://a/2"), attacktest.Get("last", "http://a/last"),
	}
	p.Flows = []attack.Flow{{Name: "step", Weight: 1, Steps: []attack.Step{
		{Request: 1, Think: time.Hour}, {Request: 2},
	}}}
	return p
}

func once(
	t *testing.T, ctx context.Context, p *attack.Plan, e *attacktest.Engine, start time.Time,
) *recorded {
	t.Helper()
	clients := attacktest.Clients(t, p, e)
	sink := &recorded{}
	if err := runner.Once(ctx, p, runner.Options{Clients: clients, Sink: sink, Start: start}); err != nil {
		t.Fatal(err)
	}
	if err := clients.Close(); err != nil {
		t.Error(err)
	}
	if sink.planned != len(sink.results) {
		t.Errorf("%d were planned, and %d recorded", sink.planned, len(sink.results))
	}
	return sink
}

func TestOnce(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := oncePlan()
		got := once(t, t.Context(), p, attacktest.Takes(30*time.Millisecond), start)
		want := []string{"first", "last", "step/1", "step/2", "flow step"}
		if diff := cmp.Diff(want, got.names(p)); diff != "" {
			t.Errorf("(-want +found):\n%s", diff)
		}
		if took := time.Since(start); took != 4*30*time.Millisecond {
			t.Errorf("it took %s: one after the other, and nobody thinks", took)
		}
		if p.Flows[0].Steps[0].Think != time.Hour {
			t.Error("the plan was changed")
		}
	})
}

// What fails does not keep the others from being sent, but for the steps after it.
func TestOnceGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := oncePlan()
		e := attacktest.Takes(time.Millisecond)
		e.Answer = expect.Answer{Status: 500}
		got := once(t, t.Context(), p, e, start)
		want := []string{
			"first status", "last status", "step/1 status", "flow step status",
		}
		if diff := cmp.Diff(want, got.names(p)); diff != "" {
			t.Errorf("(-want +found):\n%s", diff)
		}
	})
}

func TestOnceIsStopped(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := oncePlan()
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Millisecond)
		defer cancel()
		got := once(t, ctx, p, attacktest.Takes(30*time.Millisecond), start)
		want := []string{"first", "last interrupted"}
		if diff := cmp.Diff(want, got.names(p)); diff != "" {
			t.Errorf("(-want +found):\n%s", diff)
		}
	})
}

// Users of a closed stage are one caller here, too.
func TestOnceOfUsers(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := oncePlan()
		p.Stages = []attack.Stage{{
			Name: "crowd", For: time.Hour, Shape: arrivals.Users{From: 50, To: 50, Think: time.Hour},
		}}
		got := once(t, t.Context(), p, attacktest.Takes(time.Millisecond), start)
		if len(got.results) != 5 {
			t.Errorf("found %v", got.names(p))
		}
	})
}
