package verdict

import (
	"math"
	"testing"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

func TestKleene(t *testing.T) {
	// In order of Kleene's lattice: && is the least, || the greatest.
	all := []truth{no, unknown, yes}
	name := map[truth]string{no: "no", unknown: "unknown", yes: "yes"}
	for i, a := range all {
		for j, b := range all {
			x, y := &finding{truth: a, why: doubt{"r", "a"}}, &finding{truth: b, why: doubt{"r", "b"}}
			if got := combine(rule.And, x, y).truth; got != all[min(i, j)] {
				t.Errorf("%s && %s is %s", name[a], name[b], name[got])
			}
			if got := combine(rule.Or, x, y).truth; got != all[max(i, j)] {
				t.Errorf("%s || %s is %s", name[a], name[b], name[got])
			}
			if f := combine(rule.And, x, y); f.truth == unknown && !f.why.any() {
				t.Errorf("%s && %s does not say why it is unknown", name[a], name[b])
			}
		}
		if got := negate(&finding{truth: a}).truth; got != all[2-i] {
			t.Errorf("not %s is %s", name[a], name[got])
		}
	}
}

// A bound settles a comparison exactly if every figure from the bound on gives
// the same answer.
func TestCompareBounds(t *testing.T) {
	for _, op := range rule.Comparisons {
		for _, bound := range []float64{1, 2, 3} {
			limit := value{n: 2, fixed: true}
			answers := map[truth]bool{}
			for _, v := range []float64{bound, bound + 0.5, 2, 2.5, 3, 1e9} {
				if v >= bound {
					answers[compareValues(op, rule.Duration, value{n: v}, limit).truth] = true
				}
			}
			want := unknown
			if len(answers) == 1 {
				for a := range answers {
					want = a
				}
			}
			got := compareValues(op, rule.Duration, value{n: bound, atLeast: true}, limit)
			if got.truth != want || (want == unknown) != got.why.any() {
				t.Errorf("at least %v %s 2 is %v (%s), want %v", bound, op, got.truth, got.why.text, want)
			}
			if back := compareValues(flipped[op], rule.Duration, limit,
				value{n: bound, atLeast: true}); back.truth != want {
				t.Errorf("2 %s at least %v is %v, want %v", flipped[op], bound, back.truth, want)
			}
		}
	}
	if f := compareValues("<", rule.Duration, value{atLeast: true},
		value{atLeast: true}); f.truth != unknown {
		t.Error("two bounds were compared")
	}
}

func TestArithmeticOutOfRange(t *testing.T) {
	huge := value{n: math.MaxFloat64}
	if got := arithmetic("*", huge, huge); !got.missing.any() {
		t.Errorf("got %v, want no figure", got.n)
	}
}
