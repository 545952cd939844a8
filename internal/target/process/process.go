// Package process runs the child processes of a run, and kills, pauses and
// restarts them.
//
// Each child leads a process group of its own, so that what it starts is hit
// with it. Where the system can do that (Linux), the kernel kills a child whose
// ordeal has died; elsewhere it is found again through the journal.
package process

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

const (
	// stopGrace is how long a process has, from SIGTERM, to end by itself.
	stopGrace = 5 * time.Second
	// endsAfterKill is how long the kernel may take to end a killed process; it
	// takes longer only if the process hangs in a system call.
	endsAfterKill = 10 * time.Second
	// settle is how long a new process must live if another program answered at its address before
	// it was started: a process that finds its port taken ends.
	settle = 500 * time.Millisecond
)

// Config says what to run.
type Config struct {
	Name         string
	Command      []string // program and arguments
	Env          []string // added to ordeal's own
	Dir          string
	Ready        ready.Check   // the zero Check: ready once started
	ReadyTimeout time.Duration // 0 means 30s
	Hosts        *allow.Hosts  // which hosts Ready may lead to
	// Addr is where the process was told to listen; "" if it was not told. Without Ready, the
	// server there must be gone after a kill, and back after the restart.
	Addr string
	Log  io.Writer // takes its output; nil: only the last lines are kept, for errors
}

// Process is a child of this process. Its methods may be called from any
// goroutine.
type Process struct {
	cfg    Config
	tail   *tail
	prober *ready.Prober // of Ready, or else of Addr; nil if there is neither
	exited chan target.Exit

	life sync.Mutex // held while it is started or stopped

	mu       sync.Mutex
	child    *child
	lives    int  // how often it was started
	expected bool // ordeal has asked it to end
	stopped  bool
}

var (
	_ chaos.Target        = (*Process)(nil)
	_ chaos.Killer        = (*Process)(nil)
	_ chaos.Server        = (*Process)(nil)
	_ chaos.TimedKiller   = (*Process)(nil)
	_ chaos.SignalIgnorer = (*Process)(nil)
	_ chaos.Pauser        = (*Process)(nil)
	_ chaos.Remedier      = (*Process)(nil)
	_ chaos.Limited       = (*Process)(nil)
)

// Start runs the command and returns when it is ready; if it does not get
// there, it is stopped and the error holds its last lines. ctx is for the start
// alone: the process lives until Stop.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	if len(cfg.Command) == 0 || cfg.Command[0] == "" {
		return nil, fmt.Errorf("%s: expected a command to run, found none", cfg.Name)
	}
	if cfg.ReadyTimeout == 0 {
		cfg.ReadyTimeout = ready.DefaultTimeout
	}
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	p := &Process{
		cfg:      cfg,
		tail:     newTail(cfg.Log),
		exited:   make(chan target.Exit, 1),
		expected: true,
	}
	check := cfg.Ready
	if check.IsZero() && cfg.Addr != "" {
		check.TCP = cfg.Addr
	}
	if !check.IsZero() {
		var err error
		p.prober, err = ready.NewProber(
			check,
			ready.Options{Hosts: cfg.Hosts, Run: func(ctx context.Context, command []string) error {
				return ready.RunHere(ctx, command, cfg.Dir, cfg.Env)
			}},
		)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cfg.Name, err)
		}
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// Name implements chaos.Target.
func (p *Process) Name() string { return p.cfg.Name }

// PID is the id of the process that runs now, or ran last.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		return 0
	}
	return p.child.pid
}

// Exited delivers the end of a process that ended by itself: not by Stop or Kill, and not before it
// was ready, which Start reports. While one end is not received, further ones are dropped.
func (p *Process) Exited() <-chan target.Exit { return p.exited }

// Killable implements chaos.Killer.
func (p *Process) Killable(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return fmt.Errorf("%s was stopped for good", p.cfg.Name)
	}
	return nil
}

// Life implements chaos.Killer: a process lives as long as any of its group
// does. A wrapper that ends before its server is not the end of the service.
func (p *Process) Life(context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil || p.child.dead() {
		return "", nil
	}
	return p.child.id.String(), nil
}

