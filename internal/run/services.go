package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/freeport"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/seed"
	"github.com/seed-1574e9de/ordeal/internal/state"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/link"
	"github.com/seed-1574e9de/ordeal/internal/target/process"
)

// services are what the run starts and finds: it knows their addresses, what
// can be broken about each, and how to take down what it started.
type services struct {
	dir      string // of the scenario file; relative paths of processes
	logs     string // where processes' output goes
	seed     uint64
	id       string // of the run
	owner    string
	claim    *state.Claim // where the engine is written down before anything is made there
	plan     *scenario.Plan
	progress func(format string, args ...any)
	redact   func(io.WriteCloser) io.WriteCloser
	hosts    *allow.Hosts // where they may connect to
	refused  func(error)  // told of a connection that a link must not open

	engine  *container.Engine // nil until a service or fault needs it
	stack   *container.Stack  // nil until a container is started
	addrs   map[string]string
	targets map[string][]chaos.Target
	exits   []<-chan process.Exit         // of processes that nobody had told to end
	undo    []func(context.Context) error // in order of starting
}

func (s *services) addr(name string) (string, bool) {
	a, ok := s.addrs[name]
	return a, ok
}

// start brings services up in the order given, in which each stands behind
// those whose address it needs. What was started stays started if it fails:
// stop takes it down.
func (s *services) start(ctx context.Context, ordered []scenario.Service) error {
	s.addrs = make(map[string]string)
	s.targets = make(map[string][]chaos.Target)
	for _, svc := range ordered {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		switch {
		case svc.Process != nil:
			err = s.startProcess(ctx, svc.Name, svc.Process)
		case svc.Link != nil:
			err = s.startLink(ctx, svc.Name, svc.Link)
		case svc.Container != nil:
			err = s.container(ctx, svc.Name, svc.Container)
		}
		if err != nil {
			return fmt.Errorf("service %s: %w", svc.Name, err)
		}
	}
	return nil
}

func (s *services) startProcess(ctx context.Context, name string, p *scenario.Process) error {
	port, err := freeport.Pick()
	if err != nil {
		return err
	}
	own := "127.0.0.1:" + strconv.Itoa(port)
	expand := func(text string) (string, error) {
		return scenario.Expand(strings.ReplaceAll(text, "${PORT}", strconv.Itoa(port)), s.addr)
	}
	command := p.Command
	if p.Builtin != "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("the program's own path cannot be found: %w", err)
		}
		command = append([]string{self, "demo", p.Builtin, "--listen", own}, p.Args...)
	}
	command, err = expandAll(command, expand)
	if err != nil {
		return err
	}
	env := []string{"PORT=" + strconv.Itoa(port)}
	for _, k := range slices.Sorted(maps.Keys(p.Env)) {
		v, err := expand(p.Env[k])
		if err != nil {
			return err
		}
		env = append(env, k+"="+v)
	}
	check, err := s.check(p.Ready, name, own, expand)
	if err != nil {
		return err
	}
	log, err := s.log(name)
	if err != nil {
		return err
	}
	s.undo = append(s.undo, func(context.Context) error { return log.Close() })
	s.addrs[name] = own
	s.progress("starting %s on %s", name, own)
	dir, err := expand(p.Dir)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.dir, dir)
	}
	proc, err := process.Start(ctx, process.Config{
		Name: name, Command: command, Env: env, Dir: dir, Ready: check, ReadyTimeout: p.ReadyTimeout, Addr: own, Hosts: s.hosts, Log: log,
	})
	if err != nil {
		return err
	}
	s.targets[name] = []chaos.Target{proc}
	s.exits = append(s.exits, proc.Exited())
	s.undo = append(s.undo, proc.Stop)
	return nil
}

func (s *services) startLink(ctx context.Context, name string, l *scenario.Link) error {
	upstream, err := scenario.Expand(l.Upstream, s.addr)
	if err != nil {
		return err
	}
	// A stream of its own, or all links would draw the same jitter.
	lk, err := link.Start(ctx, name, l.Listen, upstream, seed.Stream(s.seed, "link/"+name).Uint64(), link.WithHosts(s.hosts, s.refused))
	if err != nil {
		return err
	}
	s.addrs[name] = lk.Addr()
	s.targets[name] = []chaos.Target{lk}
	s.undo = append(s.undo, func(context.Context) error { return lk.Close() })
	s.progress("carrying %s from %s to %s", name, lk.Addr(), upstream)
	if l.Ready.IsZero() {
		return nil
	}
	check, err := s.check(l.Ready, name, lk.Addr(), nil)
	if err != nil {
		return err
	}
	return awaitReady(ctx, check, ready.Options{Hosts: s.hosts}, l.ReadyTimeout)
}

// check completes what a service is asked to tell whether it is ready; own is
// the service's address. expand may be nil.
func (s *services) check(c ready.Check, name, own string, expand func(string) (string, error)) (ready.Check, error) {
	if expand == nil {
		expand = func(text string) (string, error) { return scenario.Expand(text, s.addr) }
	}
	return s.plan.ResolveReady(c, own, s.plan.OverTLS(name), expand)
}

// awaitReady returns when a check has its answer.
func awaitReady(ctx context.Context, c ready.Check, opt ready.Options, within time.Duration) error {
	p, err := ready.NewProber(c, opt)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Await(ctx, within, nil)
}

// log opens the file that a process's output goes to, without secrets: run
// directories are passed around. What a process prints can hold what nobody can
// know for a secret, so the file is its owner's alone, as samples are.
func (s *services) log(name string) (io.WriteCloser, error) {
	if err := os.MkdirAll(s.logs, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.logs)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name+".log", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return s.redact(f), nil
}

// stop takes down what was started, last first, and returns all that went
// wrong. It can be called again.
func (s *services) stop(ctx context.Context) error {
	var errs []error
	for _, undo := range slices.Backward(s.undo) {
		if err := undo(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	s.undo = nil
	return errors.Join(errs...)
}

func expandAll(in []string, expand func(string) (string, error)) ([]string, error) {
	out := make([]string, len(in))
	for i, text := range in {
		var err error
		if out[i], err = expand(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}
