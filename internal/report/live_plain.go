package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// plainLines is the live status for logs: a line every five seconds of load,
// and at each change of phase and stage; notes stand below these.
type plainLines struct {
	out   io.Writer
	phase string
	stage string
	next  time.Duration
	notes []string        // as they were last printed
	last  []string        // as they last were
	fails map[string]bool // rules that were said to fail
}

func newPlainLines(out io.Writer) *plainLines {
	return &plainLines{out: out, next: lineEvery, fails: map[string]bool{}}
}

func (p *plainLines) print(line string) { fmt.Fprintln(p.out, line) }

func (p *plainLines) show(s LiveState) {
	if s.Phase != p.phase && s.Phase != "" {
		p.note(p.last)
		p.print(plain(s.Phase))
	}
	p.phase, p.last = s.Phase, s.Notes
	if s.Phase != "" {
		return
	}
	if s.Stage != p.stage && s.Stage != "" {
		load := rate(s.StageRate)
		switch {
		case s.Closed:
			load = users(s.Users) + " (closed)"
		case s.Replayed == 1:
			load = "replay of 1 arrival"
		case s.Replayed > 0:
			load = "replay of " + quantity.FormatWhole(uint64(s.Replayed)) + " arrivals"
		}
		p.print(fmt.Sprintf("%s  stage %s, %s", clockTenths(s.Elapsed), plain(s.Stage), load))
	}
	p.stage = s.Stage
	if s.Elapsed >= p.next {
		p.next = s.Elapsed.Truncate(lineEvery) + lineEvery
		p.print(statusLine(&s))
		p.rules(s.Rules)
		p.note(s.Notes)
	}
}

// rules prints what has changed about rules that fail.
func (p *plainLines) rules(rules []LiveRule) {
	for i := range rules {
		r := &rules[i]
		if r.fails() == p.fails[r.Rule] {
			continue
		}
		p.fails[r.Rule] = r.fails()
		how := "holds again so far"
		switch {
		case r.fails():
			how = "fails so far"
		case r.Outcome == verdict.Inconclusive:
			how = "is open again"
		}
		line := fmt.Sprintf("      rule %s: %s", how, plain(r.Rule))
		if r.Observed != "" {
			line += ", observed " + plain(r.Observed)
		}
		p.print(line)
	}
}

// note prints the notes that were not there the last time. It is called only
// beside other lines: a note may hold a count that grows with every poll.
func (p *plainLines) note(notes []string) {
	for _, n := range notes {
		if !slices.Contains(p.notes, n) {
			p.print("      note: " + plain(n))
		}
	}
	p.notes = slices.Clone(notes)
}

func (p *plainLines) close() {}

func statusLine(s *LiveState) string {
	var b strings.Builder
	// The figures of the last second belong to the stage that it began in.
	stage, answers := s.Stage, "no answers yet"
	if s.Last != nil {
		stage, answers = s.Last.Stage, rate(s.Last.Answered)+" "+s.Last.asked()
	}
	fmt.Fprintf(
		&b,
		"%s of %s  %s  %s  p50 %s  p95 %s  p99 %s  errors %s, %s now  in flight %d",
		clock(s.Elapsed),
		clock(s.Total),
		plain(stage),
		answers,
		offset(s.P50),
		offset(s.P95),
		offset(s.P99),
		quantity.FormatWhole(s.Errors),
		quantity.FormatFraction(s.ErrorRate),
		s.InFlight,
	)
	if s.Queued > 0 {
		fmt.Fprintf(&b, "  queued %d", s.Queued)
	}
	for _, f := range s.Faults {
		if f.active() {
			fmt.Fprintf(&b, "  %s %s", plain(f.Name), f.State)
		}
	}
	return b.String()
}