// Serves implements chaos.Server.
func (p *Process) Serves(ctx context.Context) ([]string, error) {
	if p.prober == nil {
		return nil, nil
	}
	if err := p.prober.Ask(ctx); err != nil {
		return nil, ctx.Err()
	}
	return []string{p.prober.Check().String()}, nil
}

// StartTime implements chaos.TimedKiller.
func (p *Process) StartTime() time.Duration { return settle + p.cfg.ReadyTimeout }

// Grace implements chaos.TimedKiller: processes do not say how long they take.
func (p *Process) Grace() time.Duration { return 0 }

// Ignores implements chaos.SignalIgnorer.
func (p *Process) Ignores(_ context.Context, name string) (bool, error) {
	sig, ok := signals[name]
	p.mu.Lock()
	defer p.mu.Unlock()
	return ok && p.child != nil && ignores(p.child.pid, sig), nil
}

// Kill implements chaos.Killer: the signal goes to the whole process group.
func (p *Process) Kill(_ context.Context, name string) error {
	sig, ok := signals[name]
	if !ok {
		return fmt.Errorf("%w: there is no signal %q here", chaos.ErrNotSent, name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		return fmt.Errorf("%s does not run", p.cfg.Name)
	}
	p.expected = true
	err := p.child.signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s does not run", p.cfg.Name)
	}
	return err
}

// Start implements chaos.Killer: the same command, in the same place.
func (p *Process) Start(ctx context.Context) error {
	p.life.Lock()
	defer p.life.Unlock()
	if err := p.Killable(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	old := p.child
	p.mu.Unlock()
	var squatter bool
	if old == nil || old.dead() {
		if old != nil {
			<-old.done // until then its output is not at its end
		}
		squatter = !p.cfg.Ready.IsZero() && p.prober.Ask(ctx) == nil
		p.tail.reset()
		c, err := spawn(p.cfg, p.tail, p.ended)
		if err != nil {
			return fmt.Errorf("%s could not be started: %w", p.cfg.Name, startError(p.cfg, err))
		}
		p.mu.Lock()
		p.child, p.expected = c, true
		p.lives++
		if p.stopped { // while it was being started
			c.signal(syscall.SIGKILL)
		}
		p.mu.Unlock()
	}
	if err := p.ready(ctx, squatter); err != nil {
		return err
	}
	p.mu.Lock()
	c, dead := p.child, p.child.dead()
	p.expected = dead
	p.mu.Unlock()
	if dead {
		return p.early(c)
	}
	return nil
}

// startError says what to do about a command that cannot be run.
func startError(cfg Config, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf(
			"there is no program %q in PATH; give its path, or install it",
			cfg.Command[0],
		)
	case errors.Is(err, os.ErrNotExist):
		if cfg.Dir != "" {
			if _, e := os.Stat(cfg.Dir); errors.Is(e, os.ErrNotExist) {
				return fmt.Errorf("its folder %s is not there", cfg.Dir)
			}
		}
		return fmt.Errorf(
			"there is no program %s; build it first, or correct the path",
			cfg.Command[0],
		)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s may not be executed: chmod +x it", cfg.Command[0])
	}
	return err
}

// ready waits until the process answers, dies, or takes too long.
func (p *Process) ready(ctx context.Context, squatter bool) error {
	p.mu.Lock()
	c := p.child
	p.mu.Unlock()
	if p.cfg.Ready.IsZero() {
		return nil
	}
	if squatter {
		select {
		case <-c.done:
			return fmt.Errorf(
				"%w; something else answers at %s already: stop it, or use another port",
				p.early(c),
				p.cfg.Ready,
			)
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be ready: %w", p.cfg.Name, context.Cause(ctx))
		case <-time.After(settle):
		}
	}
	err := p.prober.Await(ctx, p.cfg.ReadyTimeout, func() error {
		select {
		case <-c.done:
			return p.early(c)
		default:
			return nil
		}
	})
	if slow, ok := errors.AsType[*ready.TimeoutError](err); ok {
		ended := ""
		if c.headless() {
			ended = "; its first process has ended, and others of its group run on"
		}
		return fmt.Errorf("%s was %w%s%s", p.cfg.Name, slow, ended, p.tail.quoted())
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("waiting for %s to be ready: %w", p.cfg.Name, err)
	}
	return err
}

