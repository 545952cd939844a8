package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/confidence"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Style says how to print for a terminal.
type Style struct {
	Color bool
	Width int // in cells; 0 is 80
}

// WriteTerminal prints the report of a run that has ended: the verdict and what
// stands behind it, most important first.
func WriteTerminal(w io.Writer, r *Run, s Style) error {
	p := &page{palette: newPalette(s.Color), width: s.Width}
	if p.width <= 0 {
		p.width = 80
	}
	p.headline(r)
	p.rules(r)
	p.hypothesis(r)
	p.faults(r)
	p.stages(r)
	p.requests(r)
	p.flows(r)
	p.totals(r)
	p.observed(r)
	p.ledgers(r)
	p.advice(r)
	p.closing(r)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// page collects the lines of a report.
type page struct {
	palette
	width int
	b     strings.Builder
}

func (p *page) line(s string) {
	p.b.WriteString(s)
	p.b.WriteByte('\n')
}

// text prints s, wrapped, with the given indent.
func (p *page) text(indent int, st style, s string) {
	for _, l := range wrapText(plain(s), p.width-indent) {
		p.line(strings.Repeat(" ", indent) + paint(st, l))
	}
}

func (p *page) section(title, remark string) {
	p.line("")
	if remark = ", " + remark; len(remark) == 2 || len(title)+len(remark) > p.width {
		remark = ""
	}
	p.line(p.bold(title) + p.dim(remark))
}

func (p *page) grid(g *grid) {
	for _, l := range g.lines(p.width, p.dim) {
		p.line(l)
	}
}

// verdictWord is the verdict in one word or two.
func (p *page) verdictWord(r *Run) (string, style) {
	t := r.timeline()
	word, st := strings.ToUpper(string(r.Report.Outcome)), p.outcome(r.Report.Outcome)
	switch {
	case r.Dirty:
		word, st = "DIRTY", p.bad
	case t.Interrupted:
		word, st = "INTERRUPTED", p.warn
	case len(r.Problems) > 0 || word == "":
		word, st = "NOT DONE", p.bad
	case len(r.Report.Rules) == 0 && r.Report.Outcome == verdict.Pass:
		// Without rules there is no verdict to praise, whatever the figures.
		word, st = "MEASURED", func(s string) string { return s }
	}
	return word, st
}

// verdict is the line that says it.
func (p *page) verdict(r *Run) {
	word, st := p.verdictWord(r)
	name := wrapText(plain(r.Name), p.width-len(word)-2)
	p.line(p.bold(st(word)) + "  " + p.bold(name[0]))
	for _, l := range name[1:] {
		p.line(strings.Repeat(" ", len(word)+2) + p.bold(l))
	}
}

// closingRules is how many rules stand at the end, at most: a small terminal has
// 24 lines.
const closingRules = 12

// closing prints the verdict and the rules that did not hold once more, at the end: a long report
// has scrolled the first ones away.
func (p *page) closing(r *Run) {
	p.line("")
	p.verdict(r)
	for _, problem := range r.Problems[:min(len(r.Problems), 3)] {
		p.text(gridIndent, p.bad, problem)
	}
	var rows []row
	for _, o := range []verdict.Outcome{verdict.Fail, verdict.Inconclusive, verdict.Warn} {
		for _, x := range r.Report.Rules {
			if x.Outcome == o {
				rows = append(rows, row{cells: p.rule(&x)})
			}
		}
	}
	g := &grid{
		columns: []column{{}, {wrap: true}, {right: true}, {right: true, drop: 1}},
		rows:    rows[:min(len(rows), closingRules)],
	}
	if len(rows) > 0 {
		p.grid(g)
	}
	if more := len(rows) - closingRules; more > 0 {
		p.text(gridIndent, p.dim, fmt.Sprintf("and %d more, above", more))
	}
}

// rule is how a rule came out: outcome, the rule, observed, limit.
func (p *page) rule(x *verdict.RuleResult) []cell {
	word := string(x.Outcome)
	if x.Outcome == verdict.Fail {
		word = "FAIL" // must stand out without colour too
	}
	st := p.outcome(x.Outcome)
	cells := []cell{
		{word, st},
		{plain(x.KPI), nil},
		{plain(orDash(x.Observed)), st},
		{plain(orDash(x.Limit)), nil},
	}
	if x.Outcome == verdict.Pass {
		cells[2].style = nil
	}
	if x.Name != "" {
		cells[1] = cell{plain(x.Name), p.bold}
	}
	return cells
}

func (p *page) headline(r *Run) {
	t := r.timeline()
	p.line("")
	p.verdict(r)
	about := []string{ruleCounts(r.Report.Rules)}
	if len(r.Report.Rules) == 0 && r.Report.Totals.Planned == 0 {
		about[0] = "nothing was judged"
	}
	if t.Duration > 0 {
		about = append(about, quantity.FormatDuration(t.Duration)+" of load")
	}
	about = append(about, "seed "+strconv.FormatUint(r.Seed, 10))
	if r.Engine != "" {
		about = append(about, "engine "+r.Engine)
	}
	p.text(0, p.dim, strings.Join(about, ", "))
	if r.EngineWhy != "" {
		p.text(0, p.dim, fmt.Sprintf("engine %s: %s", r.Engine, plain(r.EngineWhy)))
	}
	if r.JudgedAgain {
		p.text(0, p.dim, judgedAgain(r))
	}
	for _, problem := range r.Problems {
		p.text(0, p.bad, problem)
	}
	for _, why := range r.Report.Why {
		p.text(0, p.warn, why)
	}
}

// judgedAgain says that a recording was judged, and how exactly that can be.
func judgedAgain(r *Run) string {
	by := "the rules of its plan"
	if r.RulesFrom != "" {
		by = "rules from " + r.RulesFrom
	}
	s := "judged again from its recording, by " + by
	coarse := 0
	for _, x := range r.Report.Rules {
		if x.ByBucket {
			coarse++
		}
	}
	if coarse == 0 {
		return s
	}
	return s + fmt.Sprintf("; the run did not count at the limits of %d of them, which are judged "+
		"by the buckets of its histograms, 0.1%% wide", coarse)
}

func ruleCounts(rules []verdict.RuleResult) string {
	if len(rules) == 0 {
		return "no rules"
	}
	n := make(map[verdict.Outcome]int)
	for _, x := range rules {
		n[x.Outcome]++
	}
	parts := []string{fmt.Sprintf("%d of %d rules passed", n[verdict.Pass], len(rules))}
	for _, o := range []struct {
		outcome verdict.Outcome
		word    string
	}{{verdict.Fail, "failed"}, {verdict.Inconclusive, "inconclusive"}, {verdict.Warn, "warned"}} {
		if n[o.outcome] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[o.outcome], o.word))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *page) outcome(o verdict.Outcome) style {
	switch o {
	case verdict.Pass:
		return p.good
	case verdict.Fail:
		return p.bad
	}
	return p.warn
}

