package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// observedNames are those of rules on subjects.
var observedNames = func() Names {
	n := names
	for _, s := range []timeline.Subject{service, probe, metric} {
		n.Subjects = append(n.Subjects, timeline.Declared{Subject: s})
	}
	return n
}()

var (
	service = timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}
	probe   = timeline.Subject{Kind: timeline.ProbeSubject, Name: "health"}
	metric  = timeline.Subject{Kind: timeline.MetricSubject, Name: "queue"}
)

func compileObserved(t testing.TB, src string) *Rule {
	t.Helper()
	r, wrong := Compile(src, observedNames)
	if wrong != nil {
		t.Fatalf("%s: %v", src, wrong)
	}
	return r
}

// reading makes one of a subject of that figure.
func reading1(s timeline.Subject, target string, from, took, every time.Duration,
	figure timeline.Figure, v float64) timeline.Reading {
	r := timeline.Reading{
		Window:  timeline.Window{From: from, To: from + took},
		Subject: s, Target: target, Every: every,
	}
	r.Values.Set(figure, v)
	return r
}

// without is a reading that has no data.
func without(r timeline.Reading, why string) timeline.Reading {
	r.Values, r.Missing = timeline.Values{}, why
	return r
}

func withReadings(tl *timeline.Timeline, readings []timeline.Reading) *timeline.Timeline {
	out := *tl
	out.Readings = func(yield func(timeline.Reading, error) bool) {
		for _, r := range readings {
			if !yield(r, nil) {
				return
			}
		}
	}
	return &out
}

// observedRun is a run of a minute with a stage that is not judged, a fault, and what
// observers saw of it, in the order in which it became known.
type observedRun struct {
	tl       *timeline.Timeline
	readings []timeline.Reading
}

func newObservedRun(rng *rand.Rand) observedRun {
	stages := []timeline.Stage{
		{Name: "warmup", Window: timeline.Window{To: 10 * sec}, Judged: rng.IntN(2) == 0},
		{Name: "steady", Window: timeline.Window{From: 10 * sec, To: 60 * sec}, Judged: true},
	}
	begin := time.Duration(15+rng.IntN(20))*sec + time.Duration(rng.IntN(10))*100*ms
	faults := []timeline.Fault{
		fault("kill-api", begin, begin+time.Duration(1+rng.IntN(80))*100*ms),
	}
	if rng.IntN(3) == 0 {
		faults = append(faults, fault("kill-api", 50*sec, 52*sec))
	}
	r := observedRun{tl: runStages(60*sec, stages, faults, nil, steady(0, 60*sec, 20, 5*ms))}
	troubled := rng.IntN(3) // how often data are missing
	observe := func(s timeline.Subject, target string, every, took time.Duration, figure timeline.Figure,
		value func(at time.Duration) float64) {
		until := 60 * sec
		if rng.IntN(6) == 0 { // it stops in mid-run, and says nothing
			until = time.Duration(rng.Int64N(int64(60 * sec)))
		}
		for at := time.Duration(0); at < until; at += every {
			x := reading1(s, target, at, took, every, figure, value(at))
			if troubled > 0 && rng.IntN(40) == 0 {
				x = without(x, "the source did not answer")
			}
			r.readings = append(r.readings, x)
		}
	}
	percent := func(p int) float64 { return float64(p) / 1000 }
	for _, target := range []string{"api-1", "api-2"}[:1+rng.IntN(2)] {
		base := rng.IntN(500)
		observe(service, target, sec, sec, timeline.CPU, func(time.Duration) float64 {
			return percent(base + rng.IntN(300))
		})
		observe(service, target, sec, 0, timeline.Restarts, func(time.Duration) float64 {
			return float64(rng.IntN(50) / 49)
		})
	}
	slow := time.Duration(rng.IntN(30)) * 100 * ms
	observe(probe, "", 500*ms, slow, timeline.Failures, func(at time.Duration) float64 {
		return float64((rng.IntN(20) + 1) / 20)
	})
	observe(metric, "", 2*sec, 0, timeline.MetricValue, func(time.Duration) float64 {
		return float64(rng.IntN(100) - 50)
	})
	slices.SortStableFunc(r.readings, func(a, b timeline.Reading) int { return int(a.To - b.To) })
	return r
}

