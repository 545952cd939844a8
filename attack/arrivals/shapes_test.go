package arrivals_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// samples holds valid shapes of every kind in the registry; a kind without one
// fails the conformance test.
func samples() map[string][]arrivals.Shape {
	return map[string][]arrivals.Shape{
		"rate":  {&arrivals.Hold{50}, &arrivals.Hold{1000}, &arrivals.Hold{0.3}, &arrivals.Hold{7}},
		"from":  {&arrivals.Ramp{50, 500}, &arrivals.Ramp{500, 50}, &arrivals.Ramp{0, 100}, &arrivals.Ramp{100, 0}, &arrivals.Ramp{10, 10}},
		"steps": {&arrivals.Steps{10, 100, 4}, &arrivals.Steps{100, 10, 3}, &arrivals.Steps{0, 50, 2}, &arrivals.Steps{5, 5, 7}, &arrivals.Steps{100, 0, 3}},
		"spike": {&arrivals.Spike{10, 500, 3 * time.Second}, &arrivals.Spike{0, 100, time.Second}, &arrivals.Spike{100, 0, time.Second}, &arrivals.Spike{1, 2, 10 * time.Second}},
		"sine":  {&arrivals.Sine{100, 50, 4 * time.Second}, &arrivals.Sine{100, 100, 3 * time.Second}, &arrivals.Sine{20, 0, time.Second}, &arrivals.Sine{5, 5, 7 * time.Second}},
		"pause": {&arrivals.Pause{true}},
		"users": {&arrivals.Users{1, 50, time.Second}, &arrivals.Users{50, 1, 0}, &arrivals.Users{0, 3, time.Millisecond}, &arrivals.Users{7, 7, 0}, &arrivals.Users{100_000, 100_000, 0}},
		"trace": {
			traceOf("steady", 1, 0, 500*time.Millisecond, time.Second, 1500*time.Millisecond, 2*time.Second),
			traceOf("burst", 1, 0, time.Second, time.Second, time.Second, 9*time.Second, 9*time.Second+1),
			traceOf("cut", 1, 0, 3*time.Second, 9999999999, 13*time.Second, time.Hour),
			traceOf("lone", 1, 0),
			traceOf("fast", 3, 0, time.Second, 2*time.Second, 20*time.Second),
			traceOf("slow", 0.25, 0, time.Second, 2*time.Second),
		},
	}
}

// traceOf is the trace of a file with these instants.
func traceOf(file string, speed float64, instants ...time.Duration) *arrivals.Trace {
	t, err := arrivals.NewTrace(file, instants, speed)
	if err != nil {
		panic(err)
	}
	return t
}

// openSamples holds those of samples that are rates.
func openSamples() []arrivals.OpenShape {
	var out []arrivals.OpenShape
	for _, shapes := range samples() {
		for _, s := range shapes {
			if open, ok := s.(arrivals.OpenShape); ok {
				out = append(out, open)
			}
		}
	}
	return out
}

func TestShapesConform(t *testing.T) {
	const total = 12 * time.Second
	for _, kind := range arrivals.Shapes() {
		if kind.Doc == "" || len(samples()[kind.Name]) == 0 {
			t.Errorf("%s: expected a doc and samples", kind.Name)
		}
		typ := reflect.TypeOf(kind.New())
		if typ.Kind() != reflect.Pointer || typ.Elem().Kind() != reflect.Struct {
			t.Fatalf("%s: expected a pointer to a struct, found %s", kind.Name, typ)
		}
		discriminated := !kind.Flat || kind.Written != ""
		for f := range typ.Elem().Fields() {
			if !f.IsExported() {
				continue
			}
			if f.Tag.Get("json") == "" || f.Tag.Get("doc") == "" {
				t.Errorf("%s: field %s lacks a json or doc tag", kind.Name, f.Name)
			}
			discriminated = discriminated || f.Tag.Get("json") == kind.Name
		}
		if !discriminated {
			t.Errorf("%s: a flat shape needs its name as a key, or to say how it is written", kind.Name)
		}
		if kind.New().Validate(total) == nil {
			t.Errorf("%s: the zero value passes as valid", kind.Name)
		}
		for _, s := range samples()[kind.Name] {
			t.Run(fmt.Sprintf("%s/%s", kind.Name, s), func(t *testing.T) {
				if reflect.TypeOf(s) != typ {
					t.Fatalf("expected a sample of type %s, found %T", typ, s)
				}
				if err := s.Validate(total).Err(); err != nil {
					t.Fatal(err)
				}
				if s.Validate(0) == nil || s.Validate(-time.Second) == nil {
					t.Error("a stage without length passes as valid")
				}
				reload(t, s)
				switch s := s.(type) {
				case arrivals.Exact:
					conformExact(t, s.(arrivals.OpenShape), total)
				case arrivals.OpenShape:
					conform(t, s, total)
				case arrivals.ClosedShape:
					conformClosed(t, s, total)
				default:
					t.Error("expected an open or a closed shape")
				}
			})
		}
	}
}