func (p *page) rules(r *Run) {
	if len(r.Report.Rules) == 0 {
		return
	}
	p.section("rules", "")
	g := &grid{
		columns: []column{
			{title: ""},
			{title: "rule", wrap: true},
			{title: "observed", right: true},
			{title: "limit", right: true, drop: 1},
		},
	}
	intervals := slices.ContainsFunc(r.Report.Rules,
		func(x verdict.RuleResult) bool { return x.Interval != nil })
	if intervals {
		g.columns = append(g.columns, column{title: "95% interval", right: true, drop: 2})
	}
	for _, x := range r.Report.Rules {
		rw := row{cells: p.rule(&x)}
		if intervals {
			rw.cells = append(rw.cells, cell{interval(x.Interval), nil})
		}
		if x.Name != "" {
			rw.notes = append(rw.notes, cell{plain(x.KPI), nil})
		}
		if x.Description != "" && x.Outcome != verdict.Pass {
			rw.notes = append(rw.notes, cell{plain(x.Description), nil})
		}
		if x.Why != "" {
			rw.notes = append(rw.notes, cell{plain(x.Why), p.dim})
		}
		if x.Worst != nil {
			rw.notes = append(rw.notes, cell{plain(x.Worst.String()), p.dim})
		}
		if x.CouldBe != nil && !strings.Contains(x.Why, x.CouldBe.Text) {
			rw.notes = append(rw.notes, cell{couldBe(&x), p.dim})
		}
		g.rows = append(g.rows, rw)
	}
	p.grid(g)
}

