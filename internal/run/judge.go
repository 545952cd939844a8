package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/filelock"
	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// summaryFile is written at the end of a run. Of runs from before there was run.json it tells which
// were not killed.
const summaryFile = "summary.json"

// Again says which run is to be judged again, by which rules, and where the outputs go.
type Again struct {
	Dir string
	// The rules are those of File, or Rules; without either they are those of the plan.
	File  string
	Rules []string
	Env   scenario.Env
	// Out is the folder that the outputs are written to; empty: none are.
	Out string
	// Baselines has the accepted runs, for rules that ask for earlier runs of one that was held
	// against none.
	Baselines baseline.Folder
	Reported  func(*report.Run) // is given the report; may be nil
	Stdout    io.Writer
	Stderr    io.Writer
	Color     bool
}

// Judge judges a recorded run again, from its files alone, which it does not change. By the rules
// of its plan the verdict is that of the run. The exit code is as Run's. It is ExitUsage if there
// is no run at the path or the rules have mistakes, and ExitInconclusive if the run's files are not
// whole.
func Judge(again Again) (ExitCode, error) {
	over, done := isOver(again.Dir)
	defer done()
	if !over {
		return ExitUsage, fmt.Errorf("the run in %s is still under way: wait until it is over",
			again.Dir)
	}
	r, code, err := openRecorded(again.Dir)
	if err != nil {
		return code, err
	}
	rules, code, err := r.rules(&again)
	if err != nil {
		return code, err
	}
	out, err := r.judge(rules, &again)
	if err != nil {
		return ExitInconclusive, damaged(again.Dir, err)
	}
	out.JudgedAgain = true
	switch {
	case again.File != "":
		out.RulesFrom = filepath.Base(again.File)
	case len(again.Rules) > 0:
		out.RulesFrom = scenario.RuleFlag
	}
	if again.Out != "" {
		if err := makeOutDir(again.Out); err != nil {
			return ExitUsage, err
		}
		err = writeOutputs(again.Out, out)
	}
	if err != nil {
		out.ExitCode = int(ExitBroken)
	}
	show(out, again.Stdout, again.Stderr, again.Color)
	if again.Reported != nil {
		again.Reported(out)
	}
	return ExitCode(out.ExitCode), err
}

// isOver says whether no run writes to its directory any more, as far as that can be seen, and
// keeps the directory from being removed until done is called.
func isOver(dir string) (over bool, done func()) {
	f, err := os.Open(filepath.Join(dir, planFile))
	if err != nil {
		return true, func() {}
	}
	free, err := filelock.Shared(f)
	return free || err != nil, func() { _ = f.Close() }
}

// recorded is what a run directory holds of a run.
type recorded struct {
	dir      string
	plan     *scenario.Recorded // nil: there is none
	facts    *facts
	timeline *timeline.Timeline
	killed   bool // before it was over
}

// openRecorded reads all of a run directory but the intervals.
func openRecorded(dir string) (r *recorded, code ExitCode, err error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ExitUsage, fmt.Errorf("there is no run directory %s: runs/ holds those that "+
			"were not sent elsewhere with --out", dir)
	case err != nil:
		return nil, ExitUsage, err
	case !info.IsDir():
		return nil, ExitUsage, fmt.Errorf("expected a run directory, found the file %s", dir)
	}
	r = &recorded{dir: dir}
	err = r.read()
	switch {
	case errors.Is(err, errForeign):
		return nil, ExitUsage, fmt.Errorf("%s is no run directory: it holds neither %s nor %s",
			dir, planFile, record.TimelineFile)
	case err != nil:
		return nil, ExitInconclusive, damaged(dir, err)
	}
	return r, ExitPass, nil
}

var errForeign = errors.New("no run directory")

func damaged(dir string, err error) error {
	return fmt.Errorf("the run in %s cannot be judged: %w", dir, err)
}

