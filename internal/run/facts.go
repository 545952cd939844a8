package run

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// factsFile holds the facts of a run.
const factsFile = "run.json"

// factsSchema is the version of run.json. Keys are only ever added to a version.
const factsSchema = 1

// facts are all that the outputs show of a run and that is neither in its plan, which is the same
// on every machine, nor in its recording, which ends before services are taken down. From plan,
// recording and facts a run can be judged again. Facts are written when the run begins, without
// End, and again when it is over.
type facts struct {
	Schema  int           `json:"schema"`
	Run     string        `json:"run,omitempty"` // its id
	Version string        `json:"version,omitempty"`
	Machine string        `json:"machine,omitempty"` // name of the host
	Host    report.Host   `json:"host,omitzero"`
	Source  report.Source `json:"scenario,omitzero"`
	End     *ended        `json:"end,omitempty"` // nil: under way, or killed

	seed uint64 // of a run that has no plan, from its summary
}

// ended has the facts about the end of a run.
type ended struct {
	Engine    string            `json:"engine,omitempty"`
	EngineWhy string            `json:"engine_why,omitempty"`
	Examples  map[string]string `json:"examples,omitempty"` // of errors, by kind
	Samples   string            `json:"samples,omitempty"`
	Problems  []string          `json:"problems,omitempty"`
	// Ledgers are what was read back. The rules go by the recording, which has their figures.
	Ledgers []ledger.Account `json:"ledgers,omitempty"`
	// Unsent stands in place of the recording if no load was sent.
	Unsent *unsent `json:"unsent,omitempty"`
	// Truncated says how a recording that could not be written to its end was cut off.
	Truncated *truncated `json:"truncated,omitempty"`
}

type unsent struct {
	Started     time.Time `json:"started"`
	Interrupted bool      `json:"interrupted,omitempty"`
	// Subjects are what rules may ask of, as a recording has them.
	Subjects []timeline.Declared `json:"subjects,omitempty"`
}

type truncated struct {
	Interrupted bool                 `json:"interrupted,omitempty"`
	Stopped     *timeline.Stop       `json:"stopped,omitempty"`
	Hypothesis  *timeline.Hypothesis `json:"hypothesis,omitempty"`
	Faults      []timeline.Fault     `json:"faults,omitempty"`
	Planned     time.Duration        `json:"planned"` // of the load
}

// write puts the facts into the run directory.
func (f *facts) write(dir string) error {
	return writeFile(dir, factsFile, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(f)
	})
}

// parseFacts reads run.json.
func parseFacts(b []byte) (*facts, error) {
	f := new(facts)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("expected the facts of a run: %w", err)
	}
	if f.Schema != factsSchema {
		return nil, fmt.Errorf(
			"expected schema %d, found %d: use the version of ordeal that wrote it",
			factsSchema, f.Schema,
		)
	}
	return f, nil
}

// identity is what a run is called, and its seed, by its plan.
type identity struct {
	Name string
	Seed uint64
}

// judge judges the recording of a run that is over, and returns its report, with the exit code. It
// is the same at the end of the run and later.
func (f *facts) judge(
	id identity, dir string, rules []scenario.PlannedRule, tl *timeline.Timeline, held *chosen,
) (*report.Run, error) {
	earlier, err := held.earlier()
	if err != nil {
		return nil, err
	}
	judged, err := verdict.Judge(inputs(rules, earlier), tl)
	if err != nil {
		return nil, err
	}
	if f.End.Truncated != nil {
		doubt(&judged, fmt.Sprintf(
			"the recording ends after %s of %s: what came later is in no figure",
			quantity.FormatDuration(tl.Duration),
			quantity.FormatDuration(f.End.Truncated.Planned),
		))
	}
	var places []scenario.Place
	for _, r := range rules {
		places = append(places, r.At)
	}
	host := f.Host
	host.Name = f.Machine
	out := &report.Run{
		Name: id.Name, Seed: id.Seed, Dir: dir, Version: f.Version, Host: host, Source: f.Source,
		Engine: f.End.Engine, EngineWhy: f.End.EngineWhy, Examples: f.End.Examples,
		Samples: f.End.Samples, Ledgers: f.End.Ledgers, Problems: f.End.Problems, Report: judged, Timeline: tl,
		Places: places,
		Dirty:  slices.ContainsFunc(tl.Faults, func(f timeline.Fault) bool { return f.Dirty }),
	}
	broken := out.Dirty || len(out.Problems) > 0
	out.ExitCode = int(exitCode(judged.Outcome, tl.Interrupted, broken))
	return out, nil
}

// doubt adds a reason, beside the rules, that makes the run inconclusive.
func doubt(r *verdict.Report, why string) {
	r.Why = append(r.Why, why)
	if r.Outcome != verdict.Fail {
		r.Outcome = verdict.Inconclusive
	}
}

// inputs are planned rules as the judge takes them.
func inputs(rules []scenario.PlannedRule, earlier *verdict.Earlier) []verdict.Input {
	var out []verdict.Input
	for i := range rules {
		in := rules[i].Input()
		in.Earlier = earlier
		out = append(out, in)
	}
	return out
}