// hypothesis prints what was found before the first fault.
func (p *page) hypothesis(r *Run) {
	h := r.timeline().Hypothesis
	if h == nil {
		return
	}
	p.section("hypothesis", "judged on the load up to "+quantity.FormatDuration(h.Until)+
		", before anything was broken")
	g := &grid{columns: []column{
		{}, {title: "rule", wrap: true}, {title: "observed", right: true},
		{title: "limit", right: true, drop: 1},
	}}
	for _, x := range h.Rules {
		result := verdict.RuleResult{
			KPI: x.KPI, Name: x.Name, Outcome: verdict.Outcome(x.Outcome), Observed: x.Observed,
			Limit: x.Limit,
		}
		rw := row{cells: p.rule(&result)}
		if x.Why != "" {
			rw.notes = append(rw.notes, cell{plain(x.Why), p.dim})
		}
		g.rows = append(g.rows, rw)
	}
	p.grid(g)
}

// interval prints one, with how sure it is unless that is 95 %.
func interval(i *verdict.Interval) string {
	switch {
	case i == nil:
		return ""
	case i.Level == confidence.Level:
		return i.Text
	}
	return fmt.Sprintf("%s (%s)", i.Text, quantity.FormatFraction(i.Level))
}

// couldBe says where the figure of a rule that is inconclusive could lie.
func couldBe(x *verdict.RuleResult) string {
	if x.CouldBe.WithMore {
		return "with enough of them it could be " + x.CouldBe.Text
	}
	return "could be " + x.CouldBe.Text
}

// measures is a table of response times, one row a measure.
func (p *page) measures(first string) *grid {
	return &grid{columns: []column{
		{title: first}, {title: "rate", right: true, drop: 2},
		{
			title: "p50",
			right: true,
		}, {title: "p90", right: true, drop: 5}, {title: "p95", right: true}, {title: "p99", right: true},
		{title: "p99.9", right: true, drop: 4}, {title: "max", right: true, drop: 1},
		{title: "errors", right: true}, {title: "unsent", right: true, drop: 3},
	}}
}

func (p *page) measure(name string, st style, m *verdict.Measure) row {
	cells := []cell{{plain(name), st}, {rate(m.RPS), nil}}
	for _, d := range []*time.Duration{m.Latency.P50, m.Latency.P90, m.Latency.P95, m.Latency.P99, m.Latency.P999, m.Latency.Max} {
		text := offset(d)
		if m.Clamped > 0 && d != nil && *d >= timeline.Highest {
			text = "> " + quantity.FormatDuration(timeline.Highest)
		}
		cells = append(cells, cell{text, nil})
	}
	errors, unsent := cell{
		quantity.FormatWhole(m.Errors),
		nil,
	}, cell{
		quantity.FormatWhole(m.Unsent),
		nil,
	}
	if m.Errors > 0 {
		errors.style = p.bad
	}
	if m.Unsent > 0 {
		unsent.style = p.bad
	}
	return row{cells: append(cells, errors, unsent)}
}

func (p *page) stages(r *Run) {
	if len(r.Report.Stages) == 0 {
		return
	}
	p.section("response times by stage", "from the moment each request was due")
	g := p.measures("stage")
	unjudged, closed := false, false
	for _, name := range inOrder(r.Report.Stages, stageNames(r.timeline())) {
		m := r.Report.Stages[name]
		if i := slices.IndexFunc(r.timeline().Stages, func(s timeline.Stage) bool { return s.Name == name }); i >= 0 {
			if s := &r.timeline().Stages[i]; !s.Judged {
				name += "*"
				unjudged = true
			}
			if s := &r.timeline().Stages[i]; s.Closed {
				name += " (closed)"
				closed = true
			}
		}
		g.rows = append(g.rows, p.measure(name, nil, &m))
	}
	if len(g.rows) > 1 {
		g.rows = append(g.rows, p.measure("judged", p.bold, &r.Report.Totals))
	}
	p.grid(g)
	if unjudged {
		p.text(gridIndent, p.dim, "* not judged: not part of the totals and the requests")
	}
	if closed {
		p.text(
			gridIndent,
			p.dim,
			"closed: users waited for an answer before asking again, so a slow target was asked less; "+
				"its figures look better than those of a stage with a rate, and do not compare with them",
		)
	}
}

func (p *page) requests(r *Run) {
	if len(r.Report.Requests) == 0 {
		return
	}
	p.section("response times by request", "")
	g := p.measures("request")
	for _, name := range inOrder(r.Report.Requests, r.timeline().Requests) {
		m := r.Report.Requests[name]
		g.rows = append(g.rows, p.measure(name, nil, &m))
	}
	p.grid(g)
}