// askedOf is a rule on what is observed, as it is written and as the model judges it.
type askedOf struct {
	subject timeline.Subject
	figure  timeline.Figure
	word    string // figure and aggregate
	scope   string
}

var observedScopes = []string{
	"", `before("kill-api").`, `during("kill-api").`, `after("kill-api").`, `stage("warmup").`,
	`window(20s, 40s).`, `stage("steady").after("kill-api").`,
}

var observedFigures = []askedOf{
	{subject: service, figure: timeline.CPU, word: "cpu.max"},
	{subject: service, figure: timeline.CPU, word: "cpu.min"},
	{subject: service, figure: timeline.CPU, word: "cpu.mean"},
	{subject: service, figure: timeline.CPU, word: "cpu.first"},
	{subject: service, figure: timeline.CPU, word: "cpu.last"},
	{subject: service, figure: timeline.CPU, word: "cpu.p50"},
	{subject: service, figure: timeline.CPU, word: "cpu.p90"},
	{subject: service, figure: timeline.Restarts, word: "restarts"},
	{subject: probe, figure: timeline.Failures, word: "failures"},
	{subject: probe, figure: timeline.Failures, word: "uptime"},
	{subject: metric, figure: timeline.MetricValue, word: "max"},
	{subject: metric, figure: timeline.MetricValue, word: "min"},
	{subject: metric, figure: timeline.MetricValue, word: "p75"},
	{subject: metric, figure: timeline.MetricValue, word: "last"},
}

// samples are what of the readings of one target is in a scope: values, and how many are missing,
// each at its time.
type samples struct {
	known   []float64
	at      []time.Duration
	lost    []time.Duration
	lostFor time.Duration // by the time that they stand for
	gap     time.Duration // for how long nothing was heard
	gapFrom time.Duration
	gapEnd  time.Duration
	every   time.Duration
}

// inScope says by the words of the manual whether a reading belongs to a scope.
func (r *observedRun) inScope(scope string, from, to time.Duration) bool {
	stage := "warmup"
	if from >= 10*sec {
		stage = "steady"
	}
	phase, begun := "before", false
	for _, f := range r.tl.Faults {
		w, _ := f.Disturbance()
		if from < w.To && to >= w.From {
			phase = "during"
			break
		}
		if begun = begun || from >= w.From; begun {
			phase = "after"
		}
	}
	switch {
	case strings.Contains(scope, `stage("`) && !strings.Contains(scope, `stage("`+stage):
		return false
	case !strings.Contains(scope, `stage("`) && stage == "warmup" && !r.tl.Stages[0].Judged:
		return false
	case strings.Contains(scope, `("kill-api")`) && !strings.Contains(scope, phase+`("kill-api")`):
		return false
	}
	return !strings.Contains(scope, "window") || from >= 20*sec && from < 40*sec
}

// samples sorts the readings out, of each target.
func (r *observedRun) samples(a askedOf) map[string]*samples {
	out := map[string]*samples{}
	heard := map[string][]timeline.Window{}
	for _, x := range r.readings {
		if x.Subject != a.subject {
			continue
		}
		if out[x.Target] == nil {
			out[x.Target] = &samples{}
		}
		s := out[x.Target]
		s.every = max(s.every, x.Every)
		heard[x.Target] = append(heard[x.Target], timeline.Window{From: x.From - x.Every, To: x.From + 2*x.Every})
		if !r.inScope(a.scope, x.From, x.To) {
			continue
		}
		if v, ok := x.Values.Get(a.figure); ok {
			s.known, s.at = append(s.known, v), append(s.at, x.From)
		} else if x.Missing != "" {
			s.lost, s.lostFor = append(s.lost, x.From), s.lostFor+x.Every
		}
	}
	// Edges of all windows lie on whole milliseconds.
	const step = 50 * ms
	for target, s := range out {
		for at := time.Duration(0); at < 60*sec; at += step {
			middle := at + step/2
			if !r.inScope(a.scope, middle, middle) {
				continue
			}
			if !slices.ContainsFunc(heard[target], func(w timeline.Window) bool { return w.Contains(middle) }) {
				if s.gap == 0 {
					s.gapFrom = at
				}
				s.gap, s.gapEnd = s.gap+step, at+step
			}
		}
	}
	return out
}

