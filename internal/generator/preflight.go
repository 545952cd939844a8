package generator

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

const (
	// besides is how many file descriptors are needed beside those of requests:
	// the run's own files, the engine of containers, look-ups of names.
	besides = 64
	// timeWait is how long a port is taken after its connection was closed.
	timeWait = 60 * time.Second
)

// PreflightWarnings says which limits are too low for a plan with so many services, and what to do,
// in lines for people; nil if none is. They are not part of a printed plan, as they depend on the
// machine.
func PreflightWarnings(l Limits, p *attack.Plan, services int) []string {
	var out []string
	multiplexed := p.Protocol == "http2" || p.Protocol == "h2c"
	if need := uint64(max(p.MaxInFlight, 0)) + besides + uint64(services); l.Files > 0 &&
		l.Files < need &&
		!multiplexed {
		line := fmt.Sprintf(
			"at most %s files may be open (ulimit -n), and %s requests in flight need about %s: ",
			quantity.FormatWhole(l.Files),
			quantity.FormatWhole(uint64(p.MaxInFlight)),
			quantity.FormatWhole(need),
		)
		if room := l.Files - min(l.Files, besides+uint64(services)); room > 0 {
			line += fmt.Sprintf(
				"raise it with ulimit -n %d, or set max_in_flight to %d or less",
				roundUp(need),
				room,
			)
		} else {
			line += fmt.Sprintf("raise it with ulimit -n %d", roundUp(need))
		}
		out = append(out, line)
	}
	if p.Connections.NoKeepAlive && p.Connections.Unix == "" && l.Ports > 0 {
		if most := mostConnections(p); most > float64(l.Ports) {
			out = append(
				out,
				fmt.Sprintf(
					"without keepalive the load opens up to %s connections within %d s, and "+
						"there are %s local ports, each of which can "+
						"be taken for that long after its connection was closed: keep "+
						"connections alive, lower the rate, or widen net.ipv4.ip_local_port_range",
					quantity.FormatWhole(uint64(most)),
					int(timeWait.Seconds()),
					quantity.FormatWhole(l.Ports),
				),
			)
		}
	}
	return out
}

// mostConnections is the greatest number of requests that a rate makes due
// within timeWait. What users of closed stages will ask for is not known, and not
// counted.
func mostConnections(p *attack.Plan) float64 {
	each := 1.0 // requests an arrival
	if len(p.Flows) > 0 {
		steps, weights := 0.0, 0.0
		for _, f := range p.Flows {
			steps += f.Weight * float64(len(f.Steps))
			weights += f.Weight
		}
		for _, r := range p.Requests {
			steps += r.Weight
			weights += r.Weight
		}
		if weights > 0 {
			each = steps / weights
		}
	}
	// How many are due up to each instant, at the stages' ends and, so that no
	// peak within a stage is missed, in steps of it.
	const steps = 60
	upTo := func(at time.Duration) float64 {
		sum := 0.0
		for _, s := range p.Stages {
			open, ok := s.Shape.(arrivals.OpenShape)
			if ok && at > 0 {
				sum += open.Expected(min(at, s.For), s.For)
			}
			at -= s.For
		}
		return sum
	}
	most := 0.0
	var from time.Duration
	for _, s := range p.Stages {
		for i := range steps {
			end := from + time.Duration(float64(s.For)*float64(i+1)/steps)
			most = max(most, upTo(end)-upTo(end-timeWait))
		}
		from += s.For
	}
	return math.Round(most * each)
}

// roundUp returns the power of two that is at least n, which is what people set.
func roundUp(n uint64) uint64 {
	p := uint64(1024)
	for p < n {
		p *= 2
	}
	return p
}
