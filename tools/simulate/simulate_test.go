package main

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// What a world is said to be truly is what its runs come to.
func TestWorldsAreAsTheySay(t *testing.T) {
	for i := range worlds {
		w := &worlds[i]
		t.Run(w.name, func(t *testing.T) {
			var sum timeline.Stats
			for n := range uint64(40) {
				for iv := range w.run(rand.New(rand.NewPCG(3, n)), nil).Intervals {
					for _, c := range iv.Cells {
						sum.Merge(c.Stats)
					}
				}
			}
			near := func(name string, got, want, off float64) {
				if math.Abs(got-want) > off*want {
					t.Errorf("%s is %v, want about %v", name, got, want)
				}
			}
			off := 0.02
			if w.bad > 0 { // 40 runs have so many bursts, of unlike length
				off = 3 * math.Sqrt(2/(40*length.Seconds()/(w.bad+w.good)))
			}
			near("error rate", float64(sum.Errors())/float64(sum.Judged()), w.errorRate(), off)
			d := sum.Response()
			p50, _ := d.Quantile(0.5)
			near("p50", float64(p50), float64(w.quantile(0.5)), 0.02+off*w.share())
		})
	}
}

func TestPublish(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	const text = "before\n<!-- table: a -->\nold\n<!-- end -->\nafter\n"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := publish(page, map[string]string{"a": "new\n"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(text, "old", "new", 1); string(got) != want {
		t.Errorf("found %q, want %q", got, want)
	}
	if err := publish(page, map[string]string{"b": "new\n"}); err == nil {
		t.Error("a table without a place was no mistake")
	}
}

// The same seed gives the same table, whatever core judges which run.
func TestDecisionsAreReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	w := &worlds[1]
	a, b, err := w.judge(3, 7)
	if err != nil {
		t.Fatal(err)
	}
	c, d, err := w.judge(3, 7)
	if err != nil {
		t.Fatal(err)
	}
	for k := range kinds {
		for l := range limits {
			if a[k][l] != c[k][l] || b[k][l] != d[k][l] {
				t.Errorf("%s at %v: %v and %v", kinds[k].name, limits[l], a[k][l], c[k][l])
			}
		}
	}
}

func TestBurstsLastAsLongAsTheyShould(t *testing.T) {
	w := &world{bad: 2, good: 6}
	b := newBurst(w, rand.New(rand.NewPCG(1, 1)))
	bad := 0
	const steps = 400_000
	for range steps {
		if b.step(0.1) {
			bad++
		}
	}
	if share := float64(bad) / steps; math.Abs(share-w.share()) > 0.01 {
		t.Errorf("bad for %v of the time, want %v", share, w.share())
	}
}
