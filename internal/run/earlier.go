package run

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// earlierFile keeps the runs that a run was held against, so that it can be judged again from its
// files alone.
const earlierFile = "baselines.json"

// chosen is what earlierFile holds.
type chosen struct {
	Schema   int             `json:"schema"`
	Baseline string          `json:"baseline,omitempty"` // id of the one that is kept as normal
	Lacking  string          `json:"lacking,omitempty"`  // why there is none
	Accepted []string        `json:"accepted,omitempty"` // ids, the latest first
	TooFew   string          `json:"too_few,omitempty"`  // why there are no more
	Runs     []*baseline.Run `json:"runs"`
}

const chosenSchema = 1

// asked is what rules want of earlier runs.
func asked(rules []scenario.PlannedRule) (base bool, history int) {
	for i := range rules {
		b, h := rules[i].Rule.AsksForEarlier()
		base, history = base || b, max(history, h)
	}
	return base, history
}

// kindOf is what a run must have in common with others to be compared.
func (f *facts) kindOf(dir string, tl *timeline.Timeline) (baseline.Kind, error) {
	k := baseline.Kind{Machine: baseline.Machine{
		Arch: f.Host.Arch, Cores: float64(f.Host.CPUs), Memory: f.Host.Memory,
	}}
	for _, u := range tl.Generator {
		if u.Cores > 0 {
			k.Machine.Cores = u.Cores
		}
	}
	plan, err := os.ReadFile(filepath.Join(dir, planFile))
	if err != nil {
		return k, err
	}
	k.Load, k.Faults, err = baseline.Digests(plan)
	return k, err
}

// baselineID is what a run is called among those that are accepted.
func (f *facts) baselineID(tl *timeline.Timeline) string {
	id := f.Run
	if id == "" { // from before runs had one
		id = fmt.Sprintf("%08x", uint32(tl.Start.UnixNano()))
	}
	return tl.Start.UTC().Format("20060102-150405") + "-" + id
}

// choose finds the runs in a folder that a run is held against; nil if no rule asks for any. warn
// is told of files that cannot be read.
func (f *facts) choose(
	dir, name string, rules []scenario.PlannedRule, tl *timeline.Timeline,
	folder baseline.Folder, warn func(error),
) (*chosen, error) {
	base, history := asked(rules)
	if !base && history == 0 {
		return nil, nil
	}
	kind, err := f.kindOf(dir, tl)
	if err != nil {
		return nil, err
	}
	all, errs := folder.List()
	for _, err := range errs {
		warn(err)
	}
	w := &baseline.Wanted{
		Kind: kind, Name: name, ID: f.baselineID(tl), Baseline: base, History: history,
	}
	e, used := baseline.Choose(all, w)
	c := &chosen{Schema: chosenSchema, Lacking: e.Lacking, TooFew: e.TooFew, Runs: used}
	if e.Baseline != nil {
		c.Baseline = e.Baseline.ID
	}
	for _, p := range e.Accepted {
		c.Accepted = append(c.Accepted, p.ID)
	}
	return c, nil
}

// earlier is what rules are held against; nil of none.
func (c *chosen) earlier() (*verdict.Earlier, error) {
	if c == nil {
		return nil, nil
	}
	find := func(id string) (*verdict.Past, error) {
		i := slices.IndexFunc(c.Runs, func(r *baseline.Run) bool { return r.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("%s lacks the run %s", earlierFile, id)
		}
		return c.Runs[i].Past()
	}
	e := &verdict.Earlier{Lacking: c.Lacking, TooFew: c.TooFew}
	if c.Baseline != "" {
		p, err := find(c.Baseline)
		if err != nil {
			return nil, err
		}
		e.Baseline = p
	}
	for _, id := range c.Accepted {
		p, err := find(id)
		if err != nil {
			return nil, err
		}
		e.Accepted = append(e.Accepted, p)
	}
	return e, nil
}

func (c *chosen) write(dir string) error {
	if c == nil {
		return nil
	}
	return writeFile(dir, earlierFile, func(w io.Writer) error { return json.NewEncoder(w).Encode(c) })
}

// chosen are the runs that this one was held against, or, if it was held against none, those of a
// folder.
func (r *recorded) chosen(rules []scenario.PlannedRule, again *Again) (*chosen, error) {
	text, err := r.file(earlierFile)
	if err != nil {
		return nil, err
	}
	if text == nil {
		name := r.timeline.Name
		return r.facts.choose(r.dir, name, rules, r.timeline, again.Baselines, func(err error) {
			fmt.Fprintf(again.Stderr, "ordeal: an accepted run is left out: %v\n", err)
		})
	}
	c := new(chosen)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: expected the runs that this one was held against: %w",
			earlierFile, err)
	}
	if c.Schema != chosenSchema {
		return nil, fmt.Errorf("%s: expected schema %d, found %d: "+
			"use the version of ordeal that wrote it", earlierFile, chosenSchema, c.Schema)
	}
	return c, nil
}