func conform(t *testing.T, s arrivals.OpenShape, total time.Duration) {
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
		sum += float64(r) * step.Seconds()
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
	if inv, ok := s.(arrivals.Inverter); ok {
		prev := time.Duration(0)
		for k := range 100 {
			k := float64(k) / 100 * last
			prev = arrivals.Search(s, k, total, prev)
			if got := inv.Invert(k, total); (got - prev).Abs() > 2 {
				t.Errorf("arrival %v: inverted to %s, search finds %s", k, got, prev)
			}
		}
	}
}

// conformExact is conform for a list of instants. Expected counts them, and so
// is a step function; no rate has it for an integral. A shape says a rate all
// the same, the mean over a second around t: its integral may run off by what
// lies within half a second of t and, as the second is cut there, of either end.
func conformExact(t *testing.T, s arrivals.OpenShape, total time.Duration) {
	if e := s.Expected(0, total); e != 0 {
		t.Errorf("expected no arrivals at 0, found %v", e)
	}
	all := s.Expected(total, total)
	if all < 1 || all != math.Trunc(all) {
		t.Fatalf("expected whole arrivals, at least one, found %v", all)
	}
	around := func(at time.Duration) float64 {
		return s.Expected(min(total, at+time.Second/2+1), total) - s.Expected(max(0, at-time.Second/2), total)
	}
	const n = 12_000
	step := total / n
	var sum, last float64
	for i := range n {
		at := time.Duration(i) * step
		r := s.Rate(at+step/2, total)
		if r < 0 || math.IsNaN(float64(r)) {
			t.Fatalf("rate at %s: found %v", at, r)
		}
		sum += float64(r) * step.Seconds()
		e := s.Expected(at+step, total)
		if e < last || e != math.Trunc(e) {
			t.Fatalf("expected arrivals go from %v to %v at %s", last, e, at)
		}
		last = e
		// A step's worth of rounding at each jump of the rate, of which there are two an arrival.
		if off := around(0) + around(at+step) + around(total) + 2*all*step.Seconds(); math.Abs(e-sum) > off {
			t.Fatalf("at %s: the rate's integral is %v, expected says %v, and they may differ by %v", at+step, sum, e, off)
		}
	}
	// Each arrival has an instant of its own, to the nanosecond, and search,
	// which knows Expected only, finds the same.
	inv := s.(arrivals.Inverter)
	for k := range int(all) {
		at := inv.Invert(float64(k), total)
		if before, after := s.Expected(at, total), s.Expected(at+1, total); before > float64(k) || after <= float64(k) {
			t.Errorf("arrival %d at %s: expected says %v, and %v thereafter", k, at, before, after)
		}
		if found := arrivals.Search(s, float64(k), total, 0); found != at {
			t.Errorf("arrival %d: inverted to %s, search finds %s", k, at, found)
		}
	}
	if end := inv.Invert(all, total); end != total {
		t.Errorf("expected no arrival after the last, found one at %s", end)
	}
}

// conformClosed: never less than no user, the same number whenever asked, and
// as Validate has it at least one at some time.
func conformClosed(t *testing.T, s arrivals.ClosedShape, total time.Duration) {
	if s.ThinkTime() < 0 {
		t.Errorf("expected a pause of at least 0, found %s", s.ThinkTime())
	}
	most := 0
	for i := range 10_001 {
		at := total / 10_000 * time.Duration(i)
		n := s.Users(at, total)
		if n < 0 || n != s.Users(at, total) {
			t.Fatalf("at %s: found %d users", at, n)
		}
		most = max(most, n)
	}
	if most == 0 {
		t.Error("expected users, found none")
	}
}

// reload checks that a shape is the same after a trip through JSON. Of a list of
// instants, JSON has the digest only: what comes back has to say the same, and
// must not pass for the list.
func reload(t *testing.T, s arrivals.Shape) {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back := reflect.New(reflect.TypeOf(s).Elem()).Interface()
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(back); err != nil || string(again) != string(b) {
		t.Errorf("%s became %s (%v)", b, again, err)
	}
	if _, ok := s.(arrivals.Exact); ok {
		if back.(arrivals.Shape).Validate(time.Second) == nil {
			t.Errorf("%s passes as valid without its instants", b)
		}
		return
	}
	if !reflect.DeepEqual(back, s) {
		t.Errorf("%s is not what it was after %s", s, b)
	}
}

