package timeline

import "time"

// Phase is a part of a call whose time is measured apart: a row of Phases.
type Phase int

// The phases. A new one is a line here, its row in Phases, and the line that measures it:
// see docs/develop/measured-phase.md.
const (
	Connect   Phase = iota // opening a connection
	Handshake              // of its TLS

	phaseCount
)

// PhaseTimes say how long each phase of one call took, by Phase; 0 for one that it did not
// have.
type PhaseTimes [phaseCount]time.Duration

// MeasuredPhase is an entry of the registry of phases.
type MeasuredPhase struct {
	// Name stands in recordings, in summary.json, and before its metrics: connect.p99. It is
	// never changed, as recordings are read by it.
	Name  string
	Doc   string // "time to …, of those that …"
	Label string // for people, where space is short
	// Counted is what the number of calls that had it is the number of.
	Counted string
	// More is what to do where too few had it for a percentile.
	More string
}

// Phases is the registry of the measured phases, by Phase. Of a call that has no such phase,
// as its connection was open already, it is not counted.
func Phases() [phaseCount]MeasuredPhase {
	// Kept alive, few connections are opened however many requests are sent.
	const openMore = "open more (connections: { keepalive: false }), " +
		"or ask for a lower percentile, or the max"
	return [phaseCount]MeasuredPhase{
		Connect: {
			Name: "connect", Doc: "time to open a connection, without TLS, of those that opened one",
			Counted: "connections that were opened", Label: "connect", More: openMore,
		},
		Handshake: {
			Name: "handshake", Doc: "time of the TLS handshake, of those that made one",
			Counted: "TLS handshakes that were made", Label: "TLS handshake", More: openMore,
		},
	}
}