func (p *page) flows(r *Run) {
	if len(r.Report.Flows) == 0 {
		return
	}
	p.section("response times by flow", "of all steps together, without think time")
	g := p.measures("flow")
	for _, name := range inOrder(r.Report.Flows, r.timeline().Flows) {
		m := r.Report.Flows[name]
		g.rows = append(g.rows, p.measure(name, nil, &m))
	}
	p.grid(g)
	p.text(gridIndent, p.dim, "flows are not part of the totals: their steps are, as requests")
}

func stageNames(t *timeline.Timeline) []string {
	var names []string
	for _, s := range t.Stages {
		names = append(names, s.Name)
	}
	return names
}

// inOrder returns the keys of ms in the given order, those not in it last and
// sorted.
func inOrder(ms map[string]verdict.Measure, order []string) []string {
	place := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	return slices.SortedFunc(maps.Keys(ms), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
}

func (p *page) totals(r *Run) {
	m := &r.Report.Totals
	if m.Planned == 0 {
		return
	}
	p.section("totals", "")
	p.text(gridIndent, nil, fmt.Sprintf(
		"%s planned = %s done + %s unsent + %s interrupted",
		quantity.FormatWhole(m.Planned),
		quantity.FormatWhole(m.Done),
		quantity.FormatWhole(m.Unsent),
		quantity.FormatWhole(m.Interrupted),
	))
	line := plural(m.Errors, "error", "errors")
	if m.ErrorRate != nil && m.Availability != nil {
		line += fmt.Sprintf(
			" (%s), availability %s",
			quantity.FormatFraction(*m.ErrorRate),
			quantity.FormatFraction(*m.Availability),
		)
	}
	line += fmt.Sprintf(
		", %s, %s received, %s sent",
		quantity.FormatRate(m.RPS),
		quantity.FormatBytes(float64(m.BytesIn)),
		quantity.FormatBytes(float64(m.BytesOut)),
	)
	p.text(gridIndent, nil, line)
	if m.Clamped > 0 {
		longest := quantity.FormatDuration(timeline.Highest)
		p.text(
			gridIndent,
			p.warn,
			fmt.Sprintf(
				"%s response times were above %s, up to which they are recorded, and count as "+
					"%s: the greatest and the mean are at least what is shown",
				quantity.FormatWhole(m.Clamped),
				longest,
				longest,
			),
		)
	}
	if len(m.Statuses) > 0 {
		p.text(gridIndent, nil, "answers by status: "+statusCounts(m.Statuses))
	}
	if m.Service.P50 != nil && m.Lag.P99 != nil {
		p.text(gridIndent, nil, fmt.Sprintf("service time p50 %s, p99 %s; lag p99 %s, max %s",
			offset(m.Service.P50), offset(m.Service.P99), offset(m.Lag.P99), offset(m.Lag.Max)))
	}
	for _, line := range []string{phasesLine(&m.Phases), countersLine(&m.Counted)} {
		if line != "" {
			p.text(gridIndent, nil, line)
		}
	}
	if line := generatorLine(r.Report.Generator); line != "" {
		p.text(gridIndent, nil, line)
	}
	if len(m.Kinds) == 0 {
		return
	}
	p.section("errors by kind", "")
	g := &grid{columns: []column{{right: true}, {right: true}, {wrap: true}}}
	kinds := slices.SortedFunc(maps.Keys(m.Kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.Kinds[b], m.Kinds[a]), cmp.Compare(a, b))
	})
	for _, k := range kinds {
		share := "-"
		if judged := m.Done + m.Unsent; judged > 0 {
			share = quantity.FormatFraction(float64(m.Kinds[k]) / float64(judged))
		}
		rw := row{
			cells: []cell{{quantity.FormatWhole(m.Kinds[k]), p.bad}, {share, nil}, {plain(k), nil}},
		}
		if example := r.Examples[k]; example != "" {
			rw.cells[2].text += ", such as: " + plain(example)
		}
		g.rows = append(g.rows, rw)
	}
	p.grid(g)
}

