package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// generatorLine says how the generator itself did, empty if nothing is known.
func generatorLine(g *verdict.Generator) string {
	if g == nil {
		return ""
	}
	var parts []string
	u := &g.Usage
	if u.Samples > 0 {
		parts = append(
			parts,
			fmt.Sprintf(
				"CPU %s mean, %s max of %s",
				quantity.FormatPercent(u.CPU.Mean),
				quantity.FormatPercent(u.CPU.Max),
				cores(u.Cores),
			),
		)
	}
	if g.Late.P99 != nil {
		parts = append(parts, "lateness p99 "+offset(g.Late.P99))
	}
	if g.Late.P99 != nil && g.Budget > 0 && *g.Late.P99 > g.Budget ||
		g.Longest > max(g.Budget, time.Millisecond) {
		parts = append(
			parts,
			plural(
				g.Delayed,
				"arrival",
				"arrivals",
			)+" held up by it, so that their times may be too high",
		)
	}
	if g.Longest > 0 {
		parts = append(
			parts,
			fmt.Sprintf(
				"stood still for %s in all, %s at the longest",
				quantity.FormatDuration(g.Standstill),
				quantity.FormatDuration(g.Longest),
			),
		)
	}
	if u.Samples > 0 {
		parts = append(parts, "GC pauses max "+quantity.FormatDuration(u.GCPause))
	}
	switch {
	case u.Files > 0 && u.MaxFiles > 0:
		open := quantity.FormatWhole(min(u.Files, u.MaxFiles))
		parts = append(parts, open+" of "+quantity.FormatWhole(u.MaxFiles)+" files")
	case u.Files > 0:
		parts = append(parts, plural(u.Files, "file", "files"))
	}
	if u.MaxPorts > 0 {
		parts = append(
			parts,
			"at most "+quantity.FormatPercent(float64(u.Ports)/float64(u.MaxPorts))+" of ports",
		)
	}
	if g.Local > 0 {
		parts = append(parts, plural(g.Local, "arrival", "arrivals")+" failed on its own machine")
	}
	if len(parts) == 0 {
		return ""
	}
	return "generator: " + strings.Join(parts, "; ")
}

func cores(n float64) string {
	if n == 1 {
		return "1 core"
	}
	return quantity.FormatCount(n) + " cores"
}

// scarce is the share of files or ports in use from which on the live status warns.
const scarce = 0.90

// GeneratorNotes are the live status's warnings about resources that the generator has nearly used
// up.
func GeneratorNotes(s *timeline.UsageWindow) []string {
	var out []string
	if s.CPU >= timeline.Saturated {
		out = append(
			out,
			fmt.Sprintf(
				"the generator uses %s of its CPU (%s): response times may be its own doing",
				quantity.FormatPercent(s.CPU),
				cores(s.Cores),
			),
		)
	}
	if s.MaxFiles > 0 && float64(s.Files) >= scarce*float64(s.MaxFiles) {
		out = append(
			out,
			fmt.Sprintf(
				"the generator has %s of %s files open: raise ulimit -n or lower max_in_flight",
				quantity.FormatWhole(min(s.Files, s.MaxFiles)),
				quantity.FormatWhole(s.MaxFiles),
			),
		)
	}
	if s.MaxPorts > 0 && float64(s.Ports) >= scarce*float64(s.MaxPorts) {
		out = append(
			out,
			fmt.Sprintf(
				"this machine has %s TCP sockets, open or in TIME_WAIT, and %s local ports: new "+
					"connections may find none free",
				quantity.FormatWhole(s.Ports),
				quantity.FormatWhole(s.MaxPorts),
			),
		)
	}
	return out
}

// generatorSummary is how the generator did over the judged stages. Shares are
// of what it may use: cpu and gc of cores, others and steal of the CPUs in its
// affinity mask. What its system does not tell is 0.
type generatorSummary struct {
	Lateness   verdict.Latency `json:"lateness"`
	LateBudget time.Duration   `json:"late_budget"`
	Delayed    uint64          `json:"delayed"`            // arrivals that it held up
	Standstill time.Duration   `json:"standstill"`         // for how long it did not run at all
	Longest    time.Duration   `json:"standstill_longest"` // at a time
	// Arrivals that failed on the generator's own machine.
	Local      uint64         `json:"local_errors"`
	Samples    uint64         `json:"samples"`
	Cores      float64        `json:"cores"`
	CPU        timeline.Share `json:"cpu"`
	Saturated  float64        `json:"saturated"` // share of the time in which cpu was 0.95 or more
	CPUs       float64        `json:"cpus"`
	Others     timeline.Share `json:"others"` // other processes, and interrupts
	Steal      timeline.Share `json:"steal"`  // taken by the hypervisor
	GC         timeline.Share `json:"gc"`
	GCPauseMax time.Duration  `json:"gc_pause_max"`
	// How long goroutines waited for a core: the p99 of the worst second.
	RunQueue  time.Duration `json:"run_queue_p99_max"`
	Files     limited       `json:"files"`
	Ports     limited       `json:"ports"`
	MemoryMax uint64        `json:"memory_max"` // resident, bytes
}

type limited struct {
	Max   uint64 `json:"max"`
	Limit uint64 `json:"limit"` // 0: not known, or none
}

func newGenerator(g *verdict.Generator) *generatorSummary {
	if g == nil {
		return nil
	}
	u := &g.Usage
	s := &generatorSummary{
		Lateness: g.Late, LateBudget: g.Budget, Local: g.Local, Delayed: g.Delayed, Standstill: g.Standstill, Longest: g.Longest, Samples: u.Samples, Cores: u.Cores, CPU: u.CPU,
		CPUs: u.CPUs, Others: u.Others, Steal: u.Steal, GC: u.GC, GCPauseMax: u.GCPause, RunQueue: u.RunQueue,
		Files: limited{
			u.Files,
			u.MaxFiles,
		}, Ports: limited{u.Ports, u.MaxPorts}, MemoryMax: u.Memory,
	}
	if u.Time > 0 {
		s.Saturated = float64(u.Full) / float64(u.Time)
	}
	return s
}
