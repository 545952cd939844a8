package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// What several runs come to, and which of them are started, by how each ends.
func TestSeveral(t *testing.T) {
	ended := func(code run.ExitCode, o verdict.Outcome) func(*report.Run) (run.ExitCode, error) {
		return func(r *report.Run) (run.ExitCode, error) {
			r.Report.Outcome, r.ExitCode = o, int(code)
			return code, nil
		}
	}
	left := func(r *report.Run) (run.ExitCode, error) {
		r.LeftBehind, r.Problems = true, []string{"a container is left"}
		return run.ExitBroken, errors.New("a container is left")
	}
	refused := func(*report.Run) (run.ExitCode, error) {
		return run.ExitUsage, errors.New("no room")
	}
	pass, fail := ended(run.ExitPass, verdict.Pass), ended(run.ExitFail, verdict.Fail)
	unsure := ended(run.ExitInconclusive, verdict.Inconclusive)
	broken := func(r *report.Run) (run.ExitCode, error) {
		r.Problems = []string{"not ready"}
		return run.ExitBroken, errors.New("not ready")
	}
	type ending = func(*report.Run) (run.ExitCode, error)
	for _, c := range []struct {
		name      string
		runs      []ending
		interrupt int // in which run, from 1
		want      run.ExitCode
		words     []string
	}{
		{"all pass", []ending{pass, pass}, 0, run.ExitPass, []string{"MEASURED", "MEASURED"}},
		{"inconclusive is better than failed", []ending{unsure, fail, pass}, 0, run.ExitFail, []string{"INCONCLUSIVE", "FAIL", "MEASURED"}},
		{"one that cannot be done", []ending{broken, fail}, 0, run.ExitBroken, []string{"NOT DONE", "FAIL"}},
		{"one that is refused", []ending{fail, refused, pass}, 0, run.ExitUsage, []string{"FAIL", "NOT DONE", "MEASURED"}},
		{"something is left", []ending{pass, left, pass}, 0, run.ExitBroken, []string{"MEASURED", "NOT DONE", "NOT STARTED"}},
		{"an interruption that came too late", []ending{pass, fail}, 2, run.ExitFail, []string{"MEASURED", "FAIL"}},
		{"an interruption between two", []ending{pass, pass}, 1, run.ExitInterrupted, []string{"MEASURED", "NOT STARTED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			soft, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var out, problems bytes.Buffer
			n := 0
			r := &runs{streams: &streams{out: &out, err: &problems}}
			r.start = func(_, _ context.Context, plan *scenario.Plan, opt run.Options) (run.ExitCode, error) {
				reported := &report.Run{Name: plan.Name, Dir: opt.Out}
				code, err := c.runs[n](reported)
				if code != run.ExitUsage {
					opt.Reported(reported)
				}
				if n++; n == c.interrupt {
					interrupt()
				}
				return code, err
			}
			var files []string
			var plans []*scenario.Plan
			for range c.runs {
				files = append(files, "night/a.yaml")
				plans = append(plans, &scenario.Plan{Name: "a"})
			}
			r.out = "here"
			_, code := r.several(soft, t.Context(), files, plans, r.dirs(files), run.Options{Stdout: &out})
			if code != c.want {
				t.Errorf("expected exit code %d, found %d", c.want, code)
			}
			_, table, _ := strings.Cut(out.String(), "\nruns\n")
			var words []string
			for line := range strings.Lines(table) {
				if word, _, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && word != "verdict" {
					words = append(words, word)
				}
			}
			if diff := cmp.Diff(c.words, words); diff != "" {
				t.Errorf("verdicts (-expected +found):\n%s\n%s", diff, table)
			}
			if strings.Contains(strings.Join(c.words, " "), "NOT DONE") != strings.Contains(problems.String(), "ordeal: ") {
				t.Errorf("the errors were told as %q", problems.String())
			}
		})
	}
	r := &runs{out: "here"}
	if diff := cmp.Diff([]string{"here/a", "here/b", "here/a-2"}, r.dirs([]string{"x/a.yaml", "b.yml", "a.yaml"})); diff != "" {
		t.Errorf("run directories (-expected +found):\n%s", diff)
	}
}