func TestShapesRefuse(t *testing.T) {
	nan := arrivals.Rate(math.NaN())
	for _, c := range []struct {
		shape arrivals.Shape
		want  string
	}{
		{arrivals.Hold{0}, "pause: true"},
		{arrivals.Hold{-1}, "rate: expected a rate of at least 0/s"},
		{arrivals.Hold{nan}, "rate: expected a rate of at least 0/s"},
		{arrivals.Hold{1e9}, "rate: expected a rate of at most 10M/s"},
		{arrivals.Ramp{0, 0}, "pause: true"},
		{arrivals.Ramp{-5, 10}, "from: expected"},
		{arrivals.Ramp{5, -10}, "to: expected"},
		{arrivals.Steps{1, 2, 1}, "count: expected 2 to"},
		{arrivals.Steps{1, 2, 0}, "count: expected 2 to"},
		{arrivals.Steps{1, -2, 2}, "to: expected"},
		{arrivals.Spike{1, 2, 0}, "width: expected above 0"},
		{arrivals.Spike{1, 2, 11 * time.Second}, "at most the stage's length of 10s, found 11s"},
		{arrivals.Spike{-1, 2, time.Second}, "base: expected"},
		{arrivals.Sine{10, 11, time.Second}, "amplitude: expected at most the mean of 10/s"},
		{arrivals.Sine{10, 5, 0}, "period: expected a length above 0"},
		{arrivals.Sine{10, -5, time.Second}, "amplitude: expected a rate of at least 0/s"},
		{arrivals.Pause{false}, "pause: expected true"},
		{arrivals.Users{0, 0, 0}, "users: expected at least 1, found 0: say pause: true"},
		{arrivals.Users{-1, 5, 0}, "users: expected at least 0, found -1"},
		{arrivals.Users{1, 100_001, 0}, "users: expected at most 100000, found 100001"},
		{arrivals.Users{1, 1, -1}, "think: expected at least 0"},
		{arrivals.Trace{File: "x", Speed: 1}, "expected a trace that was read from its file"},
	} {
		wrong := c.shape.Validate(10 * time.Second)
		if err := wrong.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v: expected %q, found %v", c.shape, c.want, err)
		}
		namesFields(t, wrong)
	}
}

// namesFields checks that messages name the field that their path leads to.
func namesFields(t *testing.T, wrong fielderr.List) {
	t.Helper()
	for _, e := range wrong {
		if field := e.Path.String(); field != "" && !strings.Contains(e.Msg, field) {
			t.Errorf("%q is said of the field %s", e.Msg, field)
		}
	}
}

// A ramp has every number of users for an equal time, the first and the last
// among them; the ones that begin and end a level are a nanosecond apart.
func TestUsersRampEvenly(t *testing.T) {
	for _, u := range []arrivals.Users{{1, 50, 0}, {50, 1, 0}, {0, 6, 0}, {3, 3, 0}} {
		const total = time.Minute
		n := max(u.From-u.To, u.To-u.From) + 1
		for i := range n {
			want := u.From + i
			if u.To < u.From {
				want = u.From - i
			}
			// The first nanosecond at or after i/n of the stage, and the last before the next
			// level.
			begin := (total*time.Duration(i) + time.Duration(n-1)) / time.Duration(n)
			end := (total*time.Duration(i+1)+time.Duration(n-1))/time.Duration(n) - 1
			if a, b := u.Users(begin, total), u.Users(end, total); a != want || b != want {
				t.Errorf("%s: expected %d users from %s to %s, found %d and %d", u, want, begin, end, a, b)
			}
		}
	}
	// The product of time and users is beyond 64 bits here.
	long := arrivals.Users{0, 100_000, 0}
	const year = 366 * 24 * time.Hour
	if got := long.Users(year/2, year); got != 50_000 {
		t.Errorf("expected 50000, found %d", got)
	}
	if from, to := long.Users(-1, year), long.Users(year, year); from != 0 || to != 100_000 {
		t.Errorf("expected 0 and 100000, found %d and %d", from, to)
	}
}

func TestShapesSaySo(t *testing.T) {
	for want, s := range map[string]fmt.Stringer{
		"50 users, thinking 200ms: closed loop":   arrivals.Users{50, 50, 200 * time.Millisecond},
		"1 to 50 users, thinking 1s: closed loop": arrivals.Users{1, 50, time.Second},
		"1 user: closed loop":                     arrivals.Users{1, 1, 0},
		"replay of a.txt":                         traceOf("a.txt", 1, 0),
		"replay of a.txt at 0.5 times its speed":  traceOf("a.txt", 0.5, 0),
	} {
		if got := s.String(); got != want {
			t.Errorf("expected %q, found %q", want, got)
		}
	}
}
