package verdict

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/confidence"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// fold is what some readings of one figure of one target come to, in memory that does not grow
// with their number. The zero value, with ranks where percentiles are asked, is of none.
type fold struct {
	n               uint64
	sum             float64
	least, greatest float64
	first, last     dated
	// Of shares by time: the time that the readings cover, and the part of it that they are.
	covered, part float64
	lost          lost
	ranks         *ranks // nil: no percentile is asked
	line          *line  // nil: no growth is asked
}

// dated is a reading at its time.
type dated struct {
	at time.Duration
	v  float64
}

// lost is what is missing among readings.
type lost struct {
	n           uint64
	covered     float64 // the time that they would have covered
	first, last time.Duration
	why         string // of the first
}

// add takes in what a reading says of the figure; false: it says nothing of it.
func (f *fold) add(r *timeline.Reading, figure timeline.Figure) bool {
	v, ok := r.Values.Get(figure)
	covered := float64(r.Covers().Len())
	if !ok {
		if r.Missing == "" {
			return false // it has no such figure now, as it does not run
		}
		f.lost.merge(lost{1, covered, r.From, r.From, r.Missing})
		return true
	}
	if f.n == 0 {
		f.least, f.greatest = v, v
		f.first, f.last = dated{r.From, v}, dated{r.From, v}
	}
	f.n++
	f.sum += v
	f.least, f.greatest = min(f.least, v), max(f.greatest, v)
	f.firstAndLast(dated{r.From, v}, dated{r.From, v})
	f.covered += covered
	f.part += covered * v
	if f.ranks != nil {
		f.ranks.add(v)
	}
	if f.line != nil {
		f.line.add(r.From.Seconds(), v)
	}
	return true
}

// firstAndLast takes in the first and the last of other readings. Of those of one moment the
// later one in the recording is the last.
func (f *fold) firstAndLast(first, last dated) {
	if first.at < f.first.at {
		f.first = first
	}
	if last.at >= f.last.at {
		f.last = last
	}
}

// merge adds other readings, that came later into the recording.
func (f *fold) merge(o *fold) {
	f.lost.merge(o.lost)
	if o.n == 0 {
		return
	}
	if f.n == 0 {
		f.least, f.greatest, f.first, f.last = o.least, o.greatest, o.first, o.last
	}
	f.n += o.n
	f.sum += o.sum
	f.least, f.greatest = min(f.least, o.least), max(f.greatest, o.greatest)
	f.firstAndLast(o.first, o.last)
	f.covered += o.covered
	f.part += o.part
	if f.ranks != nil {
		f.ranks.merge(o.ranks)
	}
	if f.line != nil {
		f.line.merge(o.line)
	}
}

// clone is a copy to merge into.
func (f *fold) clone() *fold {
	c := *f
	if f.ranks != nil {
		c.ranks = f.ranks.clone()
	}
	if f.line != nil {
		l := *f.line
		l.points = slices.Clone(l.points)
		c.line = &l
	}
	return &c
}

func (l *lost) merge(o lost) {
	switch {
	case o.n == 0:
		return
	case l.n == 0:
		*l = o
		return
	}
	if o.first < l.first {
		l.first, l.why = o.first, o.why
	}
	l.last = max(l.last, o.last)
	l.n += o.n
	l.covered += o.covered
}

// line is the line of least squares through points of time and value. The sums are of
// distances from the means, so that a long run loses no digits. The zero value has no point.
type line struct {
	n      uint64
	t, v   float64 // means
	tt, tv float64 // sums of products of distances
	// points are means of successive values, at most maxPoints of them.
	points []confidence.Point
}

// maxPoints is how many stretches a line tells apart for its interval.
const maxPoints = 128

// add adds a point; t is in seconds.
func (l *line) add(t, v float64) {
	l.merge(&line{n: 1, t: t, v: v, points: []confidence.Point{{T: t, V: v, N: 1}}})
}

func (l *line) merge(o *line) {
	if o.n == 0 {
		return
	}
	if l.n == 0 {
		*l = *o
		l.points = slices.Clone(o.points)
		return
	}
	a, b := float64(l.n), float64(o.n)
	dt, dv, w := o.t-l.t, o.v-l.v, a*b/(a+b)
	l.tt += o.tt + dt*dt*w
	l.tv += o.tv + dt*dv*w
	l.t += dt * b / (a + b)
	l.v += dv * b / (a + b)
	l.n += o.n
	for _, p := range o.points {
		l.point(p)
	}
}

// point adds to the last of the points, until it has as many values as those before it.
func (l *line) point(p confidence.Point) {
	n := len(l.points)
	if n > 1 && l.points[n-1].N+p.N <= l.points[0].N {
		l.points[n-1] = l.points[n-1].And(p)
		return
	}
	if n == maxPoints {
		for i := range maxPoints / 2 {
			l.points[i] = l.points[2*i].And(l.points[2*i+1])
		}
		l.points = l.points[:maxPoints/2]
	}
	l.points = append(l.points, p)
}

// slope is how much the value grows each second; false if there is no line.
func (l *line) slope() (float64, bool) {
	if l.tt <= 0 {
		return 0, false
	}
	return l.tv / l.tt, true
}

// interval is where the true slope lies at a level; false if there are too few points.
func (l *line) interval(level float64) (span, bool) {
	low, high, ok := confidence.Slope(l.points, level)
	return span{lo: low, hi: high}, ok
}