// phasesLine says how long the phases took that any call had; empty if none had one.
func phasesLine(measured *verdict.Phases) string {
	var parts []string
	for i, p := range timeline.Phases() {
		if m := &measured[i]; m.Count > 0 {
			times := quantity.FormatWhole(m.Count) + " times"
			if m.Count == 1 {
				times = "once"
			}
			parts = append(parts, fmt.Sprintf("%s %s, p99 %s", p.Label, times, offset(m.P99)))
		}
	}
	return strings.Join(parts, "; ")
}

// countersLine says what was counted in calls; empty if nothing was.
func countersLine(counted *timeline.Counted) string {
	var parts []string
	for i, c := range timeline.Counters() {
		if counted[i] > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", c.Doc, quantity.FormatWhole(counted[i])))
		}
	}
	return strings.Join(parts, "; ")
}

// statusCounts lists how often each status came.
func statusCounts(by map[int]uint64) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%d: %s", status, quantity.FormatWhole(by[status])))
	}
	return strings.Join(parts, ", ")
}

// advice says what to do next, where there is something to do, and where the
// record is.
func (p *page) advice(r *Run) {
	var do []cell
	healNamed := false
	for _, f := range r.Report.Faults {
		if f.Dirty {
			do = append(do, cell{dirtyLine(&f), p.bad})
			healNamed = healNamed || strings.Contains(f.Remedy, "ordeal heal")
		}
	}
	if r.Dirty && !healNamed {
		do = append(do, cell{"ordeal heal tries the undo again, and so does the next run", nil})
	}
	t := r.timeline()
	if t.Interrupted {
		planned := t.Duration
		if n := len(t.Stages); n > 0 {
			planned = t.Stages[n-1].Window.To
		}
		s := fmt.Sprintf(
			"interrupted after %s of %s; what was recorded is kept",
			quantity.FormatDuration(t.Duration),
			quantity.FormatDuration(planned),
		)
		if t.Duration > 0 && t.Duration >= planned {
			s = "interrupted after the load, before all was in; what was recorded is kept"
		}
		if !r.Dirty {
			s += ", and the faults are undone"
		}
		do = append(do, cell{s, nil})
	}
	for _, e := range t.Events {
		if e.Type == "abort" && e.State == timeline.NeverJudged {
			do = append(do, cell{fmt.Sprintf("the abort rule %s could not be judged at any time, "+
				"and would not have ended the run: %s", e.Name, e.Detail), p.warn})
		}
	}
	if r.Report.Outcome == verdict.Inconclusive && !t.Interrupted && len(r.Problems) == 0 {
		do = append(
			do,
			cell{
				"inconclusive is neither good news nor bad: the reasons above say what the run lacks; " +
					"put that right and run again",
				nil,
			},
		)
	}
	if m := &r.Report.Totals; m.Errors > 0 && len(r.Report.Rules) > 0 &&
		!asksForErrors(r.Report.Rules) {
		do = append(
			do,
			cell{
				fmt.Sprintf(
					"%s of %s arrivals went wrong, and no rule asks about errors: add one, such as error_rate < 0.1%%",
					quantity.FormatWhole(m.Errors),
					quantity.FormatWhole(m.Done+m.Unsent),
				),
				p.warn,
			},
		)
	}
	if len(r.Report.Rules) == 0 && len(r.Problems) == 0 {
		do = append(
			do,
			cell{
				"the scenario has no rules, so the run only measured; write rules under verdict: in the " +
					"file, or give --rule with --url",
				nil,
			},
		)
	}
	if len(do) > 0 {
		p.section("what to do", "")
		for _, d := range do {
			p.text(gridIndent, d.style, d.text)
		}
	}
	if r.Dir != "" {
		p.line("")
		p.line(p.dim("run directory  ") + plain(r.Dir))
		if r.Samples != "" {
			p.line(p.dim("wrong answers  ") + plain(filepath.Join(r.Dir, r.Samples)))
		}
	}
}

var ofErrors = regexp.MustCompile(`\b(errors?|error_rate|availability|throughput|unsent)\b`)

// asksForErrors says whether any rule would fail if answers are bad.
func asksForErrors(rules []verdict.RuleResult) bool {
	return slices.ContainsFunc(
		rules,
		func(r verdict.RuleResult) bool { return ofErrors.MatchString(r.KPI) },
	)
}

// rate prints a rate per second without decimals that nobody reads.
func rate(r float64) string {
	if r >= 100 {
		return fmt.Sprintf("%.0f/s", r)
	}
	return fmt.Sprintf("%.1f/s", r)
}
