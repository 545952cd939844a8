package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience is how long one run may take, all in all.
const patience = 2 * time.Minute

// trial is one run.
type trial struct {
	kind   kind
	number int

	stops   int
	stopped time.Duration
	took    time.Duration
	verdict string
	exit    int
	rules   map[string]int // by outcome
	wrong   string         // what is not as it should be; empty: nothing
}

func (t *trial) rng() *rand.Rand { return rand.New(rand.NewPCG(uint64(t.number), 7)) }

// heading goes with String.
var heading = fmt.Sprintf(
	"%-16s %4s %6s %8s %6s %5s %-13s %s",
	"kind",
	"run",
	"stops",
	"stopped",
	"took",
	"exit",
	"verdict",
	"rules",
)

func (t *trial) String() string {
	var rules []string
	for _, o := range []string{"pass", "warn", "inconclusive", "fail"} {
		if n := t.rules[o]; n > 0 {
			rules = append(rules, fmt.Sprintf("%d %s", n, o))
		}
	}
	s := fmt.Sprintf(
		"%-16s %4d %6d %8s %6s %5d %-13s %s",
		t.kind.name,
		t.number+1,
		t.stops,
		t.stopped.Round(10*time.Millisecond),
		t.took.Round(100*time.Millisecond),
		t.exit,
		t.verdict,
		strings.Join(rules, ", "),
	)
	if t.wrong != "" {
		s += "\n    WRONG: " + t.wrong
	}
	return s
}

// run runs ordeal, stopping it now and then, and looks at what came out.
func (t *trial) run(ctx context.Context, ordeal, dir string, targets *targets) {
	dir = filepath.Join(dir, fmt.Sprintf("%s-%d", t.kind.name, t.number+1))
	out := filepath.Join(dir, "run")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.wrong = err.Error()
		return
	}
	file := filepath.Join(dir, "scenario.yaml")
	if err := os.WriteFile(file, []byte(t.kind.fill(targets, t.number+1)), 0o600); err != nil {
		t.wrong = err.Error()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var text bytes.Buffer
	cmd := exec.CommandContext(ctx, ordeal, "run", "--out", out, file)
	cmd.Stdout, cmd.Stderr = &text, &text
	cmd.Env = append(os.Environ(), "ORDEAL_STATE_DIR="+filepath.Join(dir, "state"))
	cmd.Cancel = func() error { // so that it undoes what it did
		return errors.Join(cmd.Process.Signal(syscall.SIGCONT), cmd.Process.Signal(os.Interrupt))
	}
	cmd.WaitDelay = 30 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.wrong = err.Error()
		return
	}
	ended := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		t.disturb(cmd.Process, ended)
	}()
	err := cmd.Wait()
	close(ended)
	<-stopped
	t.took, t.exit = time.Since(start), cmd.ProcessState.ExitCode()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.wrong = err.Error()
		return
	}
	if err := t.judge(out); err != nil {
		t.wrong = err.Error()
		if t.verdict == "" {
			t.wrong += "; it printed:\n" + text.String()
		}
	}
}

// disturb stops the process as its kind says, until it has ended.
func (t *trial) disturb(p *os.Process, ended <-chan struct{}) {
	for next := t.kind.stops(t); ; {
		run, stop, ok := next()
		if !ok {
			return
		}
		select {
		case <-ended:
			return
		case <-time.After(run):
		}
		if p.Signal(syscall.SIGSTOP) != nil {
			return
		}
		begun := time.Now()
		time.Sleep(stop)
		if p.Signal(syscall.SIGCONT) != nil {
			return
		}
		t.stops++
		t.stopped += time.Since(begun)
	}
}

// judge reads the summary, and says what is not as it should be.
func (t *trial) judge(out string) error {
	b, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err != nil {
		return err
	}
	var s struct {
		Verdict string   `json:"verdict"`
		Why     []string `json:"why"`
		Rules   []struct{ KPI, Outcome, Why string }
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	t.verdict, t.rules = s.Verdict, map[string]int{}
	var wrong []string
	for _, r := range s.Rules {
		t.rules[r.Outcome]++
		want := "pass"
		if slices.Contains(t.kind.fails, r.KPI) {
			want = "fail"
		}
		if r.Outcome != want && !(t.kind.mayDoubt && r.Outcome == "inconclusive") {
			wrong = append(wrong, fmt.Sprintf("%s is %s: %s", r.KPI, r.Outcome, r.Why))
		}
	}
	if s.Verdict != t.kind.want && !t.kind.mayDoubt {
		wrong = append(
			wrong,
			fmt.Sprintf(
				"the verdict is %s, want %s: %s",
				s.Verdict,
				t.kind.want,
				strings.Join(s.Why, "; "),
			),
		)
	}
	codes := map[string]int{"pass": 0, "fail": 1, "inconclusive": 3}
	if code, ok := codes[s.Verdict]; !ok || code != t.exit {
		wrong = append(wrong, fmt.Sprintf("the exit code is %d for %q", t.exit, s.Verdict))
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n           "))
	}
	return nil
}
