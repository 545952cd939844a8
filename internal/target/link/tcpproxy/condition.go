package tcpproxy

import (
	"context"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/roundtrip"
)

// effect is a network condition that a proxy can do.
type effect struct {
	name string // of the fault
	// add puts the condition on top of an impairment.
	add func(s *Impairment, c chaos.NetCondition)
	// proof shows that it acts, while all of s is in force.
	proof func(c chaos.NetCondition, s Impairment) roundtrip.Proof
}

// effects lists what a proxy can do: a row for each network fault.
func effects() []effect {
	return []effect{
		{
			name: "latency",
			add: func(s *Impairment, c chaos.NetCondition) {
				s.Delay += c.Latency.Delay
				s.Jitter += c.Latency.Jitter
			},
			proof: func(c chaos.NetCondition, s Impairment) roundtrip.Proof {
				return roundtrip.Grown(c.Latency.Delay, s.Jitter)
			},
		},
	}
}

// Conditions names the network conditions that a proxy can do.
func Conditions() []string {
	var names []string
	for _, e := range effects() {
		names = append(names, e.name)
	}
	return names
}

// Under returns the impairment with a condition on top of it.
func (s Impairment) Under(c chaos.NetCondition) Impairment {
	for _, e := range effects() {
		e.add(&s, c)
	}
	return s
}

// Put puts traffic under a condition by calling act. It measures through the proxy that the
// condition acts, and returns what it measured. impairment is all that is in force then.
func Put(
	ctx context.Context, round roundtrip.Round, c chaos.NetCondition, impairment Impairment, act func() error,
) (evidence string, err error) {
	if err := c.Only(Conditions()); err != nil {
		return "", err
	}
	var proofs []roundtrip.Proof
	for _, e := range effects() {
		for _, name := range c.Names() {
			if name == e.name {
				proofs = append(proofs, e.proof(c, impairment))
			}
		}
	}
	return roundtrip.Prove(ctx, round, act, proofs...)
}

// Slowest is how long a round trip through the impairment can take on top of what it takes
// anyway.
func (s Impairment) Slowest() time.Duration { return s.Delay + s.Jitter }
