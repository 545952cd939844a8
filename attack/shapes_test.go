package attack

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// samples holds valid shapes of every kind in the registry; a kind without one
// fails the conformance test.
func samples() map[string][]Shape {
	return map[string][]Shape{
		"rate":  {&Hold{50}, &Hold{1000}, &Hold{0.3}, &Hold{7}},
		"from":  {&Ramp{50, 500}, &Ramp{500, 50}, &Ramp{0, 100}, &Ramp{100, 0}, &Ramp{10, 10}},
		"steps": {&Steps{10, 100, 4}, &Steps{100, 10, 3}, &Steps{0, 50, 2}, &Steps{5, 5, 7}, &Steps{100, 0, 3}},
		"spike": {&Spike{10, 500, 3 * time.Second}, &Spike{0, 100, time.Second}, &Spike{100, 0, time.Second}, &Spike{1, 2, 10 * time.Second}},
		"sine":  {&Sine{100, 50, 4 * time.Second}, &Sine{100, 100, 3 * time.Second}, &Sine{20, 0, time.Second}, &Sine{5, 5, 7 * time.Second}},
		"pause": {&Pause{true}},
	}
}

// openSamples holds those of samples that are rates.
func openSamples() []OpenShape {
	var out []OpenShape
	for _, shapes := range samples() {
		for _, s := range shapes {
			if open, ok := s.(OpenShape); ok {
				out = append(out, open)
			}
		}
	}
	return out
}

func TestShapesConform(t *testing.T) {
	const total = 12 * time.Second
	for _, kind := range Shapes() {
		if kind.Doc == "" || len(samples()[kind.Name]) == 0 {
			t.Errorf("%s: expected a doc and samples", kind.Name)
		}
		typ := reflect.TypeOf(kind.New())
		if typ.Kind() != reflect.Pointer || typ.Elem().Kind() != reflect.Struct {
			t.Fatalf("%s: expected a pointer to a struct, found %s", kind.Name, typ)
		}
		discriminated := !kind.Flat
		for f := range typ.Elem().Fields() {
			if f.Tag.Get("json") == "" || f.Tag.Get("doc") == "" {
				t.Errorf("%s: field %s lacks a json or doc tag", kind.Name, f.Name)
			}
			discriminated = discriminated || f.Tag.Get("json") == kind.Name
		}
		if !discriminated {
			t.Errorf("%s: a flat shape needs its name as a key", kind.Name)
		}
		if kind.New().Validate(total) == nil {
			t.Errorf("%s: the zero value passes as valid", kind.Name)
		}
		for _, s := range samples()[kind.Name] {
			t.Run(fmt.Sprintf("%s/%s", kind.Name, s), func(t *testing.T) {
				if reflect.TypeOf(s) != typ {
					t.Fatalf("expected a sample of type %s, found %T", typ, s)
				}
				if err := s.Validate(total); err != nil {
					t.Fatal(err)
				}
				if s.Validate(0) == nil || s.Validate(-time.Second) == nil {
					t.Error("a stage without length passes as valid")
				}
				reload(t, s)
				if open, ok := s.(OpenShape); ok {
					conform(t, open, total)
				}
			})
		}
	}
}

func conform(t *testing.T, s OpenShape, total time.Duration) {
	if e := s.Expected(0, total); e != 0 {
		t.Errorf("expected no arrivals at 0, found %v", e)
	}
	// The integral by the midpoint rule, against the closed form: the steps
	// divide every plateau's ends, so the jumps of a rate cost nothing.
	const n = 120_000
	step := total / n
	var sum, last float64
	for i := range n {
		at := time.Duration(i) * step
		r := s.Rate(at+step/2, total)
		if r < 0 || math.IsNaN(float64(r)) {
			t.Fatalf("rate at %s: found %v", at, r)
		}
		sum += float64(r) * seconds(step)
		e := s.Expected(at+step, total)
		if e < last-1e-9 {
			t.Fatalf("expected arrivals fall from %v to %v at %s", last, e, at)
		}
		if last = e; math.Abs(e-sum) > 1e-6*max(1, sum) {
			t.Fatalf("at %s: the rate's integral is %v, expected says %v", at+step, sum, e)
		}
	}
	if math.Abs(last-sum) > 1e-6*max(1, sum) {
		t.Errorf("at the end: the rate's integral is %v, expected says %v", sum, last)
	}
	if inv, ok := s.(inverter); ok {
		prev := time.Duration(0)
		for k := range 100 {
			k := float64(k) / 100 * last
			prev = search(s, k, total, prev)
			if got := inv.Invert(k, total); (got - prev).Abs() > 2 {
				t.Errorf("arrival %v: inverted to %s, search finds %s", k, got, prev)
			}
		}
	}
}

// reload checks that a shape is the same after a trip through JSON.
func reload(t *testing.T, s Shape) {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back := reflect.New(reflect.TypeOf(s).Elem()).Interface()
	if err := json.Unmarshal(b, back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%s is not what it was after %s (%v)", s, b, err)
	}
}

func TestShapesRefuse(t *testing.T) {
	nan := Rate(math.NaN())
	for _, c := range []struct {
		shape Shape
		want  string
	}{
		{Hold{0}, "pause: true"},
		{Hold{-1}, "rate: expected a rate of at least 0/s"},
		{Hold{nan}, "rate: expected a rate of at least 0/s"},
		{Hold{1e9}, "rate: expected a rate of at most 10M/s"},
		{Ramp{0, 0}, "pause: true"},
		{Ramp{-5, 10}, "from: expected"},
		{Ramp{5, -10}, "to: expected"},
		{Steps{1, 2, 1}, "count: expected 2 to"},
		{Steps{1, 2, 0}, "count: expected 2 to"},
		{Steps{1, -2, 2}, "to: expected"},
		{Spike{1, 2, 0}, "width: expected above 0"},
		{Spike{1, 2, 11 * time.Second}, "at most the stage's length of 10s, found 11s"},
		{Spike{-1, 2, time.Second}, "base: expected"},
		{Sine{10, 11, time.Second}, "amplitude: expected at most the mean of 10/s"},
		{Sine{10, 5, 0}, "period: expected a length above 0"},
		{Sine{10, -5, time.Second}, "amplitude: expected a rate of at least 0/s"},
		{Pause{false}, "pause: expected true"},
	} {
		err := c.shape.Validate(10 * time.Second)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v: expected %q, found %v", c.shape, c.want, err)
		}
	}
}