// Accept keeps a recorded run in a folder, for later ones to be held against. The exit code is
// ExitUsage if there is no run at the path, or none that can be kept, and ExitInconclusive if its
// files are not whole.
func Accept(dir string, folder baseline.Folder, pinned bool) (*baseline.Run, ExitCode, error) {
	over, done := isOver(dir)
	defer done()
	if !over {
		return nil, ExitUsage, fmt.Errorf("the run in %s is still under way: wait until it is over",
			dir)
	}
	r, code, err := openRecorded(dir)
	if err != nil {
		return nil, code, err
	}
	if r.killed {
		return nil, ExitUsage, fmt.Errorf("the run in %s was killed before it was over: "+
			"accept one that was not", dir)
	}
	again := &Again{Dir: dir, Stderr: io.Discard}
	rules, code, err := r.rules(again)
	if err != nil {
		return nil, code, err
	}
	out, err := r.judge(rules, again)
	if err != nil {
		return nil, ExitInconclusive, damaged(dir, err)
	}
	kept, err := r.facts.accept(out, folder, pinned)
	if err != nil {
		return nil, ExitUsage, err
	}
	return kept, ExitPass, nil
}

// accept keeps a run that was judged.
func (f *facts) accept(out *report.Run, folder baseline.Folder, pinned bool) (*baseline.Run, error) {
	tl := out.Timeline
	switch {
	case f.End.Unsent != nil:
		return nil, fmt.Errorf("the run in %s sent no load: accept one that did", out.Dir)
	case tl.Interrupted:
		return nil, fmt.Errorf("the run in %s was interrupted: accept a whole one", out.Dir)
	case tl.Stopped != nil:
		return nil, fmt.Errorf("the run in %s was ended early: accept a whole one", out.Dir)
	case f.End.Truncated != nil:
		return nil, fmt.Errorf("the recording of the run in %s is not whole: accept one that is",
			out.Dir)
	case out.Dirty || len(out.Problems) > 0:
		return nil, fmt.Errorf("the run in %s could not be done or undone as it should: "+
			"accept one that could", out.Dir)
	}
	past, err := verdict.Keep(tl)
	if err != nil {
		return nil, err
	}
	kind, err := f.kindOf(out.Dir, tl)
	if err != nil {
		return nil, err
	}
	b := &baseline.Run{
		Schema: 1, ID: f.baselineID(tl), Name: out.Name, Started: tl.Start.UTC(),
		Accepted: time.Now().UTC().Truncate(time.Second), Verdict: out.Report.Outcome,
		Version: f.Version, Pinned: pinned, Kind: kind,
		Unhealthy: out.Report.Generator.Unhealthy(),
	}
	if err := b.SetPast(past); err != nil {
		return nil, err
	}
	return b, folder.Add(b)
}

// passedAlone says whether a run passed, but for rules that lack earlier runs: else no history
// would ever begin.
func passedAlone(out *report.Run) bool {
	if len(out.Report.Why) > 0 || len(out.Problems) > 0 || out.Dirty {
		return false
	}
	for _, x := range out.Report.Rules {
		if x.Outcome != verdict.Pass && x.Reason != verdict.ReasonBaseline {
			return false
		}
	}
	return true
}
