package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed performance.md.tmpl
var reportText string

// The prose of the report is in performance.md.tmpl, the figures come from here.
var reportTemplate = template.Must(template.New("performance.md").Funcs(template.FuncMap{
	"percent":   func(x float64) string { return fmt.Sprintf("%.1f", 100*x) },
	"thousands": func(n int) string { return thousands(int64(n)) },
	"listed":    func(v []string) string { return strings.Join(v, ", ") },
	"or":        func(a, b string) string { return cmp.Or(a, b) },
}).Parse(reportText))

// page is what the template is filled with.
type page struct {
	*sitting
	Goals               []goal
	Reached, Missed     int
	Between, Unknown    int // goals that are open, and not measured
	Short               []shortfall
	NotRun              []string // parts
	Others, OthersWorst float64  // share of the cores that others used: the median and the most
	Disturbed           bool
	Ratios              []string
}

func (s *sitting) markdown() ([]byte, error) {
	p := page{sitting: s, Goals: s.goals(), Ratios: s.ratios()}
	p.Short = shortfalls(p.Goals, s.Reasons)
	for _, g := range p.Goals {
		switch g.Reached {
		case yes:
			p.Reached++
		case no:
			p.Missed++
		case between:
			p.Between++
		case unknown:
			p.Unknown++
		}
	}
	p.NotRun = slices.DeleteFunc(partNames(), s.Chose)
	var others []float64
	for _, v := range s.runs {
		for _, o := range v {
			if o.Err == "" {
				others = append(others, o.Others)
			}
		}
	}
	if len(others) > 0 {
		p.Others, p.OthersWorst = middle(others), slices.Max(others)
		p.Disturbed = p.Others > disturbed
	}
	var b bytes.Buffer
	if err := reportTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// table is a Markdown table; columns whose title begins with > hold numbers.
type table struct {
	head  []string
	rows  [][]string
	notes []string // below it
}

// add adds a row; cells that are missing are empty.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, append(cells, make([]string, max(0, len(t.head)-len(cells)))...))
}

func (t *table) note(tool, format string, args ...any) {
	// What others say may end in a full stop already.
	t.notes = append(
		t.notes,
		strings.TrimSuffix(fmt.Sprintf("- "+tool+": "+format, args...), ".")+".",
	)
}

