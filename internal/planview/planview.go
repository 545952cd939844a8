// Package planview prints a plan for people: what will be sent and broken, when, and
// what will be judged, before anything is started.
package planview

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// moment is a line of the printed timeline.
type moment struct {
	from, to time.Duration
	open     bool // it lasts until the load ends
	what     string
	name     string
	how      string
	notes    string
}

// Print writes stages and faults on one clock, rules, services, and what sends the
// load. Secrets are ***.
func Print(w io.Writer, p *scenario.Plan) error {
	var b strings.Builder
	plan(&b, p)
	for line := range strings.Lines(p.Redact(b.String())) {
		if _, err := fmt.Fprintln(w, plaintext.Line(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

func plan(w io.Writer, p *scenario.Plan) {
	a := &p.Attack
	end := a.Duration()
	fmt.Fprintf(w, "%s  (seed %d)\n", p.Name, p.Seed)
	if len(a.Requests) > 0 {
		load(w, a)
	} else {
		fmt.Fprintf(w, "%s, without a load of its own\n", quantity.FormatDuration(end))
	}
	if c := describeConnections(a.Connections); c != "" {
		fmt.Fprintf(w, "connections: %s\n", c)
	}

	services(w, p)
	steps(w, "setup, before the load", p.Setup)

	var moments []moment
	for i, s := range a.Stages {
		win := a.Windows()[i].Window
		m := moment{from: win.From, to: win.To, what: "stage", name: s.Name, how: describeShape(s)}
		open, ok := s.Shape.(arrivals.OpenShape)
		n := 0.0
		if ok {
			n = open.Expected(s.For, s.For)
		}
		switch {
		case !ok:
			m.notes = "as many arrivals as the users make"
		case n == 0:
			m.notes = "no arrivals"
		case n < 1:
			m.notes = "one arrival or none"
		case arrivals.Replays(s.Shape):
			m.notes = counted(int(n), "arrival")
		default:
			m.notes = "about " + quantity.FormatCount(math.Round(n)) + " arrivals"
		}
		if !s.Judged {
			m.notes += ", not judged"
		}
		moments = append(moments, m)
	}
	for _, f := range p.Chaos {
		m := moment{
			from: f.At,
			to:   f.At + f.Hold,
			what: "fault",
			name: f.Name,
			how:  describeFault(f),
		}
		if f.Hold == 0 || m.to >= end {
			m.to, m.open = end, true
		}
		moments = append(moments, m)
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.from, b.from) })

	fmt.Fprint(w, "\ntimeline\n")
	t := [][]string{{"from", "to", "", "name", "what", "remarks"}}
	for _, m := range moments {
		to := quantity.FormatDuration(m.to)
		if m.open {
			to = "end"
		}
		t = append(t, []string{quantity.FormatDuration(m.from), to, m.what, m.name, m.how, m.notes})
	}
	table(w, t)

	requests(w, p)
	observed(w, p)
	steps(w, "teardown, whatever happened", p.Teardown)
	hypothesis(w, p)
	alarms(w, p)
	ledgers(w, p)
	rules(w, p)
	recovery(w, p)
}

// load says in one line what is sent.
func load(w io.Writer, a *attack.Plan) {
	how := string(a.Arrivals) + " arrivals"
	if !slices.ContainsFunc(
		a.Stages,
		func(s attack.Stage) bool { _, open := s.Shape.(arrivals.OpenShape); return open },
	) {
		how = "a closed loop"
	}
	fmt.Fprintf(
		w,
		"%s of load, %s, sent by %s, at most %s in flight, timeout %s\n",
		quantity.FormatDuration(a.Duration()),
		how,
		senders(a),
		quantity.FormatCount(float64(a.MaxInFlight)),
		quantity.FormatDuration(a.Timeout),
	)
}

// senders says what sends the load: the engine of HTTP, and other protocols.
func senders(a *attack.Plan) string {
	var all []string
	if a.Sends(httpx.Name) {
		engine := a.Engine
		if a.EngineWhy != "" {
			engine += " (" + a.EngineWhy + ")"
		}
		all = append(all, engine)
	}
	for i := range a.Requests {
		if name := a.Requests[i].Protocol; name != httpx.Name && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return strings.Join(all, " and ")
}

// recovery prints what counts as normal again after a fault.
func recovery(w io.Writer, p *scenario.Plan) {
	if len(p.Chaos) == 0 {
		return
	}
	fmt.Fprint(w, "\nrecovery\n")
	run := timeline.DefaultNormal()
	if p.Recovery != nil {
		run = *p.Recovery
	}
	var t [][]string
	for _, f := range p.Chaos {
		if own, ok := p.RecoveryOf[f.Name]; ok {
			t = append(t, []string{f.Name, describeNormal(own)})
		}
	}
	if len(p.RecoveryOf) < len(p.Chaos) {
		name := "any fault"
		if len(p.RecoveryOf) > 0 {
			name = "others"
		}
		t = append(t, []string{name, describeNormal(run)})
	}
	table(w, t)
}

func describeNormal(n timeline.Normal) string {
	if n.Probe != "" {
		return fmt.Sprintf("normal while the probe %s succeeds, for %s",
			n.Probe, quantity.FormatDuration(n.Stable))
	}
	ms := func(f float64) string { return quantity.FormatDuration(time.Duration(f)) }
	return fmt.Sprintf(
		"normal for %s: error rate up to %s, p95 up to %s, of slices of %s",
		quantity.FormatDuration(n.Stable),
		describeLimit(n.Errors, quantity.FormatFraction),
		describeLimit(n.P95, ms),
		counted(int(n.MinArrivals), "arrival"),
	)
}

// describeLimit says what +1%, 2x, 2x + 10ms or 200ms in a scenario means.
func describeLimit(l timeline.Limit, format func(float64) string) string {
	factor := strconv.FormatFloat(l.Factor, 'f', -1, 64) + "x"
	switch {
	case l.Factor == 0:
		return format(l.Plus)
	case l.Plus == 0:
		return factor + " that before it"
	case l.Factor == 1:
		return format(l.Plus) + " above that before it"
	}
	return factor + " that before it + " + format(l.Plus)
}

// table prints rows with their columns aligned, however wide the characters.
func table(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], plaintext.Columns(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += "  " + cell + strings.Repeat(" ", widths[i]-plaintext.Columns(cell))
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

func requests(w io.Writer, p *scenario.Plan) {
	total := 0.0
	for _, r := range p.Attack.Requests {
		total += r.Weight
	}
	isStep := map[int]bool{}
	for _, f := range p.Attack.Flows {
		total += f.Weight
		for _, s := range f.Steps {
			isStep[s.Request] = true
		}
	}
	what := func(r attack.Request) string { return secret.MaskLiteral(r.Spec.String()) }
	var t [][]string
	for i, r := range p.Attack.Requests {
		if !isStep[i] {
			t = append(t, []string{r.Name, quantity.FormatFraction(r.Weight / total), what(r)})
		}
	}
	if len(t) > 0 {
		fmt.Fprint(w, "\nrequests\n")
		table(w, t)
		requestRemarks(w, p, func(i int) bool { return !isStep[i] })
	}
	if len(p.Attack.Flows) == 0 {
		return
	}
	t = nil
	for _, f := range p.Attack.Flows {
		t = append(
			t,
			[]string{
				f.Name,
				quantity.FormatFraction(f.Weight / total),
				counted(len(f.Steps), "step"),
			},
		)
		for _, s := range f.Steps {
			r := p.Attack.Requests[s.Request]
			t = append(
				t,
				[]string{
					"  " + strings.TrimPrefix(r.Name, f.Name+"/"),
					"",
					what(r),
					describeStep(s),
				},
			)
		}
	}
	fmt.Fprint(w, "\nflows\n")
	table(w, t)
	requestRemarks(w, p, func(i int) bool { return isStep[i] })
}

func requestRemarks(w io.Writer, p *scenario.Plan, of func(i int) bool) {
	for i, r := range p.Attack.Requests {
		if !of(i) {
			continue
		}
		for _, remark := range httpx.Remarks(&p.Attack, i) {
			fmt.Fprintf(w, "    remark: %s: %s\n", r.Name, remark)
		}
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// describeStep says what a step does beside asking.
func describeStep(s attack.Step) string {
	var out []string
	for _, c := range s.Captures {
		out = append(out, c.Name)
	}
	does := ""
	if len(out) > 0 {
		does = "captures " + strings.Join(out, ", ")
	}
	if s.Think > 0 {
		if does != "" {
			does += ", "
		}
		does += "thinks " + quantity.FormatDuration(s.Think)
	}
	return does
}

func services(w io.Writer, p *scenario.Plan) {
	if p.Target != "" {
		fmt.Fprintf(w, "target %s\n", secret.Mask(p.Target))
	}
	if len(p.Services) == 0 {
		return
	}
	fmt.Fprint(w, "\nservices\n")
	var t [][]string
	for _, s := range p.Services {
		what, remark := s.Settings.Describe()
		t = append(t, []string{s.Name, p.Masked(what), remark})
	}
	table(w, t)
}

// hypothesis prints what must hold before the first fault.
func hypothesis(w io.Writer, p *scenario.Plan) {
	if len(p.Hypothesis) == 0 {
		return
	}
	until := scenario.HypothesisUntil(p.Chaos)
	fmt.Fprint(w, "\nhypothesis, judged on the load up to ", quantity.FormatDuration(until),
		"; unless it holds, nothing is broken\n")
	few := undecided(p, p.Hypothesis, until)
	for i := range p.Hypothesis {
		fmt.Fprintf(w, "  %s\n", ruleLine(&p.Hypothesis[i]))
		for _, remark := range p.Hypothesis[i].Rule.Remarks() {
			fmt.Fprintf(w, "    remark: %s\n", remark)
		}
		if why, ok := few[i]; ok {
			fmt.Fprintf(w, "    cannot be decided by this load: %s\n", why)
		}
	}
}

// alarms prints what ends the run.
func alarms(w io.Writer, p *scenario.Plan) {
	if len(p.Abort) == 0 {
		return
	}
	fmt.Fprint(w, "\nabort\n")
	forecast := forecastAlarms(p)
	for i, a := range p.Abort {
		line := a.When + " for " + quantity.FormatDuration(a.For)
		if a.Name != "" {
			line += "  (" + a.Name + ")"
		}
		fmt.Fprintf(w, "  %s\n", line)
		if a.Description != "" {
			fmt.Fprintf(w, "    %s\n", a.Description)
		}
		for _, remark := range a.Rule.Remarks() {
			fmt.Fprintf(w, "    remark: %s\n", remark)
		}
		if text, ok := forecast[i]; ok {
			fmt.Fprintf(w, "    %s\n", text)
		} else if text := longerThanItsStage(p, &p.Abort[i]); text != "" {
			fmt.Fprintf(w, "    remark: %s\n", text)
		}
	}
}

// longerThanItsStage says that an abort rule that asks of one stage must hold for longer than that
// lasts; empty: it need not.
func longerThanItsStage(p *scenario.Plan, a *scenario.PlannedAlarm) string {
	for _, s := range p.Attack.Windows() {
		if s.Name == a.Rule.OnlyStage() && a.For > s.Window.Len() {
			return fmt.Sprintf("it must hold for %s, and stage %s lasts %s: only what is still open "+
				"at the end of the stage could let it end the run",
				quantity.FormatDuration(a.For), s.Name, quantity.FormatDuration(s.Window.Len()))
		}
	}
	return ""
}

// ruleLine is a rule with its name, and with its severity if it does not fail the run.
func ruleLine(r *scenario.PlannedRule) string {
	line := r.KPI
	if r.Name != "" {
		line += "  (" + r.Name + ")"
	}
	if r.Severity != "fail" {
		line += "  " + string(r.Severity) + " only"
	}
	return line
}

func rules(w io.Writer, p *scenario.Plan) {
	if len(p.Rules) == 0 {
		fmt.Fprint(w, "\nno rules: the run only measures\n")
		return
	}
	fmt.Fprint(w, "\nrules\n")
	few := undecided(p, p.Rules, p.Attack.Duration())
	for i, r := range p.Rules {
		fmt.Fprintf(w, "  %s\n", ruleLine(&p.Rules[i]))
		for _, remark := range r.Rule.Remarks() {
			fmt.Fprintf(w, "    remark: %s\n", remark)
		}
		if why, ok := few[i]; ok {
			fmt.Fprintf(w, "    cannot be decided by this load: %s\n", why)
		}
	}
}

func describeShape(s attack.Stage) string {
	if d, ok := s.Shape.(fmt.Stringer); ok {
		return d.String()
	}
	return strings.TrimSpace(s.Kind + " " + describeSettings(s.Shape))
}

func describeFault(f chaos.FaultPlan) string {
	out := f.Kind + " "
	switch {
	case f.Pick.Count > 0:
		out += fmt.Sprintf("%d of ", f.Pick.Count)
	case f.Pick.Fraction > 0:
		out += quantity.FormatFraction(f.Pick.Fraction) + " of "
	}
	out += strings.Join(f.Services, ", ")
	if s := describeSettings(f.Spec); s != "" {
		out += ": " + s
	}
	return out
}

// describeSettings prints the settings of a shape or a fault that are not zero.
func describeSettings(ptr any) string {
	var out []string
	for _, f := range scenario.Settings(ptr) {
		if !f.Value.IsZero() {
			out = append(out, f.Key+" "+f.Format())
		}
	}
	return strings.Join(out, ", ")
}

// describeConnections describes the settings of connections that are not the default; empty if all
// are.
func describeConnections(c wire.Connections) string {
	var out []string
	if c.NoKeepAlive {
		out = append(out, "a new one for each request")
	}
	if c.PerHost > 0 {
		out = append(out, fmt.Sprintf("at most %d to a host", c.PerHost))
	}
	if c.Unix != "" {
		out = append(out, "to the Unix socket "+c.Unix)
	}
	for _, from := range slices.Sorted(maps.Keys(c.To)) {
		out = append(out, from+" → "+c.To[from])
	}
	if c.Source != "" {
		out = append(out, "from "+c.Source)
	}
	if c.DNSRefresh > 0 {
		out = append(out, "names looked up every "+quantity.FormatDuration(c.DNSRefresh))
	}
	return strings.Join(out, ", ")
}
