package chaos

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func fakes(n int) []Target {
	var out []Target
	for i := range n {
		out = append(out, newFake("api-"+strconv.Itoa(i)))
	}
	return out
}

func names(ts []Target) []string {
	var out []string
	for _, t := range ts {
		out = append(out, t.Name())
	}
	return out
}

func TestChooseHowMany(t *testing.T) {
	for _, tt := range []struct {
		name string
		pick Pick
		of   int
		want int
		err  string
	}{
		{"all", Pick{}, 4, 4, ""},
		{"one", Pick{Count: 1}, 4, 1, ""},
		{"every one by count", Pick{Count: 4}, 4, 4, ""},
		{"half", Pick{Fraction: 0.5}, 4, 2, ""},
		{"half of an odd number", Pick{Fraction: 0.5}, 5, 3, ""},
		{"30% of 10", Pick{Fraction: 0.3}, 10, 3, ""},
		{"a little is at least one", Pick{Fraction: 0.001}, 3, 1, ""},
		{"100%", Pick{Fraction: 1}, 3, 3, ""},
		{"too many", Pick{Count: 5}, 4, 0, "expected at least as many targets as are picked, 5, found 4"},
		{"none there", Pick{}, 0, 0, "nothing to break"},
		{"negative", Pick{Count: -1}, 4, 0, "expected a pick"},
		{"over 100%", Pick{Fraction: 1.5}, 4, 0, "expected a pick"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Choose(FaultPlan{Name: "f", Pick: tt.pick}, fakes(tt.of), 42)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("Choose = %v, %v, want the error %q", names(got), err, tt.err)
				}
				return
			}
			if err != nil || len(got) != tt.want || !slices.IsSorted(names(got)) {
				t.Errorf("Choose = %v, %v, want %d, sorted", names(got), err, tt.want)
			}
		})
	}
}

func TestChooseByTheSeed(t *testing.T) {
	all := fakes(20)
	choose := func(name string, seed uint64, from []Target) string {
		got, err := Choose(FaultPlan{Name: name, Pick: Pick{Count: 5}}, from, seed)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names(got), " ")
	}
	want := choose("f", 42, all)
	back := slices.Clone(all)
	slices.Reverse(back)
	if got := choose("f", 42, back); got != want {
		t.Errorf("the order of the candidates changed the draw from %s to %s", want, got)
	}
	if got := choose("f", 43, all); got == want {
		t.Errorf("another seed drew the same: %s", got)
	}
	if got := choose("g", 42, all); got == want {
		t.Errorf("another fault drew the same: %s", got)
	}
	if slices.IsSortedFunc(back, func(a, b Target) int { return strings.Compare(a.Name(), b.Name()) }) {
		t.Error("Choose sorted its caller's slice")
	}
	drawn := map[string]bool{}
	for s := range uint64(200) {
		for _, n := range strings.Fields(choose("f", s, all)) {
			drawn[n] = true
		}
	}
	if len(drawn) != len(all) {
		t.Errorf("over 200 seeds only %d of %d targets were drawn", len(drawn), len(all))
	}
}