// could be is what the figure is if all that is missing is as low, or as high, as it can be;
// false if it has no figure or too few samples to be judged.
func (s *samples) couldBe(a askedOf, fill float64) (float64, bool) {
	missing := len(s.lost)
	if s.gap > 0 {
		missing += int(math.Ceil(float64(s.gap) / float64(s.every)))
	}
	known := slices.Clone(s.known)
	if len(known) == 0 {
		return fill, false
	}
	word := a.word[strings.LastIndex(a.word, ".")+1:]
	if word == "uptime" {
		// As shares of time: what is missing was up or down for as long.
		down := 0.0
		for _, v := range known {
			down += v * float64(s.every)
		}
		lost := float64(s.lostFor + s.gap)
		all := float64(len(known))*float64(s.every) + lost
		if fill > 0 { // failures
			down += lost
		}
		return 1 - down/all, true
	}
	for range missing {
		known = append(known, fill)
	}
	slices.Sort(known)
	sum := 0.0
	for _, v := range known {
		sum += v
	}
	switch word {
	case "max":
		return known[len(known)-1], true
	case "min":
		return known[0], true
	case "mean":
		return sum / float64(len(known)), true
	case "restarts", "failures":
		return sum, true
	case "first":
		if len(s.lost) > 0 && slices.Min(s.lost) <= s.at[0] || s.gap > 0 && s.gapFrom <= s.at[0] {
			return fill, true
		}
		return s.known[0], true
	case "last":
		end := s.at[len(s.at)-1]
		if len(s.lost) > 0 && slices.Max(s.lost) >= end || s.gapEnd > end {
			return fill, true
		}
		return s.known[len(s.known)-1], true
	}
	q, ok := rule.Percentile(word)
	if !ok {
		panic(word)
	}
	return known[timeline.Rank(q, uint64(len(known)))-1], len(known) >= int(minSamples(q))
}

// judge is what the model makes of a comparison: by all that the missing readings could have been.
func (r *observedRun) judge(a askedOf, op string, limit float64) Outcome {
	all := r.samples(a)
	if strings.HasSuffix(a.word, ".mean") { // of all targets together
		var together samples
		for _, s := range all {
			together.known = append(together.known, s.known...)
			together.lost = append(together.lost, s.lost...)
			together.every = s.every
			missing := math.Ceil(float64(s.gap) / float64(s.every))
			together.gap += time.Duration(missing) * s.every
		}
		all = map[string]*samples{"": &together}
	}
	least := 0.0
	if a.subject == metric {
		least = math.Inf(-1)
	}
	var decided [2]Outcome
	for i, fill := range []float64{least, math.Inf(1)} {
		worst := math.NaN()
		for _, s := range all {
			v, ok := s.couldBe(a, fill)
			if !ok && (len(s.known) > 0 || len(all) == 1) {
				return Inconclusive
			}
			if !ok {
				v = fill
			}
			switch least := strings.HasSuffix(a.word, "min"); {
			case math.IsNaN(worst):
				worst = v
			case least:
				worst = min(worst, v)
			default:
				worst = max(worst, v)
			}
		}
		decided[i] = Fail
		if holds(op, cmpFloat(worst, limit)) == yes {
			decided[i] = Pass
		}
	}
	if decided[0] != decided[1] {
		return Inconclusive
	}
	return decided[0]
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// TestObservedAgainstTheModel judges rules on random readings, and holds each outcome against one
// that is found from the readings themselves: by the words of the manual, with all that is missing
// as low and as high as it could have been.
func TestObservedAgainstTheModel(t *testing.T) {
	seeds := 400
	if testing.Short() {
		seeds = 100
	}
	outcomes := map[string]map[Outcome]int{}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 21))
		r := newObservedRun(rng)
		var asked []askedOf
		var ops []string
		var limits []float64
		var rules []Input
		for _, a := range observedFigures {
			a.scope = observedScopes[rng.IntN(len(observedScopes))]
			op := []string{"<", "<=", ">", ">="}[rng.IntN(4)]
			limit, text := 0.0, ""
			switch a.figure {
			case timeline.CPU:
				per := rng.IntN(900)
				text, limit = fmt.Sprintf("%d.%d%%", per/10, per%10), float64(per)/1000
			case timeline.MetricValue:
				n := rng.IntN(60)
				text, limit = fmt.Sprint(n), float64(n)
			default:
				n := rng.IntN(4)
				text, limit = fmt.Sprint(n), float64(n)
				if strings.HasSuffix(a.word, "uptime") {
					per := 900 + rng.IntN(100)
					text, limit = fmt.Sprintf("%d.%d%%", per/10, per%10), float64(per)/1000
				}
			}
			src := fmt.Sprintf("%s%s.%s %s %s", a.scope, a.subject, a.word, op, text)
			compiled := compileObserved(t, src)
			if got := compiled.root.Right.Literal.Number; got != limit {
				t.Fatalf("%s: the limit reads %v, want %v", src, got, limit)
			}
			rules = append(rules, Input{KPI: src, Rule: compiled})
			asked, ops, limits = append(asked, a), append(ops, op), append(limits, limit)
		}
		rep, err := Judge(rules, withReadings(r.tl, r.readings))
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range rep.Rules {
			want := r.judge(asked[i], ops[i], limits[i])
			if outcomes[asked[i].word] == nil {
				outcomes[asked[i].word] = map[Outcome]int{}
			}
			outcomes[asked[i].word][want]++
			if got.Outcome == want {
				continue
			}
			t.Errorf("seed %d: %s is %s (%s %s), want %s", seed, got.KPI, got.Outcome, got.Observed, got.Why, want)
		}
	}
	for word, n := range outcomes {
		if n[Pass] < seeds/20 || n[Fail] < seeds/20 || n[Inconclusive] < seeds/40 {
			t.Errorf("%s: %v are too few to tell", word, n)
		}
	}
}

