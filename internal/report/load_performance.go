package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// loadPerformance is GitLab's load performance report, which is the summary that k6 exports, as
// far as GitLab reads it, and k6's other names for what ordeal has too. Times are in
// milliseconds.
type loadPerformance struct {
	Metrics map[string]any `json:"metrics"`
	Root    k6Group        `json:"root_group"`
}

type k6Group struct {
	Name   string             `json:"name"`
	Path   string             `json:"path"`
	Checks map[string]k6Check `json:"checks"`
	Groups map[string]k6Group `json:"groups"`
}

type k6Check struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Passes uint64 `json:"passes"`
	Fails  uint64 `json:"fails"`
}

type k6Counter struct {
	Count uint64  `json:"count"`
	Rate  float64 `json:"rate"`
}

type k6Rate struct {
	Passes uint64  `json:"passes"`
	Fails  uint64  `json:"fails"`
	Value  float64 `json:"value"` // passes of both, in 0..1
}

// WriteLoadPerformance writes GitLab's load performance report of the judged stages. Its checks
// are arrivals, which pass if their answer was good. Its time to the first byte is the response
// time, from when a request was due to the end of its answer: that is never shorter.
func WriteLoadPerformance(w io.Writer, r *Run) error {
	t := &r.Report.Totals
	p := loadPerformance{
		Metrics: map[string]any{},
		Root: k6Group{
			Checks: map[string]k6Check{}, Groups: map[string]k6Group{},
		},
	}
	if t.Planned > 0 {
		p.Metrics["http_reqs"] = k6Counter{t.Done, t.RPS}
		judged := t.Done + t.Unsent - t.Cut
		rate := k6Rate{Passes: judged - min(judged, t.Errors), Fails: t.Errors}
		if judged > 0 {
			rate.Value = float64(rate.Passes) / float64(judged)
			p.Metrics["checks"] = rate
		}
	}
	if trend := newTrend(&t.Latency); trend != nil {
		p.Metrics["http_req_duration"], p.Metrics["http_req_waiting"] = trend, trend
	}
	for _, x := range r.Report.Rules {
		c := k6Check{Name: x.KPI, Path: "::" + x.KPI}
		if x.Outcome == verdict.Pass {
			c.Passes = 1
		} else {
			c.Fails = 1
		}
		p.Root.Checks[x.KPI] = c
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(p)
}

// newTrend has the figures of response times that there are, by k6's names; nil if there are none.
func newTrend(l *verdict.Latency) map[string]float64 {
	out := map[string]float64{}
	for name, d := range map[string]*time.Duration{
		"avg": l.Mean, "med": l.P50, "p(90)": l.P90, "p(95)": l.P95, "p(99)": l.P99, "max": l.Max,
	} {
		if d != nil {
			out[name] = float64(*d) / float64(time.Millisecond)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
