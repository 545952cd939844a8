package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Metric is something that can be asked of a scope.
type Metric struct {
	// Name is how rules write it; one of a fault is written behind fault("x").
	Name string
	Unit rule.Unit
	Doc  string
	// OfFault says that it is asked of a fault and not of a stretch of load.
	OfFault bool
	// OfCall says that it is of single calls, of a phase of theirs or counted in them: a whole
	// flow has none.
	OfCall bool
	// MinSamples is how many samples it needs to be judged; with fewer, a rule
	// on it is inconclusive.
	MinSamples uint64

	eval func(*View) (float64, bool)
	// dist and quantile are set for what a count of exceedances can decide
	// exactly: percentiles, the greatest and the least.
	dist func(*View) *timeline.Distribution
	// of is what it is read from, if that is one distribution: of all arrivals, of good answers
	// alone, or of something else.
	of                 func(*View) *timeline.Distribution
	prefix             string // of its name, if of is set: service. of service.p99
	ofArrivals, ofGood bool
	quantile           float64
	spread             bool // it is no place in the distribution but its width
	// biased says how the generator can move the figure; nil: in any way.
	biased biased
	// ofAll says that it is a share of the arrivals that count: how many of them it
	// needs depends on what it is compared with.
	ofAll bool
	// ofScore says the same of a score from 0 to 1, and scale of a share times this.
	ofScore bool
	scale   func(*View) float64
	// takes is what it is told in parentheses, and with makes the metric that was told so; nil:
	// nothing.
	takes []rule.Parameter
	with  func(args []float64) Metric
	// counts are the times that it counts at. Where the run did not count there, the figure lies
	// within bucket.
	counts []time.Duration
	bucket func(*View) (lo, hi float64)
	worse  rule.Direction
	note   string // that is shown beside the figure
	// ofErrors says that it is the share of those that went wrong.
	ofErrors bool
	// family is set for percentiles: what they are read from.
	family *family
	// ofNotice says that it is when a fault was noticed, which is read of what was observed.
	ofNotice bool
	// grows says that it is how fast something grows.
	grows    bool
	growthOf *Metric // of load: what grows
	// anything says that nothing is known of how small or great it can be.
	anything bool
	// ofAnswers says that it counts answers: that there were none is a figure too, where
	// somebody waited for one.
	ofAnswers bool
	// bounded says that the figure is a lower bound.
	bounded func(*View) bool
	// unseen is how much more it may have been than any arrival met.
	unseen func(*View) time.Duration
	// more is what to do where there are too few samples.
	more string
}

// View is what a metric sees of its scope.
type View struct {
	Stats   *timeline.Stats
	Seconds float64      // length of the scope
	Fault   *FaultResult // only for metrics of a fault

	waiting  bool                   // arrivals were open in the scope, whether or not any came due
	windows  timeline.Windows       // of the scope, as far as the run came
	blocks   *blocks                // what came due in it by time; nil if nobody asked
	used     *timeline.Usage        // by the generator in them, summed up once
	response *timeline.Distribution // of Stats, merged once
	least    *timeline.Distribution // the response times, see Stats.ResponseNet; merged once
}

// Eval returns the metric's figure in its unit's measure; false if there is no
// data.
func (m *Metric) Eval(v *View) (float64, bool) { return m.eval(v) }

// Metrics is the registry of metrics: a family a line.
func Metrics() []Metric {
	return slices.Concat(
		latencyMetrics(
			"",
			"response time (done − intended) of all arrivals, errors among them",
			(*View).Response,
			func(s *timeline.Stats) []*timeline.Distribution {
				return []*timeline.Distribution{&s.OK, &s.Err}
			},
		),
		latencyMetrics(
			goodPrefix,
			"response time of good answers",
			func(v *View) *timeline.Distribution { return &v.Stats.OK },
			func(s *timeline.Stats) []*timeline.Distribution {
				return []*timeline.Distribution{&s.OK}
			},
		),
		latencyMetrics(
			"service.",
			"service time (done − sent)",
			func(v *View) *timeline.Distribution { return &v.Stats.Service },
			func(s *timeline.Stats) []*timeline.Distribution {
				return []*timeline.Distribution{&s.Service}
			},
		),
		latencyMetrics(
			"lag.",
			"lag (sent − intended)",
			func(v *View) *timeline.Distribution { return &v.Stats.Lag },
			func(s *timeline.Stats) []*timeline.Distribution {
				return []*timeline.Distribution{&s.Lag}
			},
		),
		phaseMetrics(),
		countMetrics(),
		callCountMetrics(),
		rateMetrics(),
		scoreMetrics(),
		faultMetrics(),
	)
}

var metrics = Metrics()

func metricByName(name string) *Metric {
	if base, ok := baseOfGrowth(name); ok {
		return growthMetric(metricByName(base))
	}
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return percentileMetric(name)
	}
	return &metrics[i]
}

// Response returns the response times of all arrivals of the scope.
func (v *View) Response() *timeline.Distribution {
	if v.response == nil {
		d := v.Stats.Response()
		v.response = &d
	}
	return v.response
}

// net is d, a distribution of the scope, with each time as short as it could be had the
// generator never been held up.
func (v *View) net(d *timeline.Distribution) *timeline.Distribution {
	if d != v.response {
		return v.Stats.Net(d)
	}
	if v.least == nil {
		v.least = d
		if v.Stats.Delayed > 0 {
			net := v.Stats.ResponseNet()
			v.least = &net
		}
	}
	return v.least
}

// MetricTable is the manual's table of metrics, in Markdown. Metrics with one
// meaning share a row.
func MetricTable() string {
	type line struct {
		names, needs []string
		unit         rule.Unit
		doc          string
	}
	var lines []*line
	for i := range metrics {
		m := &metrics[i]
		name := "`" + m.Name + "`"
		switch {
		case m.OfFault:
			name = "`fault(\"x\")." + m.Name + "`"
		case m.takes != nil:
			name = "`" + m.forRules().Usage() + "`"
		}
		if len(lines) == 0 || lines[len(lines)-1].unit != m.Unit ||
			lines[len(lines)-1].doc != m.Doc {
			lines = append(lines, &line{unit: m.Unit, doc: m.Doc})
		}
		l := lines[len(lines)-1]
		l.names = append(l.names, name)
		if m.MinSamples > 1 {
			l.needs = append(l.needs, strconv.FormatUint(m.MinSamples, 10))
		}
	}
	var b strings.Builder
	b.WriteString("| metric | unit | meaning |\n|---|---|---|\n")
	for _, l := range lines {
		doc := l.doc
		if len(l.needs) > 0 {
			doc += "; needs " + strings.Join(l.needs, ", ") + " samples"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(l.names, " "), l.unit, doc)
	}
	return b.String()
}