// TestObservedInParts: a run that is judged as it goes on comes to the same as at once.
func TestObservedInParts(t *testing.T) {
	var rules []Input
	for i, a := range observedFigures {
		a.scope = observedScopes[i%len(observedScopes)]
		limit := map[timeline.Figure]string{timeline.CPU: "60%"}[a.figure]
		if limit == "" {
			limit = "1"
		}
		if strings.HasSuffix(a.word, "uptime") {
			limit = "95%"
		}
		for _, scope := range []string{a.scope, "every(7s)."} {
			src := fmt.Sprintf("%s%s.%s < %s", scope, a.subject, a.word, limit)
			rules = append(rules, Input{KPI: src, Rule: compileObserved(t, src)})
		}
	}
	for _, src := range []string{
		`service("api").cpu.growth < 5%/h`,
		`every(10s).service("api").cpu.max < 75% || every(10s).p50 < 1ms`,
		`during("kill-api").every(2s).probe("health").failures == 0`,
		`service("api/api-2").cpu.mean < 1.5 * before("kill-api").service("api/api-1").cpu.mean`,
		`fault("kill-api").detection < 2s`,
		`fault("kill-api").detection(probe("health")) < 1s`,
		`fault("kill-api").detection(metric("queue") > 30) < 3s`,
		`fault("kill-api").detection(service("api").restarts > 0) < 5s`,
		`fault("kill-api").recovery < 2s`,
		`fault("kill-api").outage < 2s`,
		`fault("kill-api").relapses == 0`,
		`worst(5s).service("api").cpu.mean < 70%`,
		`share(5s, service("api").cpu.max < 70%) > 50%`,
	} {
		rules = append(rules, Input{KPI: src, Rule: compileObserved(t, src)})
	}
	for seed := range 60 {
		rng := rand.New(rand.NewPCG(uint64(seed), 22))
		r := newObservedRun(rng)
		if seed%2 == 0 {
			r.tl.Normal = timeline.Normal{Probe: probe.Name, Stable: time.Duration(1+seed%7) * sec}
		}
		want, err := Judge(rules, withReadings(r.tl, r.readings))
		if err != nil {
			t.Fatal(err)
		}
		proof := time.Duration(rng.Int64N(int64(2 * sec)))
		j := NewJudging(rules, planned(r.tl))
		rest := r.readings
		for iv := range r.tl.Intervals {
			now := iv.To + sec
			facts := factsAt(r.tl, now, proof)
			if err := j.Learn(facts); err != nil {
				t.Fatal(err)
			}
			var until int
			for until < len(rest) && rest[until].To <= now {
				j.AddReading(rest[until])
				until++
			}
			rest = rest[until:]
			j.Add(iv)
			if rng.IntN(10) > 0 {
				continue
			}
			got := j.Report()
			once := NewJudging(rules, planned(r.tl))
			if err := once.Learn(facts); err != nil {
				t.Fatal(err)
			}
			for x := range r.tl.Intervals {
				if x.To <= iv.To {
					once.Add(x)
				}
			}
			for _, x := range r.readings[:len(r.readings)-len(rest)] {
				once.AddReading(x)
			}
			if diff := cmp.Diff(once.Report(), got, judged); diff != "" {
				t.Fatalf("seed %d at %s (-at once +in parts):\n%s", seed, iv.To, diff)
			}
		}
		for _, x := range rest {
			j.AddReading(x)
		}
		if err := j.End(r.tl); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, j.Report(), judged); diff != "" {
			t.Fatalf("seed %d (-at once +in parts):\n%s", seed, diff)
		}
	}
}

