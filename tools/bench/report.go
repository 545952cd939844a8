package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

type key struct {
	tool string
	rate int
}

// sitting is all that was measured in one go.
type sitting struct {
	Rounds                int
	Each                  time.Duration
	Loads                 []int
	Tools                 []tool
	Machine, Server, Date string

	runs  map[key][]outcome
	spent map[key]bool // not repeated, as it used up the local ports
}

// held is the share of the rate below which it counts as not held.
const held = 0.995

// disturbed is the share of the cores from which on others' work is said to
// have got into the figures.
const disturbed = 0.05

// good are the runs that have figures.
func (s *sitting) good(tool string, rate int) []outcome {
	return slices.DeleteFunc(slices.Clone(s.runs[key{tool, rate}]), func(o outcome) bool { return o.Err != "" })
}

func median[T cmp.Ordered](of []outcome, f func(outcome) T) T {
	v := make([]T, len(of))
	for i, o := range of {
		v[i] = f(o)
	}
	return middle(v)
}

// middle is the median; the lower of two in the middle, as times cannot flatter
// anyone by a value that nobody measured.
func middle[T cmp.Ordered](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[(len(v)-1)/2]
}

// ratio is the median of tool over base, round by round: what slowed a whole
// round down is in both. 0 if no round has both.
func (s *sitting) ratio(tool, base string, rate int, f func(outcome) float64) float64 {
	a, b := s.runs[key{tool, rate}], s.runs[key{base, rate}]
	var v []float64
	for i := range min(len(a), len(b)) {
		if a[i].Err == "" && b[i].Err == "" && f(b[i]) > 0 {
			v = append(v, f(a[i])/f(b[i]))
		}
	}
	if len(v) == 0 {
		return 0
	}
	return middle(v)
}

func doubted(of []outcome) (n int) {
	for _, o := range of {
		if o.Doubt != "" {
			n++
		}
	}
	return n
}

func rateOf(o outcome) float64 { return o.Rate }
func p50Of(o outcome) float64  { return float64(o.P50) }
func p99Of(o outcome) float64  { return float64(o.P99) }

// cpuOfAnswer is CPU per good answer: a tool that sends less must not look cheap.
func cpuOfAnswer(o outcome) float64 { return o.CPU.Seconds() / float64(max(o.OK, 1)) }

func (s *sitting) markdown() []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	base := s.Tools[0].Name

	p("# Performance\n")
	p("Written by `make bench` on %s; not by hand. ordeal beside its peers in one sitting: same server, same pinning, interleaved.", s.Date)
	p("Quote the ratios, not the absolute figures: those belong to the machine.\n")

	p("## How it was measured\n")
	p("- Machine: %s.", s.Machine)
	p("- Server: %s, one worker on core %d, keep-alive, a body of 3 bytes, on the loopback.", s.Server, serverCore)
	p("- Generators: alone on core %d, one after the other; %d rounds of %s each; another tool goes first in each round. No warm-up: connecting is in the figures of all.",
		generatorCore, s.Rounds, s.Each)
	p("- Each run waits until at most half of the local ports are still held by closed connections of the runs before.")
	p("- Rate, p50 and p99 are what each tool reports itself, as medians over the rounds. They do not mean the same: ordeal's response times run from the")
	p("  moment a request was *due*, those of vegeta, hey and k6 from when it was sent, those of a closed loop from when the connection was free again.")
	p("- Rate: good answers per second until the last one came. held: at least %.1f %% of what was asked.", 100*held)
	p("- CPU: user and system time as the kernel counts it, start-up included; CPU/answer is comparable where a tool sent less than asked. RSS: the peak.")
	p("- Ratios (×): to %s, round by round, median. Above 1 is better for rates, worse for the rest.", base)
	var others []float64
	for _, v := range s.runs {
		for _, o := range v {
			if o.Err == "" {
				others = append(others, o.Others)
			}
		}
	}
	if len(others) > 0 {
		m, worst := middle(others), slices.Max(others)
		p("- Other processes, and what a hypervisor took, used %.1f %% of the two cores in the median run and %.1f %% in the worst.", 100*m, 100*worst)
		if m > disturbed {
			p("\n**This sitting was disturbed**: others worked on the same cores. Latencies, p99 above all, hold the time spent waiting for them. Measure again on a quiet machine before quoting anything.")
		}
	}
	p("")
	p("| tool | version | how |\n|---|---|---|")
	for _, t := range s.Tools {
		p("| %s | %s | %s |", t.Name, cmp.Or(t.Version, "–"), cmp.Or(t.Missing, t.How))
	}

	for _, rate := range s.Loads {
		if rate == 0 {
			p("\n## Peak: closed loop, %d connections\n", connections)
		} else {
			p("\n## Open loop: %s/s\n", thousands(int64(rate)))
		}
		p("| tool | rate | held | p50 | p99 | failed | CPU | CPU/answer | RSS | × rate | × p50 | × p99 | × CPU/answer |")
		p("|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
		var notes []string
		for _, t := range s.Tools {
			if why := t.why(rate); why != "" {
				p("| %s |%s", t.Name, strings.Repeat(" |", 12))
				notes = append(notes, fmt.Sprintf("- %s: %s.", t.Name, why))
				continue
			}
			good, all := s.good(t.Name, rate), s.runs[key{t.Name, rate}]
			if n := len(all) - len(good); n > 0 {
				i := slices.IndexFunc(all, func(o outcome) bool { return o.Err != "" })
				notes = append(notes, fmt.Sprintf("- %s: %d of %d rounds gave no figures: %s.", t.Name, n, len(all), all[i].Err))
			}
			if s.spent[key{t.Name, rate}] {
				notes = append(notes, fmt.Sprintf("- %s: used up the local ports, for which all others have to wait a minute; measured %d of %d times for that.", t.Name, len(all), s.Rounds))
			}
			if n := doubted(good); n > 0 {
				notes = append(notes, fmt.Sprintf("- %s: %d of %d rounds %s.", t.Name, n, len(all), good[slices.IndexFunc(good, func(o outcome) bool { return o.Doubt != "" })].Doubt))
			}
			if len(good) == 0 {
				p("| %s |%s", t.Name, strings.Repeat(" |", 12))
				continue
			}
			r := median(good, rateOf)
			p("| %s | %s/s | %s | %s | %s | %s | %s | %s | %d MiB | %s | %s | %s | %s |", t.Name, thousands(int64(r)), keeps(r, rate),
				short(median(good, func(o outcome) time.Duration { return o.P50 })), short(median(good, func(o outcome) time.Duration { return o.P99 })),
				thousands(median(good, func(o outcome) int64 { return o.Failed })),
				short(median(good, func(o outcome) time.Duration { return o.CPU })),
				short(time.Duration(median(good, cpuOfAnswer)*float64(time.Second))),
				median(good, func(o outcome) int64 { return o.RSS })>>20,
				times(s.ratio(t.Name, base, rate, rateOf)), times(s.ratio(t.Name, base, rate, p50Of)),
				times(s.ratio(t.Name, base, rate, p99Of)), times(s.ratio(t.Name, base, rate, cpuOfAnswer)))
		}
		if len(notes) > 0 {
			p("\n%s", strings.Join(notes, "\n"))
		}
	}
	s.reading(p)
	s.rounds(p)
	return b.Bytes()
}

