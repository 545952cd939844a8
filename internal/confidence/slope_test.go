package confidence

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Slopes of straight lines are known for certain, and none is known of few points.
func TestSlopeOfALine(t *testing.T) {
	var points []Point
	for i := range 40 {
		points = append(points, Point{T: float64(i), V: 3 + 0.25*float64(i), N: float64(1 + i%3)})
	}
	low, high, ok := Slope(points, 0.95)
	if !ok || math.Abs(low-0.25) > 1e-9 || math.Abs(high-0.25) > 1e-9 {
		t.Errorf("%v to %v, %t, want 0.25", low, high, ok)
	}
	if _, _, ok := Slope(points[:MinBlocks-1], 0.95); ok {
		t.Error("nine points have an interval")
	}
}

// Intervals hold the slope about as often as they say, for noise without and with memory.
func TestSlopeCovers(t *testing.T) {
	for _, memory := range []float64{0, 0.5, 0.9} {
		for _, n := range []int{20, 64, 128} {
			rng := rand.New(rand.NewPCG(uint64(n), 3))
			held := 0
			const runs = 1000
			for range runs {
				var points []Point
				noise := rng.NormFloat64()
				for i := range n {
					noise = memory*noise + math.Sqrt(1-memory*memory)*rng.NormFloat64()
					points = append(points, Point{T: float64(i), V: 0.1*float64(i) + noise, N: 1})
				}
				if low, high, ok := Slope(points, 0.95); ok && low <= 0.1 && 0.1 <= high {
					held++
				}
			}
			t.Logf("memory %v, %d points: %.1f%%", memory, n, 100*float64(held)/runs)
			// What a tenth of the run or more remembers is told as a trend: see Slope.
			if least := map[float64]int{0: 940, 0.5: 890, 0.9: 700}[memory]; held < least {
				t.Errorf("memory %v, %d points: held in %d of %d, want %d or more", memory, n, held, runs, least)
			}
		}
	}
}
