package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// expectation is a case.json: what is there, what is run, and what is right.
type expectation struct {
	What string `json:"what"`
	step        // the only one, or the first

	Steps      []step              `json:"steps"`
	Make       string              `json:"make"`       // generated files, see made
	EnvLong    map[string]int      `json:"env_long"`   // variables of so many letters
	Podman     bool                `json:"podman"`     // podman's API, at $PODMAN
	Containers []container         `json:"containers"` // running before the first step
	Servers    []server            `json:"servers"`    // running before the first step
	Mounts     bool                `json:"mounts"`     // a mount namespace of its own
	Addresses  []string            `json:"addresses"`  // of a network namespace of its own
	Hosts      map[string][]string `json:"hosts"`      // address to names: its /etc/hosts
}

// step is one command and what is right about it.
type step struct {
	Run     []string          `json:"run"`   // arguments of ordeal; run gets --out
	Sh      string            `json:"sh"`    // or a line for sh
	Under   []string          `json:"under"` // a command that runs it, such as unshare
	Env     map[string]string `json:"env"`   // values may name variables of the case
	While   []event           `json:"while"` // what happens meanwhile
	Exit    []int             `json:"exit"`  // any of these; none: 0
	Has     []string          `json:"has"`   // of what it prints
	HasNot  []string          `json:"has_not"`
	Summary map[string]any    `json:"summary"` // values of summary.json, see compare
	Rules   map[string]string `json:"rules"`   // outcomes of rules: pass, fail, inconclusive
	MaxMiB  int64             `json:"max_mib"`
	Seconds int               `json:"seconds"` // at most; 0: 60
}

// event is a line for sh, once a step has printed a text. $STEP is the step's
// process id.
type event struct {
	When string `json:"when"`
	Sh   string `json:"sh"`
}

// server is a process of this program's serve that runs beside the steps. Its
// address is in the variable of its name.
type server struct {
	Name   string   `json:"name"`
	Args   []string `json:"args"`
	Has    []string `json:"has"` // of the requests that it logs
	HasNot []string `json:"has_not"`
}

// load reads a case.json.
func load(file string) (c expectation, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, err
	}
	if c.Run != nil || c.Sh != "" {
		c.Steps = slices.Insert(c.Steps, 0, c.step)
	}
	if len(c.Steps) == 0 {
		return c, errors.New("expected run, sh or steps, found nothing to run")
	}
	return c, nil
}

// place is where a case runs: its folder, its variables, and what is to be
// removed after it, last first.
type place struct {
	ordeal string
	self   string // this program, as a path
	dir    string // removed at the end
	vars   map[string]string
	undo   []func(context.Context) error
}

func (p *place) later(f func(context.Context) error) { p.undo = append(p.undo, f) }

// one runs a case and says what is not as expected.
func one(ctx context.Context, ordeal, file, target string) (wrong []string, err error) {
	c, err := load(file)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "ordeal-case-")
	if err != nil {
		return nil, err
	}
	p := &place{ordeal: ordeal, self: self, dir: tmp, vars: map[string]string{
		"ORDEAL_STATE_DIR": filepath.Join(tmp, "state"),
		"NO_COLOR":         "1",
		"TARGET":           target,
		"SERVER":           self,
		"ORDEAL":           ordeal,
		"CASE_DIR":         tmp,
	}}
	p.later(func(context.Context) error { return os.RemoveAll(tmp) })
	defer func() {
		// Bounded, and also after Ctrl-C.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		for _, f := range slices.Backward(p.undo) {
			err = errors.Join(err, f(ctx))
		}
	}()
	if err := p.furnish(ctx, c, filepath.Dir(file)); err != nil {
		return nil, err
	}
	var after []func() []string
	for _, s := range c.Servers {
		check, err := p.start(ctx, s)
		if err != nil {
			return nil, err
		}
		after = append(after, check)
	}
	for i, s := range c.Steps {
		w, err := p.step(ctx, i, s)
		if err != nil {
			return nil, err
		}
		for _, w := range w {
			if len(c.Steps) > 1 {
				w = fmt.Sprintf("step %d: %s", i+1, w)
			}
			wrong = append(wrong, w)
		}
	}
	for _, check := range after {
		wrong = append(wrong, check()...)
	}
	return wrong, nil
}

