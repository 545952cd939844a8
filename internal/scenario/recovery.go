package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// recoveryFile says when a service counts as normal again after a fault.
type recoveryFile struct {
	Errors      string        `json:"errors" doc:"error rate up to which the service is normal: +1% on top of that before the fault (the default), 2x or 2x + 1% of it, or 5% whatever it was"`
	P95         string        `json:"p95" doc:"p95 of the response time up to which it is normal: 2x + 10ms of that before the fault (the default), +50ms on top of it, or 200ms whatever it was"`
	Stable      time.Duration `json:"stable" positive:"true" doc:"how long it must be normal to have recovered, 5s if left out; what comes later is a relapse"`
	Probe       string        `json:"probe" doc:"a probe that is asked in place of the load, such as where there is no load: the service is normal while it succeeds"`
	MinArrivals int           `json:"min_arrivals" positive:"true" doc:"how many arrivals a slice of time needs to say whether it is normal, and how many are needed before the fault; 20 if left out"`
}

func (recoveryFile) Noun() string { return "recovery" }

// normal reads r, what it leaves out as in otherwise; false if it is left out as a whole.
func (b *builder) normal(r *recoveryFile, otherwise timeline.Normal) (timeline.Normal, bool) {
	out, any := otherwise, false
	ofLoad := []keyOf{{&r.Errors, "errors"}, {&r.P95, "p95"}, {&r.MinArrivals, "min_arrivals"}}
	for _, x := range ofLoad {
		if b.Set(x.ptr) {
			out.Probe = "" // another one's
		}
	}
	if at, set := b.Find(&r.Probe); set {
		out.Probe, any = r.Probe, true
		b.recoveryProbe(r.Probe, at)
		for _, x := range ofLoad {
			if n, ok := b.Find(x.ptr); ok {
				b.Failf(n.Span, "remove it, or probe",
					"%s is of the load, and a probe is asked in its place", x.key)
			}
		}
	}
	for _, x := range []struct {
		text  *string
		key   string
		to    *timeline.Limit
		parse func(string) (float64, error)
		hint  string
	}{
		{
			&r.Errors, "errors", &out.Errors, quantity.ParseFraction,
			"write +1% for so much more than before the fault, 2x for a multiple of it, or 5% for a " +
				"limit of its own",
		},
		{&r.P95, "p95", &out.P95, func(s string) (float64, error) {
			d, err := quantity.ParseDuration(s)
			return float64(d), err
		}, "write 2x + 10ms for a multiple of that before the fault and some on top, +50ms, or " +
			"200ms for a limit of its own"},
	} {
		if !b.Set(x.text) {
			continue
		}
		any = true
		l, err := parseLimit(*x.text, x.parse)
		if err != nil {
			b.Failf(b.Where(x.text, b.root).Span, x.hint, "%s: %v", x.key, err)
			continue
		}
		*x.to = l
	}
	if b.Set(&r.Stable) {
		out.Stable, any = r.Stable, true
	}
	if b.Set(&r.MinArrivals) {
		out.MinArrivals, any = uint64(r.MinArrivals), true
	}
	return out, any
}

// recoveryProbe checks that there is a probe of a name.
func (b *builder) recoveryProbe(name string, at *strictyaml.Node) {
	var names []string
	for i := range b.file.Observe.Probes {
		names = append(names, b.file.Observe.Probes[i].Name)
	}
	if name == "" || slices.Contains(names, name) {
		return
	}
	hint := suggest.Hint(name, "probe", names)
	if len(names) == 0 {
		hint = "probes stand under observe: { probes: [...] }"
	}
	b.Failf(at.Span, hint, "there is no probe %q", strictyaml.Shorten(name))
}

// parseLimit reads a bound such as +1%, 2x + 10ms or 200ms.
func parseLimit(s string, parse func(string) (float64, error)) (timeline.Limit, error) {
	var l timeline.Limit
	rest := strings.TrimSpace(s)
	if on, ok := strings.CutPrefix(rest, "+"); ok { // on top of what was before
		l.Factor, rest = 1, on
	} else if factor, more, ok := strings.Cut(rest, "x"); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(factor), 64)
		if err != nil || n < 0 || n > 1e6 {
			return l, fmt.Errorf("expected a number of 0 or more before the x, found %q", strictyaml.Shorten(factor))
		}
		l.Factor = n
		more = strings.TrimSpace(more)
		if more == "" {
			return l, nil
		}
		if rest, ok = strings.CutPrefix(more, "+"); !ok {
			return l, fmt.Errorf("expected + after the x, or nothing, found %q", strictyaml.Shorten(more))
		}
	}
	n, err := parse(strings.TrimSpace(rest))
	if err != nil {
		return l, err
	}
	l.Plus = n
	return l, nil
}

// recovery is what counts as normal after faults: nil if it is the default, and after
// those of a name that have their own.
func (b *builder) recovery() (run *timeline.Normal, of map[string]timeline.Normal) {
	normal, set := b.normal(&b.file.Recovery, timeline.DefaultNormal())
	if set {
		run = &normal
	}
	for i := range b.file.Chaos {
		f := &b.file.Chaos[i]
		if own, set := b.normal(&f.Recovery, normal); set {
			if of == nil {
				of = map[string]timeline.Normal{}
			}
			of[f.Name] = own
		}
	}
	return run, of
}