func (r *recorded) read() error {
	plan, err := r.file(planFile)
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(r.dir, record.TimelineFile))
	unrecorded := errors.Is(err, fs.ErrNotExist)
	if plan == nil && unrecorded {
		return errForeign
	}
	if plan != nil {
		if r.plan, err = scenario.ReadPlan(plan); err != nil {
			return fmt.Errorf("%s: %w", planFile, err)
		}
	}
	if err := r.readFacts(); err != nil {
		return err
	}
	if want := r.facts.Source.PlanSHA256; plan != nil && want != "" {
		if sum := sha256.Sum256(plan); hex.EncodeToString(sum[:]) != want {
			return fmt.Errorf("%s is not what the run wrote, whose SHA-256 is %s: "+
				"put it back; other rules can be given as a file or with %s",
				planFile, want, scenario.RuleFlag)
		}
	}
	return r.readTimeline(unrecorded)
}

// file reads a file of the run directory; nil if it is not there.
func (r *recorded) file(name string) ([]byte, error) {
	path := filepath.Join(r.dir, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("expected a file, found something else: %s", name)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// readFacts reads the facts of the run, from its summary if it is from before there was run.json.
func (r *recorded) readFacts() error {
	name := factsFile
	text, err := r.file(factsFile)
	parse := parseFacts
	if err == nil && text == nil {
		name, parse = summaryFile, factsOfSummary
		text, err = r.file(summaryFile)
	}
	if err != nil {
		return err
	}
	if text == nil {
		r.facts = &facts{}
	} else if r.facts, err = parse(text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.killed = r.facts.End == nil; r.killed {
		r.facts.End = &ended{}
	}
	return nil
}

// factsOfSummary takes the facts out of a summary.
func factsOfSummary(text []byte) (*facts, error) {
	var s struct {
		Schema      int
		Seed        uint64
		Engine      string
		EngineWhy   string `json:"engine_why"`
		Version     string
		Scenario    report.Source
		Host        report.Host
		Problems    []string
		Started     time.Time
		Duration    time.Duration
		Interrupted bool
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("expected the summary of a run: %w", err)
	}
	if s.Schema != report.SummarySchema {
		return nil, fmt.Errorf("expected schema %d, found %d", report.SummarySchema, s.Schema)
	}
	f := &facts{
		Version: s.Version, Host: s.Host, Source: s.Scenario, seed: s.Seed,
		End: &ended{Engine: s.Engine, EngineWhy: s.EngineWhy, Problems: s.Problems},
	}
	if s.Duration == 0 {
		f.End.Unsent = &unsent{Started: s.Started, Interrupted: s.Interrupted}
	}
	return f, nil
}

// readTimeline reads the recording, or what stands for it if no load was sent.
func (r *recorded) readTimeline(unrecorded bool) (err error) {
	end := r.facts.End
	switch {
	case end.Unsent != nil && r.plan != nil:
		r.timeline = emptyTimeline(r.plan.Name, end.Unsent.Started)
		r.timeline.Interrupted = end.Unsent.Interrupted
		return nil
	case unrecorded:
		return fmt.Errorf("it holds no %s: it recorded nothing, or the file was removed",
			record.TimelineFile)
	}
	for _, name := range []string{record.TimelineFile, record.LogFile} {
		info, err := os.Stat(filepath.Join(r.dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("it holds no %s, without which the recording says nothing: "+
				"copy whole run directories", name)
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("expected a file, found something else: %s", name)
		}
	}
	if r.timeline, err = record.Load(r.dir); err != nil {
		return err
	}
	if r.plan != nil && r.plan.Name != r.timeline.Name {
		return fmt.Errorf("%s is of the run %q, and %s of %q: they are not of one run",
			planFile, r.plan.Name, record.TimelineFile, r.timeline.Name)
	}
	switch t := end.Truncated; {
	case t != nil:
		r.timeline.Interrupted, r.timeline.Faults = t.Interrupted, t.Faults
		r.timeline.Stopped, r.timeline.Hypothesis = t.Stopped, t.Hypothesis
	case !r.killed && slices.ContainsFunc(r.timeline.Events, timeline.Event.CutOff):
		return fmt.Errorf("%s has no end, though the run was over: it was cut off when it was "+
			"copied, or changed; copy whole run directories", record.TimelineFile)
	}
	return nil
}

// rules are those to judge by.
func (r *recorded) rules(again *Again) ([]scenario.PlannedRule, ExitCode, error) {
	if again.File != "" || len(again.Rules) > 0 {
		planned, err := scenario.LoadRules(again.File, again.Rules, again.Env, r.names())
		return planned, ExitUsage, err
	}
	if r.plan == nil {
		return nil, ExitUsage, fmt.Errorf("%s holds no %s, in which the run's rules stand: "+
			"give a file with rules, or %s RULE", r.dir, planFile, scenario.RuleFlag)
	}
	for i := range r.plan.Rules {
		p := &r.plan.Rules[i]
		compiled, wrong := verdict.Compile(p.KPI, r.names())
		if wrong != nil {
			return nil, ExitInconclusive, damaged(r.dir, fmt.Errorf("rule %d of %s, %s: %s: "+
				"judge it with the version of ordeal that wrote it, or give other rules",
				i+1, planFile, p.KPI, wrong[0]))
		}
		p.Rule = compiled
	}
	return r.plan.Rules, ExitPass, nil
}

// names are the names that rules may have: of the recording, or of the plan if nothing was
// recorded.
func (r *recorded) names() verdict.Names {
	t := r.timeline
	n := verdict.Names{
		Requests: slices.Clone(t.Requests), Flows: slices.Clone(t.Flows),
	}
	for _, s := range t.Stages {
		n.Stages, n.End = append(n.Stages, s.Name), max(n.End, s.Window.To)
	}
	for i := range t.Faults {
		n.Faults = append(n.Faults, t.Faults[i].Name)
	}
	n.Subjects = t.Subjects
	if nothing := r.facts.End.Unsent; nothing != nil && len(n.Subjects) == 0 {
		n.Subjects = nothing.Subjects
	}
	if r.plan != nil {
		for to, more := range map[*[]string][]string{
			&n.Stages: r.plan.Stages, &n.Requests: r.plan.Requests,
			&n.Flows: r.plan.Flows, &n.Faults: r.plan.Faults,
		} {
			*to = append(*to, more...)
		}
	}
	for _, list := range []*[]string{&n.Stages, &n.Requests, &n.Flows, &n.Faults} {
		*list = unique(*list)
	}
	return n
}

// unique is all without repetitions.
func unique(all []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// judge judges the run.
func (r *recorded) judge(rules []scenario.PlannedRule, again *Again) (*report.Run, error) {
	id := identity{r.timeline.Name, r.facts.seed}
	if r.plan != nil {
		id = identity{r.plan.Name, r.plan.Seed}
	}
	held, err := r.chosen(rules, again)
	if err != nil {
		return nil, err
	}
	out, err := r.facts.judge(id, r.dir, rules, r.timeline, held)
	if err != nil || !r.killed {
		return out, err
	}
	doubt(&out.Report, "ordeal was killed before the run was over, or had no room to write: what "+
		"it recorded ends there, and does not say whether its faults were undone; ordeal heal undoes what is left")
	// The exit code of an interruption is for the user who interrupted the run; nobody did now.
	out.ExitCode = int(exitCode(out.Report.Outcome, false, out.Dirty))
	return out, nil
}

// makeOutDir makes the folder for outputs, which holds nothing but outputs.
func makeOutDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder of --out cannot be made: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("the folder of --out cannot be used: %w", err)
	}
	for _, e := range entries {
		ours := slices.ContainsFunc(report.Outputs(), func(o report.Output) bool {
			return strings.TrimSuffix(e.Name(), ".part") == o.File
		})
		if !ours || !e.Type().IsRegular() {
			return fmt.Errorf("the folder %s holds %s, and not only what judging writes: "+
				"name another one with --out", dir, e.Name())
		}
	}
	return nil
}
