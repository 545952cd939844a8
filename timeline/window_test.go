package timeline_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestWindow(t *testing.T) {
	w := timeline.Window{2, 5}
	for at, want := range map[time.Duration]bool{1: false, 2: true, 4: true, 5: false} {
		if got := w.Contains(at); got != want {
			t.Errorf("%v contains %d: %v, want %v", w, at, got, want)
		}
	}
	for _, tc := range []struct {
		v         timeline.Window
		covers    bool
		intersect timeline.Window
	}{
		{timeline.Window{2, 5}, true, timeline.Window{2, 5}},
		{timeline.Window{3, 4}, true, timeline.Window{3, 4}},
		{timeline.Window{1, 3}, false, timeline.Window{2, 3}},
		{timeline.Window{4, 9}, false, timeline.Window{4, 5}},
		{timeline.Window{0, 9}, false, timeline.Window{2, 5}},
		{timeline.Window{0, 2}, false, timeline.Window{2, 2}},
		{timeline.Window{5, 7}, false, timeline.Window{5, 5}},
		{timeline.Window{7, 9}, false, timeline.Window{7, 7}},
	} {
		if got := w.Covers(tc.v); got != tc.covers {
			t.Errorf("%v covers %v: %v, want %v", w, tc.v, got, tc.covers)
		}
		if got := w.Intersect(tc.v); got != tc.intersect {
			t.Errorf("%v and %v share %v, want %v", w, tc.v, got, tc.intersect)
		}
		if a, b := w.Intersect(tc.v), tc.v.Intersect(w); a.Len() != b.Len() {
			t.Errorf("%v and %v share %v, but the other way round %v", w, tc.v, a, b)
		}
	}
	if got := (timeline.Window{5, 2}).Len(); got != 0 {
		t.Errorf("a backward window is %v long, want 0", got)
	}
}

func TestNewWindows(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []timeline.Window
		want timeline.Windows
	}{
		{"none", nil, nil},
		{"empty ones", []timeline.Window{{1, 1}, {5, 2}}, nil},
		{"one", []timeline.Window{{1, 2}}, timeline.Windows{{1, 2}}},
		{"apart, unsorted", []timeline.Window{{5, 6}, {1, 2}}, timeline.Windows{{1, 2}, {5, 6}}},
		{"touching", []timeline.Window{{2, 3}, {1, 2}}, timeline.Windows{{1, 3}}},
		{"overlapping", []timeline.Window{{1, 4}, {3, 6}}, timeline.Windows{{1, 6}}},
		{"nested", []timeline.Window{{1, 9}, {3, 4}, {5, 6}}, timeline.Windows{{1, 9}}},
		{"empty within a gap", []timeline.Window{{1, 2}, {3, 3}, {4, 5}}, timeline.Windows{{1, 2}, {4, 5}}},
		{"far apart", []timeline.Window{{math.MaxInt64 - 1, math.MaxInt64}, {math.MinInt64 / 2, 0}}, timeline.Windows{{math.MinInt64 / 2, 0}, {math.MaxInt64 - 1, math.MaxInt64}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			given := slices.Clone(tc.in)
			if diff := cmp.Diff(tc.want, timeline.NewWindows(tc.in...)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if !slices.Equal(given, tc.in) {
				t.Errorf("the caller's windows were changed to %v", tc.in)
			}
		})
	}
}

// TestWindowsAgainstPoints compares sets of windows with sets of single instants.
func TestWindowsAgainstPoints(t *testing.T) {
	const span = 24
	rng := rand.New(rand.NewPCG(5, 5))
	draw := func() (timeline.Windows, [span]bool) {
		var ws []timeline.Window
		var points [span]bool
		for range rng.IntN(5) {
			w := timeline.Window{time.Duration(rng.IntN(span)), time.Duration(rng.IntN(span))}
			ws = append(ws, w)
			for p := w.From; p < w.To; p++ {
				points[p] = true
			}
		}
		return timeline.NewWindows(ws...), points
	}
	check := func(what string, ws timeline.Windows, points [span]bool) {
		t.Helper()
		var n time.Duration
		for p, in := range points {
			if in {
				n++
			}
			if got := ws.Contains(time.Duration(p)); got != in {
				t.Fatalf("%s %v contains %d: %v, want %v", what, ws, p, got, in)
			}
		}
		if ws.Len() != n {
			t.Fatalf("%s %v has length %d, want %d", what, ws, ws.Len(), n)
		}
		for i := 1; i < len(ws); i++ {
			if ws[i-1].To >= ws[i].From {
				t.Fatalf("%s %v is not sorted and apart", what, ws)
			}
		}
	}
	for range 5000 {
		a, as := draw()
		b, bs := draw()
		check("set", a, as)
		var both [span]bool
		for p := range both {
			both[p] = as[p] && bs[p]
		}
		check("intersection", a.Intersect(b), both)

		v := timeline.Window{time.Duration(rng.IntN(span)), 0}
		v.To = v.From + 1 + time.Duration(rng.IntN(span-int(v.From)))
		covered := true
		for p := v.From; p < min(v.To, span); p++ {
			covered = covered && as[p]
		}
		covered = covered && v.To <= span
		if got := a.Covers(v); got != covered {
			t.Fatalf("%v covers %v: %v, want %v", a, v, got, covered)
		}
	}
}

func TestDisturbance(t *testing.T) {
	at := func(d time.Duration) *time.Duration { return &d }
	for _, tc := range []struct {
		name  string
		fault timeline.Fault
		want  timeline.Window
		none  bool
	}{
		{"never injected", timeline.Fault{}, timeline.Window{}, true},
		{"reverted", timeline.Fault{Injecting: at(10), Effective: at(12), Reverting: at(30), Reverted: at(33)}, timeline.Window{10, 33}, false},
		{"never effective, reverted", timeline.Fault{Injecting: at(10), Reverted: at(33)}, timeline.Window{10, 33}, false},
		{"not reverted", timeline.Fault{Injecting: at(10), Effective: at(12)}, timeline.Window{10, math.MaxInt64}, false},
		{"known to begin later and to cease earlier", timeline.Fault{Injecting: at(10), Began: at(11), Ceased: at(31), Reverted: at(33)}, timeline.Window{11, 31}, false},
		{"ceased, but not seen to be reverted", timeline.Fault{Injecting: at(10), Ceased: at(31)}, timeline.Window{10, math.MaxInt64}, false},
		{"at one instant", timeline.Fault{Injecting: at(0), Reverted: at(0)}, timeline.Window{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, ok := tc.fault.Disturbance(); got != tc.want || ok == tc.none {
				t.Errorf("got %v, %v; want %v, %v", got, ok, tc.want, !tc.none)
			}
		})
	}
}
