package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// What a run comes to that may be repeated, by how each of the two ends.
func TestRerun(t *testing.T) {
	for _, c := range []struct {
		name      string
		rerun     int
		codes     []run.ExitCode
		interrupt bool
		want      run.ExitCode
		dirs      []string
		said      string
	}{
		{"passes", 1, []run.ExitCode{run.ExitPass}, false, run.ExitPass, []string{"out"}, ""},
		{"fails once", 1, []run.ExitCode{run.ExitFail, run.ExitPass}, false, run.ExitPass,
			[]string{"out", "out-rerun"}, "a warning: it failed at first"},
		{"fails twice", 1, []run.ExitCode{run.ExitFail, run.ExitFail}, false, run.ExitFail,
			[]string{"out", "out-rerun"}, "repeated once"},
		{"fails, and then nobody can tell", 1, []run.ExitCode{run.ExitFail, run.ExitInconclusive}, false,
			run.ExitInconclusive, []string{"out", "out-rerun"}, "repeated once"},
		{"fails, and then cannot be undone", 1, []run.ExitCode{run.ExitFail, run.ExitBroken}, false,
			run.ExitBroken, []string{"out", "out-rerun"}, "repeated once"},
		{"nobody can tell", 1, []run.ExitCode{run.ExitInconclusive}, false, run.ExitInconclusive, []string{"out"}, ""},
		{"fails and is interrupted", 1, []run.ExitCode{run.ExitFail}, true, run.ExitFail, []string{"out"}, ""},
		{"is not asked to", 0, []run.ExitCode{run.ExitFail}, false, run.ExitFail, []string{"out"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			soft, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var out bytes.Buffer
			var dirs []string
			r := &runs{streams: &streams{out: &out, err: &out}}
			r.start = func(_, _ context.Context, _ *scenario.Plan, opt run.Options) (run.ExitCode, error) {
				code := c.codes[len(dirs)]
				dirs = append(dirs, opt.Out)
				opt.Reported(&report.Run{Dir: opt.Out, ExitCode: int(code)})
				if c.interrupt {
					interrupt()
				}
				return code, nil
			}
			plan := &scenario.Plan{Name: "a", Rerun: c.rerun}
			all, code, err := r.rerun(soft, t.Context(), "a.yaml", plan, "out", run.Options{Stdout: &out})
			if err != nil || code != c.want {
				t.Errorf("exit code %d and %v, want %d", code, err, c.want)
			}
			if diff := cmp.Diff(c.dirs, dirs); diff != "" {
				t.Errorf("run directories (-expected +found):\n%s", diff)
			}
			if len(all) != len(c.codes) || !strings.Contains(out.String(), c.said) {
				t.Errorf("%d runs are shown, and said is %q; want %q", len(all), out.String(), c.said)
			}
		})
	}
}
