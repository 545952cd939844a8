package verdict

import (
	"math"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	growthSuffix = ".growth"
	// leastPoint is how many samples a point of a growth is of at least.
	leastPoint = 20
)

// growthMetric is how fast a figure of response times grows: p99.growth; nil if base is no such
// figure, or its growth is not asked.
func growthMetric(base *Metric) *Metric {
	if base == nil || base.of == nil || base.spread || base.grows {
		return nil
	}
	unit, ok := base.Unit.Growth()
	if !ok {
		return nil
	}
	return &Metric{
		Name: base.Name + growthSuffix, Unit: unit, OfCall: base.OfCall, grows: true, anything: true,
		growthOf: base, eval: base.eval,
	}
}

// growing is the line through a figure of successive stretches of a scope, each of as many samples
// as the figure needs. The zero value has no point.
type growing struct {
	line  line
	rest  timeline.Stats // of the stretch that has too few by now
	begun time.Duration  // when that began
	some  bool           // there is a rest
}

// add takes in the next slice.
func (g *growing) add(of *Metric, v *View, slice timeline.Window) {
	if !g.some && v.Stats.Planned == 0 {
		return
	}
	if !g.some {
		g.begun, g.some = slice.From, true
		g.rest = timeline.Stats{}
	}
	g.rest.Merge(v.Stats)
	sum := &View{Stats: &g.rest, Seconds: (slice.To - g.begun).Seconds()}
	if of.of(sum).Count() < max(of.MinSamples, leastPoint) {
		return
	}
	if n, ok := of.Eval(sum); ok {
		g.line.add((g.begun + (slice.To-g.begun)/2).Seconds(), n)
	}
	g.some = false
}

// clone is a growing that can be added to without the other.
func (g *growing) clone() *growing {
	c := &growing{line: g.line, begun: g.begun, some: g.some}
	c.line.points = append(c.line.points[:0:0], g.line.points...)
	if g.some {
		c.rest.Merge(&g.rest)
	}
	return c
}

// growthSlice is how long the slices are of which the points are made: a 128th of the load, in
// whole seconds.
func growthSlice(tl *timeline.Timeline) time.Duration {
	var end time.Duration
	for _, s := range tl.Stages {
		end = max(end, s.Window.To)
	}
	return max(time.Second, (end / maxPoints).Truncate(time.Second))
}

// grow asks for what a growth of load needs.
func (c *ruleCase) grow(j *Judging, i int, t *term) {
	asked := filter{t.scope.Stage, t.scope.Request, t.scope.Flow}
	j.c.subscribe(asked, stretchOf(t.scope), growthSlice(&j.tl), func(told gathered) {
		if c.growing[i] == nil {
			c.growing[i] = &growing{}
		}
		if told.final {
			c.growing[i].add(t.metric.growthOf, told.view, told.slice)
			return
		}
		if c.growingRest[i] == nil {
			c.growingRest[i] = c.growing[i].clone()
		}
		c.growingRest[i].add(t.metric.growthOf, told.view, told.slice)
	})
}

// growthValue is the value of a growth of load.
func (j *Judging) growthValue(c *ruleCase, i int) value {
	t := &c.in.Rule.terms[i]
	v := value{reading: &reading{text: t.text, metric: t.metric}}
	g := c.growingRest[i]
	if g == nil {
		g = c.growing[i]
	}
	if g == nil || g.line.n == 0 && !g.some {
		v.missing = nothingDue(t.text)
		return v
	}
	slope, ok := g.line.slope()
	v.n, v.shown, v.samples = slope, ok, g.line.n
	if !ok || g.line.n < minGrowth {
		v.missing = doubtf(
			ReasonTooFew,
			"too few samples for %s: %d stretches of %d or more, and %d "+
				"are needed; send more, or for longer",
			t.text,
			g.line.n,
			max(t.metric.growthOf.MinSamples, leastPoint),
			minGrowth,
		)
		return v
	}
	v.interval = g.line.interval
	if b := &j.bias; b.busy || b.short {
		v.bounds = &bounds{lo: math.Inf(-1), hi: math.Inf(1), why: doubtf(ReasonGenerator,
			"%s was %s, but could be anything, as %s: %s", t.text, t.metric.Unit.Format(slope),
			b.what, b.do)}
	}
	v.needs(c.in.MinSamples)
	if c.in.Confidence > 0 {
		v.unsureGrowth(c.in.Confidence)
	}
	return v
}

// baseOfGrowth is what a name such as p99.growth is the growth of.
func baseOfGrowth(name string) (string, bool) { return strings.CutSuffix(name, growthSuffix) }