// furnish makes the case's files, its namespaces' contents and its containers.
func (p *place) furnish(ctx context.Context, c expectation, from string) error {
	work := filepath.Join(p.dir, "case")
	if err := os.CopyFS(work, os.DirFS(from)); err != nil {
		return err
	}
	if c.Make != "" {
		make, ok := made[c.Make]
		if !ok {
			return fmt.Errorf("nothing makes %q", c.Make)
		}
		for name, text := range make() {
			if err := os.WriteFile(filepath.Join(work, name), text, 0o600); err != nil {
				return err
			}
		}
	}
	for k, n := range c.EnvLong {
		p.vars[k] = strings.Repeat("q", n)
	}
	if c.Mounts {
		// Before the folder is removed, whatever a step that failed left mounted there.
		p.later(func(context.Context) error { return detach(p.vars["ORDEAL_STATE_DIR"]) })
	}
	if err := furnishNamespaces(ctx, c, p.dir); err != nil {
		return err
	}
	if c.Podman {
		if err := p.podman(ctx); err != nil {
			return err
		}
	}
	if len(c.Containers) > 0 {
		// What a run has left, should it have failed, after the case's own containers.
		p.later(p.heal)
	}
	for _, k := range c.Containers {
		if err := p.run(ctx, k); err != nil {
			return fmt.Errorf("container %s: %w", k.Name, err)
		}
	}
	return nil
}

// heal removes what ordeal's own runs have left.
func (p *place) heal(ctx context.Context) error {
	if _, err := os.Stat(p.vars["ORDEAL_STATE_DIR"]); err != nil {
		return nil // no run has begun
	}
	cmd := p.command(ctx, []string{p.ordeal, "heal"}, nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ordeal heal after the case: %w\n%s", err, out)
	}
	return nil
}

// command is a command in the case's folder, with its variables, in a process
// group of its own: Ctrl-C reaches it through ctx, once.
func (p *place) command(ctx context.Context, args []string, env map[string]string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = filepath.Join(p.dir, "case")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second // for undoing
	cmd.Env = os.Environ()
	for k, v := range p.vars {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+p.expand(v))
	}
	return cmd
}

func (p *place) expand(s string) string {
	return os.Expand(s, func(name string) string { return p.vars[name] })
}