// What is reported of subjects: of several targets the worst, and the mean of all.
func TestSubjectsAreMeasured(t *testing.T) {
	stages := []timeline.Stage{
		{Name: "warmup", Window: timeline.Window{To: 10 * sec}},
		{Name: "steady", Window: timeline.Window{From: 10 * sec, To: 40 * sec}, Judged: true},
	}
	tl := runStages(40*sec, stages, nil, nil, steady(0, 40*sec, 10, ms))
	tl.Subjects = []timeline.Declared{{Subject: metric, Unit: timeline.UnitDuration}}
	var readings []timeline.Reading
	for i := range 40 {
		at := time.Duration(i) * sec
		a := reading1(service, "a", at, sec, sec, timeline.CPU, 0.25)
		b := reading1(service, "b", at, sec, sec, timeline.CPU, 0.5)
		a.Values.Set(timeline.Restarts, 0)
		b.Values.Set(timeline.Restarts, float64((i+1)/40))
		if i == 20 {
			a = without(a, "the engine did not answer")
		}
		if i < 10 {
			a.Values.Set(timeline.CPU, 1) // not judged
		}
		readings = append(readings, a, b)
	}
	readings = append(readings, reading1(metric, "", -sec, 0, 0, timeline.MetricValue, 7))
	rep, err := Judge(nil, withReadings(tl, readings))
	if err != nil {
		t.Fatal(err)
	}
	value := func(v float64) *float64 { return &v }
	mean := (0.25*29 + 0.5*30) / 59
	want := []SubjectMeasure{
		{Subject: service, Targets: []string{"a", "b"}, Readings: 60, Missing: 1, Why: "the engine did not answer",
			Figures: []FigureMeasure{
				{Figure: timeline.CPU, Readings: 59, Mean: &mean, Min: value(0.25), Max: value(0.5), P95: value(0.5), Last: value(0.5)},
				{Figure: timeline.Restarts, Readings: 59, Total: value(1)},
			}},
		{Subject: metric, Unit: timeline.UnitDuration, Readings: 1, Figures: []FigureMeasure{
			{Figure: timeline.MetricValue, Readings: 1, Mean: value(7), Min: value(7), Max: value(7), Last: value(7)},
		}},
	}
	if diff := cmp.Diff(want, rep.Subjects); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestGapsAreTold(t *testing.T) {
	tl := run(60*sec, nil, nil, steady(0, 60*sec, 10, ms))
	var readings []timeline.Reading
	for i := range 60 {
		if at := time.Duration(i) * sec; i < 20 || i > 30 {
			readings = append(readings, reading1(service, "", at, sec, sec, timeline.CPU, float64(i)/100))
		}
	}
	for src, want := range map[string]struct {
		outcome Outcome
		why     string
	}{
		`service("api").cpu.max < 50%`:                         {Fail, `service("api").cpu.max was 59%, the rule wants < 50%`},
		`service("api").cpu.max < 80%`:                         {Inconclusive, `no data of service("api").cpu for 9 of 58 readings, first at 21s: nothing was heard until 30s`},
		`service("api").cpu.last < 80%`:                        {Pass, ""},
		`window(0s, 20s).service("api").cpu < 80%`:             {Pass, ""},
		`every(10s).service("api").cpu < 80%`:                  {Inconclusive, "from 20s to 30s: "},
		`every(10s).service("api").cpu < 55%`:                  {Fail, "1 of 6 slices failed; worst from 50s to 1m"},
		`service("api/b").cpu < 80%`:                           {Inconclusive, `service("api/b") was not observed; targets are `},
		`probe("health").failures == 0`:                        {Inconclusive, `nothing was observed of probe("health")`},
		`service("api").restarts == 0`:                         {Inconclusive, `no data of service("api").restarts`},
		`service("api").cpu.growth < 50%/h`:                    {Inconclusive, "no data of"},
		`window(31s, 60s).service("api").cpu.growth > 3500%/h`: {Pass, ""},
		`window(31s, 35s).service("api").cpu.growth > 1%/h`:    {Inconclusive, "too few readings for the growth"},
		`window(31s, 35s).service("api").cpu.p95 > 1%`:         {Inconclusive, "too few readings for the percentile"},
	} {
		t.Run(src, func(t *testing.T) {
			rep, err := Judge([]Input{{KPI: src, Rule: compileObserved(t, src)}}, withReadings(tl, readings))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Outcome != want.outcome || !strings.Contains(got.Why, want.why) {
				t.Errorf("%s, %q, observed %s; want %s, %q", got.Outcome, got.Why, got.Observed, want.outcome, want.why)
			}
		})
	}
}

// A growth is read with its interval, which a rule can ask to be sure by.
func TestGrowth(t *testing.T) {
	const end = 300
	tl := run(end*sec, nil, nil, steady(0, end*sec, 1, ms))
	rng := rand.New(rand.NewPCG(5, 6))
	var readings []timeline.Reading
	for i := range end {
		at := time.Duration(i) * sec
		a := reading1(service, "a", at, sec, sec, timeline.Memory, 0.2)
		b := reading1(service, "b", at, sec, sec, timeline.Memory, 0.2+float64(i)*0.1/3600+rng.NormFloat64()*0.001)
		if i%30 == 7 { // a growth is as well known without some
			b = without(b, "no answer")
		}
		readings = append(readings, a, b)
	}
	for _, tt := range []struct {
		kpi        string
		confidence float64
		want       Outcome
		why        string
	}{
		{`service("api").memory.growth < 11%/h`, 0, Pass, ""},
		{`service("api").memory.growth < 9%/h`, 0, Fail, "(b)"},
		{`service("api/a").memory.growth <= 0%/h`, 0, Pass, ""},
		{`service("api").memory.growth < 30%/h`, 0.95, Pass, ""},
		{`service("api").memory.growth < 10.1%/h`, 0.95, Inconclusive, "with 95% confidence it is"},
		{`window(0s, 9s).service("api").memory.growth < 10%/h`, 0.95, Inconclusive, "too few readings"},
		{`service("api").memory.growth > 1%/h`, 0.95, Pass, ""},
	} {
		t.Run(tt.kpi, func(t *testing.T) {
			rep, err := Judge([]Input{{KPI: tt.kpi, Confidence: tt.confidence, Rule: compileObserved(t, tt.kpi)}},
				withReadings(tl, readings))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Outcome != tt.want || !strings.Contains(got.Why, tt.why) {
				t.Errorf("%s, %q, observed %s; want %s, %q", got.Outcome, got.Why, got.Observed, tt.want, tt.why)
			}
			if strings.Contains(tt.kpi, "window") {
				return
			}
			i := got.Interval
			if i == nil || i.Low == nil || i.High == nil {
				t.Fatalf("interval %+v, want one with both ends", i)
			}
			if *i.Low > *i.High {
				t.Errorf("the interval is from %v to %v", *i.Low, *i.High)
			}
		})
	}
}

func TestMinSamples(t *testing.T) {
	tl := run(30*sec, nil, nil, steady(0, 30*sec, 10, ms))
	var readings []timeline.Reading
	for i := range 30 {
		readings = append(readings, reading1(service, "", time.Duration(i)*sec, sec, sec, timeline.CPU, 0.2))
	}
	for src, most := range map[string]uint64{
		`p50 < 1s`: 300, `error_rate < 50%`: 300, `service("api").cpu.max < 50%`: 30,
		`every(10s).p50 < 1s`: 100, `worst(10s).p50 < 1s`: 100, `share(10s, p50 < 1s) == 100%`: 100,
		`every(10s).service("api").cpu < 50%`: 10, `rps > 1/s`: 300,
	} {
		for least, want := range map[uint64]Outcome{most: Pass, most + 1: Inconclusive} {
			in := Input{KPI: src, MinSamples: least, Description: "why", Rule: compileObserved(t, src)}
			rep, err := Judge([]Input{in}, withReadings(tl, readings))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Outcome != want || got.Description != "why" {
				t.Errorf("%s of at least %d: %s, %q, want %s", src, least, got.Outcome, got.Why, want)
			}
			if want == Inconclusive && got.Reason != ReasonTooFew {
				t.Errorf("%s: the reason is %s, %s", src, got.Reason, got.Why)
			}
		}
	}
}

// BenchmarkObserved judges 200 rules on what ten services, five probes and five metrics gave in an
// hour.
func BenchmarkObserved(b *testing.B) {
	const hour = 3600
	n := names
	var subjects []timeline.Subject
	for i := range 10 {
		subjects = append(subjects, timeline.Subject{Kind: timeline.ServiceSubject, Name: fmt.Sprintf("s%d", i)})
	}
	for i := range 5 {
		subjects = append(subjects, timeline.Subject{Kind: timeline.ProbeSubject, Name: fmt.Sprintf("p%d", i)},
			timeline.Subject{Kind: timeline.MetricSubject, Name: fmt.Sprintf("m%d", i)})
	}
	for _, s := range subjects {
		n.Subjects = append(n.Subjects, timeline.Declared{Subject: s})
	}
	words := map[timeline.SubjectKind][]string{
		timeline.ServiceSubject: {"cpu.max < 80%", "memory.p95 < 80%", "restarts == 0", "memory.growth < 5%/h"},
		timeline.ProbeSubject:   {"uptime > 99%", "failures < 5", "p99 < 50ms", "duration.mean < 10ms"},
		timeline.MetricSubject:  {"max < 1k", "last < 1k", "p50 < 1k", "mean < 1k"},
	}
	scopes := []string{"", `during("kill-api").`, `every(10s).`, `worst(1s).`, `window(60s, 900s).`}
	var rules []Input
	for i := range 200 {
		s := subjects[i%len(subjects)]
		word := words[s.Kind][i/len(subjects)%4]
		scope := scopes[i%len(scopes)]
		src := scope + s.String() + "." + word
		r, wrong := Compile(src, n)
		if wrong != nil {
			b.Fatal(src, wrong)
		}
		rules = append(rules, Input{Rule: r})
	}
	tl := run(hour*sec, []timeline.Fault{fault("kill-api", 1000*sec, 1100*sec)}, nil, steady(0, hour*sec, 1, ms))
	var readings []timeline.Reading
	for i := range hour {
		at := time.Duration(i) * sec
		for _, s := range subjects {
			r := timeline.Reading{Window: timeline.Window{From: at, To: at + sec}, Subject: s, Every: sec}
			switch s.Kind {
			case timeline.ServiceSubject:
				r.Values.Set(timeline.CPU, float64(i%50)/100)
				r.Values.Set(timeline.Memory, 0.3)
				r.Values.Set(timeline.Restarts, 0)
			case timeline.ProbeSubject:
				r.Values.Set(timeline.Failures, 0)
				r.Values.Set(timeline.ProbeTime, float64(time.Duration(i%40)*ms))
			default:
				r.Values.Set(timeline.MetricValue, float64(i%100))
			}
			readings = append(readings, r)
		}
	}
	observed := withReadings(tl, readings)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Judge(rules, observed); err != nil {
			b.Fatal(err)
		}
	}
}