// early is the error of a process that ended before it was ready.
func (p *Process) early(c *child) error {
	return fmt.Errorf(
		"%s ended (%s) before it was ready%s",
		p.cfg.Name,
		c.status(),
		p.tail.quoted(),
	)
}

// ended is called for each child, when its first process is dead and others of
// its group live on, and when all are dead.
func (p *Process) ended(status string, left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expected {
		return
	}
	p.expected = !left
	if left {
		status = "its first process: " + cmp.Or(
			status,
			"how is not known",
		) + "; others of its group run on"
	}
	select {
	case p.exited <- target.Exit{Name: p.cfg.Name, Status: status, Tail: p.tail.String()}:
	default:
	}
}

// Stop ends the process and all of its group for good, with SIGTERM and, if it
// takes longer than five seconds or ctx ends first, SIGKILL. It returns when it
// is dead. It may be called again.
func (p *Process) Stop(ctx context.Context) error {
	p.mu.Lock()
	p.stopped, p.expected = true, true
	c := p.child
	if c != nil {
		c.signal(syscall.SIGTERM)
		c.signal(syscall.SIGCONT) // a frozen one would not notice
	}
	p.mu.Unlock()
	if p.prober != nil {
		p.prober.Close()
	}
	if c == nil {
		return nil
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-c.done:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	if err := c.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s (pid %d): %w", p.cfg.Name, c.pid, err)
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(endsAfterKill):
		return fmt.Errorf(
			"%s (pid %d) still runs %s after SIGKILL: see what holds it with ps -o stat,wchan -p %d",
			p.cfg.Name,
			c.pid,
			endsAfterKill,
			c.pid,
		)
	}
}

// Pause implements chaos.Pauser.
func (p *Process) Pause(context.Context) error {
	err := p.send(syscall.SIGSTOP)
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s does not run", p.cfg.Name)
	}
	return err
}

// Unpause implements chaos.Pauser.
func (p *Process) Unpause(ctx context.Context) error {
	// One that is dead is not frozen.
	if err := p.send(syscall.SIGCONT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func (p *Process) send(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		return os.ErrProcessDone
	}
	return p.child.signal(sig)
}

// Paused implements chaos.Pauser: every process of the group is stopped.
func (p *Process) Paused(context.Context) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil || p.child.dead() {
		return false, nil
	}
	return frozen(p.child.pid)
}

// Ref implements chaos.Target.
func (p *Process) Ref() chaos.Ref {
	r := chaos.Ref{Kind: kindName, Name: p.cfg.Name}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		r.Data, _ = json.Marshal(refData{p.child.id.String()})
	}
	return r
}

// Remedy implements chaos.Remedier.
func (p *Process) Remedy(did chaos.Capability) string {
	switch did {
	case chaos.CapPause:
		return fmt.Sprintf("kill -CONT -- -%d", p.PID())
	case chaos.CapKill:
		return chaos.Needless(p.cfg.Name + " ends with the run")
	}
	return ""
}

// frozen says whether a process group has members and all of them are stopped.
func frozen(group int) (bool, error) {
	ps, err := owner.Group(group)
	if err != nil {
		return false, err
	}
	members := 0
	for _, m := range ps {
		if m.Ended() {
			continue
		}
		if m.State != owner.Stopped {
			return false, nil
		}
		members++
	}
	return members > 0, nil
}

var signals = map[string]syscall.Signal{
	"SIGABRT": syscall.SIGABRT, "SIGALRM": syscall.SIGALRM, "SIGBUS": syscall.SIGBUS, "SIGFPE": syscall.SIGFPE,
	"SIGHUP": syscall.SIGHUP, "SIGILL": syscall.SIGILL, "SIGINT": syscall.SIGINT, "SIGKILL": syscall.SIGKILL,
	"SIGPIPE": syscall.SIGPIPE, "SIGQUIT": syscall.SIGQUIT, "SIGSEGV": syscall.SIGSEGV, "SIGTERM": syscall.SIGTERM,
	"SIGTRAP": syscall.SIGTRAP, "SIGUSR1": syscall.SIGUSR1, "SIGUSR2": syscall.SIGUSR2,
}