// step runs a step and says what is not as expected.
func (p *place) step(ctx context.Context, n int, s step) (wrong []string, err error) {
	seconds := s.Seconds
	if seconds == 0 {
		seconds = 60
	}
	limit, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	args := []string{"sh", "-c", s.Sh}
	runDir := filepath.Join(p.dir, fmt.Sprintf("out-%d", n))
	if s.Sh == "" {
		args = append([]string{p.ordeal}, s.Run...)
		if len(s.Run) > 0 && s.Run[0] == "run" {
			args = append(args, "--out", runDir)
		}
	}
	cmd := p.command(limit, append(slices.Clone(s.Under), args...), s.Env)
	said := &said{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	events := make(chan error, 1)
	stop := make(chan struct{})
	go func() { events <- p.events(limit, stop, said, s.While, cmd.Process.Pid) }()
	runErr := cmd.Wait()
	close(stop)
	err = <-events
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	if cmd.ProcessState == nil {
		return nil, runErr
	}
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if limit.Err() != nil {
		say("expected an end within %d s, found none", seconds)
	}
	exits := s.Exit
	if exits == nil {
		exits = []int{0}
	}
	if code := cmd.ProcessState.ExitCode(); !slices.Contains(exits, code) {
		say("expected exit code %v, found %d", exits, code)
	}
	out := said.text()
	wrong = append(wrong, words(out, s.Has, s.HasNot, "what it prints")...)
	if len(s.Summary)+len(s.Rules) > 0 {
		file := filepath.Join(runDir, "summary.json")
		wrong = append(wrong, compare(file, s.Summary, s.Rules)...)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if ok && s.MaxMiB > 0 && usage.Maxrss>>10 > s.MaxMiB {
		say("expected at most %d MiB of memory, found %d", s.MaxMiB, usage.Maxrss>>10)
	}
	if len(wrong) > 0 {
		text := strings.Split(strings.TrimSpace(out), "\n")
		for _, line := range text[max(0, len(text)-40):] {
			say("  | %.200q", line)
		}
	}
	return wrong, nil
}

// events runs the lines of sh that a step's output asks for, one after the
// other. An event whose text never came is an error of the case.
func (p *place) events(
	ctx context.Context, stop <-chan struct{}, said *said, events []event, pid int,
) error {
	for _, e := range events {
		for stopped := false; !strings.Contains(said.text(), e.When); {
			if stopped {
				return fmt.Errorf("expected %q to be printed, found:\n%s", e.When, said.text())
			}
			select {
			case <-stop:
				stopped = true // the last of the output is looked at too
			case <-time.After(20 * time.Millisecond):
			}
		}
		cmd := p.command(ctx, []string{"sh", "-c", e.Sh}, nil)
		cmd.Env = append(cmd.Env, fmt.Sprintf("STEP=%d", pid))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", e.Sh, err, out)
		}
	}
	return nil
}

// start starts a server and gives what says, at the case's end, what is wrong
// with the requests that it got.
func (p *place) start(ctx context.Context, s server) (check func() []string, err error) {
	args := []string{p.self, "serve", "-log"}
	for _, a := range s.Args {
		args = append(args, p.expand(a))
	}
	cmd := p.command(ctx, args, nil)
	said := &said{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.later(func(context.Context) error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, as it was told
		return nil
	})
	for range 500 {
		first, _, whole := strings.Cut(said.text(), "\n")
		if addr, ok := strings.CutPrefix(first, listening); ok && whole {
			p.vars[s.Name] = addr
			return func() []string {
				return words(said.text(), s.Has, s.HasNot, "the requests of server "+s.Name)
			}, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("server %s does not listen: %s", s.Name, said.text())
}

// words says which texts are missing or too many.
func words(text string, has, hasNot []string, where string) (wrong []string) {
	for _, s := range has {
		if !strings.Contains(text, s) {
			wrong = append(wrong, fmt.Sprintf("expected %q in %s", s, where))
		}
	}
	for _, s := range hasNot {
		if strings.Contains(text, s) {
			wrong = append(wrong, fmt.Sprintf("expected no %q in %s", s, where))
		}
	}
	return wrong
}

// said is what a command has printed so far.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// compare holds values and rules of a summary.json against what is expected. The key
// of a value is a path, such as faults.f.verified: elements of a list are found by
// their name. A text that begins with an operator is a comparison of numbers,
// ">= 6.5e9"; null is also what is not there.
func compare(file string, expected map[string]any, rules map[string]string) (wrong []string) {
	text, err := os.ReadFile(file)
	var all any
	var judged struct {
		Rules []struct{ KPI, Outcome string }
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(text, &all), json.Unmarshal(text, &judged))
	}
	if err != nil {
		return []string{"expected a summary.json, found none: " + err.Error()}
	}
	say := func(what string, expected, found any) {
		wrong = append(wrong, fmt.Sprintf("expected %s to be %v in summary.json, found %v",
			what, expected, found))
	}
	for _, path := range slices.Sorted(maps.Keys(expected)) {
		if v := find(all, strings.Split(path, ".")); !fits(v, expected[path]) {
			say(path, expected[path], v)
		}
	}
	for _, kpi := range slices.Sorted(maps.Keys(rules)) {
		found := "no such rule"
		for _, r := range judged.Rules {
			if r.KPI == kpi {
				found = r.Outcome
			}
		}
		if found != rules[kpi] {
			say("rule "+kpi, rules[kpi], found)
		}
	}
	return wrong
}

func find(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch w := v.(type) {
	case map[string]any:
		return find(w[path[0]], path[1:])
	case []any:
		for _, e := range w {
			if m, ok := e.(map[string]any); ok && m["name"] == path[0] {
				return find(e, path[1:])
			}
		}
	}
	return nil
}

func fits(found, expected any) bool {
	text, ok := expected.(string)
	if !ok {
		return found == expected
	}
	var op string
	var bound float64
	if n, err := fmt.Sscanf(text, "%s %g", &op, &bound); n != 2 || err != nil {
		return found == expected
	}
	v, ok := found.(float64)
	switch op {
	case "<":
		return ok && v < bound
	case "<=":
		return ok && v <= bound
	case ">":
		return ok && v > bound
	case ">=":
		return ok && v >= bound
	}
	return found == expected
}
