package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/state"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// services are the services that the run starts or finds, with their addresses, the targets of
// each, and how those that were started are taken down.
type services struct {
	logs     string // where processes' output goes
	id       string // of the run
	owner    owner.Owner
	claim    *state.Claim // where places are written down before anything is made there
	plan     *scenario.Plan
	progress func(format string, args ...any)
	redact   func(io.WriteCloser) io.WriteCloser
	hosts    *allow.Hosts // where they may connect to
	refused  func(error)  // told of a connection that a link must not open

	openers map[string]target.Opener // by the name of the kind
	addrs   map[string]string
	targets map[string][]chaos.Target
	exits   []<-chan target.Exit          // of services that ended by themselves
	undo    []func(context.Context) error // in order of starting
}

func (s *services) addr(name string) (string, bool) {
	a, ok := s.addrs[name]
	return a, ok
}

// start starts or finds services in the order given: each comes after those whose address it needs.
// If one fails, those before it keep running: stop takes them down.
func (s *services) start(ctx context.Context, ordered []scenario.Service) error {
	s.addrs = make(map[string]string)
	s.targets = make(map[string][]chaos.Target)
	for _, svc := range ordered {
		if err := ctx.Err(); err != nil {
			return err
		}
		opened, err := s.opener(svc.Kind).Open(ctx, svc.Name, svc.Settings)
		if err != nil {
			return fmt.Errorf("service %s: %w", svc.Name, err)
		}
		if opened.Addr != "" {
			s.addrs[svc.Name] = opened.Addr
		}
		s.targets[svc.Name] = opened.Targets
		if opened.Exits != nil {
			s.exits = append(s.exits, opened.Exits)
		}
	}
	return nil
}

// opener returns the opener of a kind. It is made at the first call.
func (s *services) opener(k *target.Kind) target.Opener {
	if o, ok := s.openers[k.Name]; ok {
		return o
	}
	if s.openers == nil {
		s.openers = make(map[string]target.Opener)
	}
	o := k.Open(s.env())
	s.openers[k.Name] = o
	return o
}

// env is what services are started with.
func (s *services) env() target.Env {
	return target.Env{
		Run: s.id, Owner: s.owner, Dir: s.plan.Dir, Seed: s.plan.Seed,
		Hosts: s.hosts, Refused: s.refused, Names: s.plan.Names,
		Expand: s.expand, Ready: s.check, Log: s.log, Progress: s.progress, Place: s.claim.Place,
		Undo: func(undo func(context.Context) error) { s.undo = append(s.undo, undo) },
	}
}

func (s *services) expand(text string) (string, error) { return target.Expand(text, s.addr) }

// check completes the readiness check of a service. own is the service's own address, for checks
// that need it.
func (s *services) check(
	c ready.Check, name, own string, expand func(string) (string, error),
) (ready.Check, error) {
	if _, known := s.addrs[name]; own != "" && !known {
		s.addrs[name] = own
		defer delete(s.addrs, name)
	}
	return s.plan.ResolveReady(c, own, s.plan.OverTLS(name), expand)
}

// behind returns what asks whether connections to an address get to the target that
// publishes it there, nil if none of the run's does.
func (s *services) behind(ctx context.Context, address string) (upstreamCheck, error) {
	for _, name := range slices.Sorted(maps.Keys(s.targets)) {
		for _, t := range s.targets[name] {
			p, ok := t.(target.Published)
			if !ok {
				continue
			}
			if there, err := p.Behind(ctx, address); err != nil || there != nil {
				return there, err
			}
		}
	}
	return nil, nil
}

// log opens the file for a service's output. Known secrets are replaced in it, as run directories
// are passed around. Output can also hold secrets that nobody knows of, so only the file's owner
// can read it, as with samples.
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