// reading holds the medians against the goals, and says what cannot be said.
func (s *sitting) reading(p func(string, ...any)) {
	subject := s.Tools[0].Name
	p("\n## Where ordeal stands\n")
	p("| goal | measured | reached |\n|---|---|---|")
	peak := "not measured: ordeal has no closed loop yet"
	p("| peak ≥ 0.85 × wrk, ≥ 4 × vegeta, ≥ 9 × k6 | %s | – |", peak)
	for _, rate := range []int{5000, 20000, 50000, 100000} {
		goal := fmt.Sprintf("%s/s: ≥ %.1f %% of the rate", thousands(int64(rate)), 100*held)
		good := s.good(subject, rate)
		if len(good) == 0 {
			why := "not measured; RATES adds it"
			if slices.Contains(s.Loads, rate) {
				why = "no round gave figures"
			}
			p("| %s | %s | – |", goal, why)
			continue
		}
		r := median(good, rateOf)
		p("| %s | %.1f %% | %s |", goal, 100*r/float64(rate), keeps(r, rate))
	}
	p("| p50 ≤ 0.2 × and p99 ≤ 1 × wrk2 | not measured: wrk2 is missing | – |")
	goal := "20,000/s: at most half the CPU of vegeta, for each answer"
	if x := s.ratio("vegeta", subject, 20000, cpuOfAnswer); x > 0 {
		reached := "no"
		if 1/x <= 0.5 {
			reached = "yes"
		}
		p("| %s | %.2f × | %s |", goal, 1/x, reached)
	} else {
		p("| %s | not measured | – |", goal)
	}
	p(`
What falls short, and why, as far as it is known:

- On one core the precise pacer is off: a thread asleep in the kernel would hold the only processor of the Go runtime (GOMAXPROCS=1). Go's timers then wake up to 1 ms late,
  and since ordeal counts from the moment a request was due, half of that is in its p50 at low rates. The peers' p50 begins when they send, so a late wake-up is not in it: they
  are not faster, they look away. With two or more cores the pacer is on.
- At rates near what one core can do, the same holds for backlog: ordeal's response times show it, service times (done − sent, in its reports) do not.

What is missing here: the closed loop; wrk2; TLS, HTTP/2 and larger bodies; memory over millions of requests; a known distribution of answers; the stall test, which the tests of
the attack engine hold.`)
}

// rounds lists every run, so that medians can be doubted.
func (s *sitting) rounds(p func(string, ...any)) {
	p("\n## Every round\n")
	p("others: share of the two cores that other processes used meanwhile.\n")
	p("| load | tool | round | rate | p50 | p99 | failed | CPU | RSS | others |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, rate := range s.Loads {
		for _, t := range s.Tools {
			for i, o := range s.runs[key{t.Name, rate}] {
				if o.Err != "" {
					p("| %s | %s | %d | %s | | | | | | |", load(rate), t.Name, i+1, o.Err)
					continue
				}
				p("| %s | %s | %d | %s/s | %s | %s | %s | %s | %d MiB | %.1f %% |", load(rate), t.Name, i+1, thousands(int64(o.Rate)),
					short(o.P50), short(o.P99), thousands(o.Failed), short(o.CPU), o.RSS>>20, 100*o.Others)
			}
		}
	}
}

func keeps(r float64, rate int) string {
	switch {
	case rate == 0:
		return ""
	case r >= held*float64(rate):
		return "yes"
	}
	return "no"
}

func times(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", x)
}

// short is a duration with three digits.
func short(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}} {
		if v := float64(d) / float64(u.unit); v >= 0.9995 {
			return fmt.Sprintf("%.3g %s", v, u.name)
		}
	}
	return fmt.Sprintf("%.3g µs", float64(d)/float64(time.Microsecond))
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// machine describes the machine, without its name.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	model := "CPU unknown"
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(cpu)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			model = strings.TrimSpace(v)
			break
		}
	}
	return fmt.Sprintf("%d cores, %s, %s %s, %s", runtime.NumCPU(), model, runtime.GOOS, strings.TrimSpace(string(kernel)), runtime.Version())
}
