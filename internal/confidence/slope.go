package confidence

import (
	"math"
	"slices"
)

// Point is the mean of N values, V, at the mean of their times, T.
type Point struct {
	T, V, N float64
}

// And is the point of the values of both.
func (p Point) And(o Point) Point {
	n := p.N + o.N
	return Point{T: (p.T*p.N + o.T*o.N) / n, V: (p.V*p.N + o.V*o.N) / n, N: n}
}

// Slope is the interval of the slope of the line of least squares through points in order of time:
// how much V grows by T. It is b ± t·s, where s² is the variance of the slope by what the points
// are off the line, weighted by their N, and t the quantile of Student's distribution for two
// points less. Values near each other in time are alike, which makes a line seem surer than it is.
// So the variance grows by (1+r)/(1−r), r being the correlation of neighbours' distances from the
// line, as for shares (see the package), and the widest interval counts of those of the points,
// of their pairs, and so on, for as long as there are MinBlocks of them. False: there are fewer.
//
// Noise with a memory that is long beside the run looks like a slope: where neighbours of 20 points
// have a correlation of 0.9, three in four intervals of 95 % hold.
func Slope(points []Point, level float64) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for len(points) >= MinBlocks {
		slope, off := slope(points)
		half := studentQuantile(level, float64(len(points)-2)) * off
		low, high = min(low, slope-half), max(high, slope+half)
		ok = true
		points = pairPoints(points)
	}
	return low, high, ok
}

func pairPoints(points []Point) []Point {
	var out []Point
	for pair := range slices.Chunk(points, 2) {
		p := pair[0]
		if len(pair) == 2 {
			p = p.And(pair[1])
		}
		out = append(out, p)
	}
	return out
}

// slope is that of the line, and its standard error.
func slope(points []Point) (slope, off float64) {
	middle := points[0]
	for _, p := range points[1:] {
		middle = middle.And(p)
	}
	var tt, tv float64
	for _, p := range points {
		tt += p.N * (p.T - middle.T) * (p.T - middle.T)
		tv += p.N * (p.T - middle.T) * (p.V - middle.V)
	}
	if tt == 0 {
		return 0, math.Inf(1)
	}
	slope = tv / tt
	var squares, neighbours, last float64
	for i, p := range points {
		d := math.Sqrt(p.N) * (p.V - middle.V - slope*(p.T-middle.T))
		squares += d * d
		if i > 0 {
			neighbours += d * last
		}
		last = d
	}
	if squares == 0 {
		return slope, 0
	}
	n := float64(len(points))
	// Of so few points the correlation is lower than it is, by about (1+3r)/n after the line is
	// taken out.
	r := min(max(neighbours/squares+2/n, 0), longestMemory)
	return slope, math.Sqrt(squares / (n - 2) / tt * (1 + r) / (1 - r))
}