func (t *table) String() string {
	var b strings.Builder
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("|")
			if c != "" {
				b.WriteString(" " + strings.ReplaceAll(c, "|", `\|`))
			}
			b.WriteString(" ")
		}
		b.WriteString("|\n")
	}
	var names, rule []string
	for _, h := range t.head {
		name, right := strings.CutPrefix(h, ">")
		names = append(names, name)
		if right {
			rule = append(rule, "--:")
		} else {
			rule = append(rule, "---")
		}
	}
	line(names)
	line(rule)
	for _, r := range t.rows {
		line(r)
	}
	if len(t.notes) > 0 {
		b.WriteString("\n" + strings.Join(t.notes, "\n") + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// notesOn says what is to be said of the runs of a tool, besides figures.
func (t *table) notesOn(s *sitting, l load, tool, name string) {
	all := s.runs[key{l, tool}]
	good := s.good(l, tool)
	if n := len(all) - len(good); n > 0 {
		i := slices.IndexFunc(all, func(o outcome) bool { return o.Err != "" })
		t.note(name, "%d of %d rounds gave no figures: %s", n, len(all), all[i].Err)
	}
	doubted, doubt := 0, ""
	for _, o := range good {
		if o.Doubt != "" {
			doubted, doubt = doubted+1, cmp.Or(doubt, o.Doubt)
		}
	}
	if doubted > 0 {
		t.note(name, "%d of %d rounds %s", doubted, len(all), doubt)
	}
}

// Versions lists who took part.
func (s *sitting) Versions() *table {
	t := &table{head: []string{"tool", "version", "how"}}
	for _, x := range s.Tools {
		t.add(x.Name, cmp.Or(x.Version, "–"), cmp.Or(x.Missing, x.How))
	}
	return t
}

// GoalTable is where ordeal stands.
func (p page) GoalTable() *table {
	t := &table{head: []string{"goal", "measured", "reached"}}
	for _, g := range p.Goals {
		t.add(g.Text, g.Measured, string(g.Reached))
	}
	return t
}

// Peak is the table of the closed loop.
func (s *sitting) Peak() *table { return s.race(atPeak(s)) }

// Open are the tables of the open loop, by rate.
func (s *sitting) Open() (out []raceAt) {
	for _, r := range s.Rates {
		out = append(out, raceAt{r, s.race(atRate(s, r))})
	}
	return out
}

type raceAt struct {
	Rate  int
	Table *table
}

func (s *sitting) race(l load) *table {
	t := &table{
		head: []string{
			"tool",
			">rate",
			"held",
			">p50",
			">p99",
			">failed",
			">CPU",
			">CPU/answer",
			">RSS",
			">× rate",
			">× p50",
			">× p99",
			">× CPU/answer",
		},
	}
	base := s.Tools[0].Name
	for _, name := range racers {
		k := key{l, name}
		good := s.good(l, name)
		if len(good) > 0 {
			r := median(good, rateOf)
			t.add(
				name,
				thousands(int64(r))+"/s",
				keeps(r, l.Rate),
				short(median(good, func(o outcome) time.Duration { return o.P50 })),
				short(median(good, func(o outcome) time.Duration { return o.P99 })),
				thousands(median(good, func(o outcome) int64 { return o.Failed })),
				short(median(good, func(o outcome) time.Duration { return o.CPU })),
				short(time.Duration(median(good, cpuOfAnswer)*float64(time.Second))),
				fmt.Sprintf("%d MiB", median(good, func(o outcome) int64 { return o.RSS })>>20),
				times(s.ratio(l, name, base, rateOf)),
				times(s.ratio(l, name, base, p50Of)),
				times(s.ratio(l, name, base, p99Of)),
				times(s.ratio(l, name, base, cpuOfAnswer)),
			)
		} else {
			t.add(name)
		}
		switch why := s.tool(name).why(l); {
		case why != "":
			t.note(name, "%s", why)
		case s.skipped[k] != "":
			t.note(name, "%s", s.skipped[k])
		}
		t.notesOn(s, l, name, name)
	}
	return t
}

// Stall is the table of the stall test.
func (s *sitting) Stall() *table {
	t := &table{
		head: []string{
			"tool",
			"open at most",
			">p95",
			">p99",
			">served p95",
			">served p99",
			">requests",
			">failed",
		},
	}
	t.add(
		"truth",
		"",
		short(stallTruth.P95),
		short(stallTruth.P99),
		"",
		"",
		thousands(int64(stallRate*atStall(0).For.Seconds())),
		"0",
	)
	for _, name := range truthful {
		for _, v := range stallers {
			if !slices.Contains(v.tools, name) {
				continue
			}
			most := "no limit"
			if v.limit > 0 {
				most = thousands(int64(v.limit))
			}
			l := atStall(v.limit)
			if o, ok := s.one(l, name); ok {
				served := []string{"–", "–"}
				if o.Dealt.Max > 0 {
					served = []string{
						off(o.Dealt.P95, stallTruth.P95),
						off(o.Dealt.P99, stallTruth.P99),
					}
				}
				t.add(
					append(
						[]string{
							name,
							most,
							off(o.P95, stallTruth.P95),
							off(o.P99, stallTruth.P99),
						},
						append(served, thousands(o.Done), thousands(o.Failed))...)...)
			} else {
				t.add(name, most)
				t.note(name, "%s", s.whyNot(l, name))
			}
			t.notesOn(s, l, name, name+", "+most)
		}
	}
	return t
}

// Distribution is the table of the known distribution.
func (s *sitting) Distribution() *table {
	t := &table{head: []string{"tool"}}
	for _, q := range compared {
		t.head = append(t.head, ">"+q.name)
	}
	t.head = append(t.head, ">requests", "right")
	l := atKnown()
	for _, name := range truthful {
		o, ok := s.one(l, name)
		if !ok {
			t.add(name)
			t.note(name, "%s", s.whyNot(l, name))
			continue
		}
		row := []string{name}
		for _, q := range compared {
			got, truth := q.of(o.quantiles), q.of(o.Dealt)
			switch {
			case got == 0:
				row = append(row, "–")
			case right(got, truth):
				row = append(row, fmt.Sprintf("%s (%s)", short(got), apart(got, truth)))
			default:
				row = append(row, fmt.Sprintf("%s (**%s**)", short(got), apart(got, truth)))
			}
		}
		_, all := o.errors()
		t.add(append(row, thousands(o.Done), string(either(all)))...)
		t.notesOn(s, l, name, name)
	}
	return t
}

// Overload is the table of servers that cannot or will not.
func (s *sitting) Overload() *table {
	t := &table{
		head: []string{
			"server",
			"tool",
			">answers",
			">of asked",
			">failed",
			">CPU",
			">per CPU second",
			">RSS",
			">× per CPU second",
		},
	}
	base := s.Tools[0].Name
	for _, from := range []string{slowManner, busyManner, refusesManner} {
		for _, name := range survivors {
			l := against(s, from)
			o, ok := s.one(l, name)
			if !ok {
				t.add(from, name)
				t.note(name, "%s: %s", from, s.whyNot(l, name))
				continue
			}
			t.add(
				from,
				name,
				thousands(int64(o.Rate))+"/s",
				fmt.Sprintf("%.0f %%", 100*float64(o.OK)/(float64(l.Rate)*l.For.Seconds())),
				thousands(o.Failed),
				short(o.CPU),
				thousands(int64(perCPU(o))),
				fmt.Sprintf("%d MiB", o.RSS>>20),
				times(s.ratio(l, name, base, perCPU)),
			)
			t.notesOn(s, l, name, name+", "+from)
		}
	}
	return t
}

// Memory is the table of the two long runs.
func (s *sitting) Memory() *table {
	t := &table{head: []string{"run", "tool", ">requests", ">rate", ">failed", ">RSS"}}
	name := s.Tools[0].Name
	for _, d := range []time.Duration{aMillion, tenMillions} {
		l := atMemory(d)
		n := d.String()
		if o, ok := s.one(l, name); ok {
			t.add(
				n,
				name,
				thousands(o.OK),
				thousands(int64(o.Rate))+"/s",
				thousands(o.Failed),
				fmt.Sprintf("%.1f MiB", float64(o.RSS)/(1<<20)),
			)
		} else {
			t.add(n, name)
			t.note(name, "%s", s.whyNot(l, name))
		}
		t.notesOn(s, l, name, name+", "+n)
	}
	return t
}

// MicroTable are the Go benchmarks.
func (s *sitting) MicroTable() *table {
	t := &table{head: []string{"package", "benchmark", ">per operation", ">bytes", ">allocations"}}
	for _, b := range s.Micro {
		allocs := "–"
		if b.AllocsPerOp >= 0 {
			allocs = thousands(b.AllocsPerOp)
		}
		t.add(b.Package, b.Name, perOp(b.NsPerOp), thousands(b.BytesPerOp), allocs)
	}
	if len(s.Micro) == 0 {
		t.notes = append(t.notes, "- No benchmark gave figures.")
	}
	if s.MicroErr != "" {
		t.notes = append(t.notes, "- Not all of them ran: "+s.MicroErr+".")
	}
	return t
}

// ratios are sentences to quote, of what was measured.
func (s *sitting) ratios() (out []string) {
	base := s.Tools[0].Name
	beside := func(l load, f func(outcome) float64, tools []string) string {
		var v []string
		for _, p := range tools {
			if ours(p) {
				continue
			}
			if x := s.ratio(l, base, p, f); x > 0 {
				v = append(v, fmt.Sprintf("%.2g × %s", x, p))
			}
		}
		return strings.Join(v, ", ")
	}
	if text := beside(atPeak(s), rateOf, racers); text != "" {
		out = append(
			out,
			fmt.Sprintf("Requests per second at the peak, %d connections: %s.", connections, text),
		)
	}
	for _, r := range s.Rates {
		if text := beside(atRate(s, r), cpuOfAnswer, racers); text != "" {
			out = append(
				out,
				fmt.Sprintf("CPU for each answer at %s/s: %s.", thousands(int64(r)), text),
			)
		}
	}
	for _, from := range []string{slowManner, busyManner, refusesManner} {
		if text := beside(against(s, from), perCPU, survivors); text != "" {
			out = append(
				out,
				fmt.Sprintf(
					"Requests per CPU second, %s/s asked of a server that is %s: %s.",
					thousands(overloadRate),
					manners[from].is,
					text,
				),
			)
		}
	}
	return out
}

// EveryRound lists every run, so that medians can be doubted.
func (s *sitting) EveryRound() *table {
	t := &table{
		head: []string{
			"part",
			"load",
			"tool",
			">round",
			">rate",
			">p50",
			">p99",
			">failed",
			">CPU",
			">RSS",
			">others",
		},
	}
	for _, p := range catalog {
		for _, l := range p.loads(s) {
			for _, name := range p.tools(l) {
				for i, o := range s.runs[key{l, name}] {
					if o.Err != "" {
						t.add(p.name, l.String(), name, fmt.Sprint(i+1), o.Err)
						continue
					}
					t.add(
						p.name,
						l.String(),
						name,
						fmt.Sprint(i+1),
						thousands(int64(o.Rate))+"/s",
						short(o.P50),
						short(o.P99),
						thousands(o.Failed),
						short(o.CPU),
						fmt.Sprintf("%d MiB", o.RSS>>20),
						fmt.Sprintf("%.1f %%", 100*o.Others),
					)
				}
			}
		}
	}
	return t
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

// perOp is a time in nanoseconds, which may be less than one.
func perOp(ns float64) string {
	if ns < 1000 {
		return fmt.Sprintf("%.3g ns", ns)
	}
	return short(time.Duration(ns))
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
	return fmt.Sprintf(
		"%d cores, %s, %s %s, %s",
		runtime.NumCPU(),
		model,
		runtime.GOOS,
		strings.TrimSpace(string(kernel)),
		runtime.Version(),
	)
}
