package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/setup"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

const (
	// defaultCommandTimeout is how long a command of setup and teardown may take.
	defaultCommandTimeout = time.Minute
	// leastRefresh keeps what is asked again from being a load.
	leastRefresh = time.Second
)

// onceFile is something that is done before the load, or after it: a request or a command.
type onceFile struct {
	requestFile `without:"weight,data,targets,timeout"`
	Command     []string      `json:"command" empties:"true" vars:"addr" doc:"in place of a request: a command of this machine that exits with status 0; arguments may hold templates"`
	Timeout     time.Duration `json:"timeout" positive:"true" doc:"how long it may take; left out: the attack's timeout, or 1m for a command"`
	Capture     capturesFile  `json:"capture" doc:"values of the answer, or of what the command prints: each a JSON path, a header or a regular expression"`
}

// setupFile is done before the load.
type setupFile struct {
	onceFile
	Refresh time.Duration `json:"refresh" positive:"true" doc:"how long after it was done it is done again, for new values; less than what it captures is good for"`
}

// teardownFile is done after the load.
type teardownFile struct{ onceFile }

func (setupFile) Noun() string    { return "a step of the setup" }
func (teardownFile) Noun() string { return "a step of the teardown" }

// setup makes what is done before the load. The names that it captures are known to all that is
// made after it.
func (b *builder) setup() []setup.Step {
	f := b.file.Setup
	var out []setup.Step
	by := map[string]string{}
	for i := range f {
		noteCaptures(by, &f[i].onceFile)
	}
	names := map[string]*strictyaml.Node{}
	for i := range f {
		own := b.Where(&f[i], b.root)
		in := &stepNames{
			step: f[i].Name, captured: slices.Clone(b.shared), by: by, kind: "step of the setup",
		}
		s := b.once(&f[i].onceFile, own, b.Broken(&f[i]), names, in)
		if s.Refresh = f[i].Refresh; b.Set(&f[i].Refresh) && !b.Broken(&f[i].Refresh) {
			b.refresh(&f[i], &s, own)
		}
		b.shared = append(b.shared, b.captures(&f[i].onceFile, &s, b.shared)...)
		out = append(out, s)
	}
	return out
}

// refresh checks how often a step is done again.
func (b *builder) refresh(f *setupFile, s *setup.Step, own *strictyaml.Node) {
	at := b.Where(&f.Refresh, own)
	switch {
	case len(f.Capture) == 0:
		b.Failf(at.Span, "remove it, or capture something",
			"refresh: %q captures nothing that could be refreshed", s.Name)
	case f.Refresh < leastRefresh:
		b.Failf(at.Span, "what asks more often is load: write it under attack:",
			"refresh: expected at least %s, found %s", quantity.FormatDuration(leastRefresh),
			quantity.FormatDuration(f.Refresh))
	}
}

// teardown makes what is done after the load.
func (b *builder) teardown() []setup.Step {
	f := b.file.Teardown
	var out []setup.Step
	known, by := slices.Clone(b.shared), map[string]string{}
	for i := range f {
		noteCaptures(by, &f[i].onceFile)
	}
	names := map[string]*strictyaml.Node{}
	for i := range f {
		own := b.Where(&f[i], b.root)
		in := &stepNames{step: f[i].Name, captured: known, by: by, kind: "step"}
		s := b.once(&f[i].onceFile, own, b.Broken(&f[i]), names, in)
		known = append(known, b.captures(&f[i].onceFile, &s, known)...)
		out = append(out, s)
	}
	return out
}

// noteCaptures notes the first step that captures each name.
func noteCaptures(by map[string]string, f *onceFile) {
	for _, x := range f.Capture {
		if _, ok := by[x.name]; !ok {
			by[x.name] = f.Name
		}
	}
}

// once makes a step, but for what it captures.
func (b *builder) once(
	f *onceFile, at *strictyaml.Node, broken bool, names map[string]*strictyaml.Node, in *stepNames,
) setup.Step {
	r := &f.requestFile
	b.Note(r, at, !broken)
	own := b.ownNode(r)
	b.names.unique(names, f.Name, "step", own)
	s := setup.Step{Name: f.Name, Timeout: f.Timeout}
	if n, set := b.Find(&f.Command); set {
		s.Timeout = cmp.Or(s.Timeout, defaultCommandTimeout)
		b.onceCommand(f, &s, n, in)
		return s
	}
	s.Timeout = cmp.Or(s.Timeout, b.file.Attack.Timeout)
	requests := &requests{builder: b}
	if !requests.asksSomething(r) && !slices.ContainsFunc(r.Other.Values(),
		func(o strictyaml.KeyedValue) bool { return b.Set(o.Ptr) }) {
		if !broken {
			b.Failf(own.Span, "give it a path, post: /login, or tcp: or command:",
				"the step %q does not say what it does", f.Name)
		}
		return s
	}
	r.Timeout = s.Timeout
	q := requests.request(r, in)
	s.Request = &q
	return s
}

// onceCommand says which command a step runs.
func (b *builder) onceCommand(f *onceFile, s *setup.Step, n *strictyaml.Node, in *stepNames) {
	requests := &requests{builder: b}
	requests.onlyCommand(&f.requestFile, "step")
	at := b.Where(&f.Expect, n)
	wanted := b.expectation(&f.Expect, at, s.Timeout)
	requests.ofCommand(&f.Expect)
	for i := range f.Capture {
		if header, set := b.Find(&f.Capture[i].Header); set {
			b.Failf(header.Span, "take json or matches", "a command prints no headers")
		}
	}
	b.secrets.urls(f.Command...)
	s.Command, s.Expect = f.Command, &wanted
	for _, e := range fielderr.Of(setup.ValidateCommand(f.Command, in.captured, in.missing)) {
		b.Failf(n.Span, cmp.Or(e.Hint, in.known()), "%s", e)
	}
}

// captures adds what a step captures, and returns the names. known are those of steps before it.
func (b *builder) captures(f *onceFile, s *setup.Step, known []string) []string {
	var out []string
	for i := range f.Capture {
		x := &f.Capture[i]
		s.Captures = append(s.Captures, b.capture(x))
		if slices.Contains(known, x.name) || slices.Contains(out, x.name) {
			b.Failf(x.key.Span, "give it another name", "%q is captured by a step before already", x.name)
			continue
		}
		if x.name == ledger.ReadName && len(b.file.Ledger) > 0 {
			b.Failf(x.key.Span, "give it another name", "%q is the key of a ledger's write", x.name)
		}
		out = append(out, x.name)
	}
	return out
}

// sharedColumns notes columns of data that have the name of what the setup captures.
func (b *builder) sharedColumns(rows *payload.Data, file string, at *strictyaml.Node) {
	for _, name := range b.shared {
		if rows.Has(name) {
			b.Failf(at.Span, "give the capture another name",
				"%s has a column %q, and so does the setup: it captures one", file, name)
		}
	}
}

// ResolveSetup returns what is done before and after the load, with everything that only the run
// knows put in, as Resolve does.
func (p *Plan) ResolveSetup(
	addr func(service string) (string, bool),
) (before, after []setup.Step, err error) {
	r, err := p.resolver(addr, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return nil, nil, err
	}
	resolve := func(in []setup.Step) (out []setup.Step) {
		for _, s := range in {
			if s.Request != nil {
				q := r.request(*s.Request)
				s.Request = &q
			}
			var command []string
			for _, a := range s.Command {
				command = append(command, r.expand(a))
			}
			s.Command = command
			out = append(out, s)
		}
		return out
	}
	before, after = resolve(p.Setup), resolve(p.Teardown)
	if len(r.errs) > 0 {
		return nil, nil, fmt.Errorf("setup: %w", errors.Join(r.errs...))
	}
	return before, after, nil
}

// Asking are all requests of the plan that draw from what the setup captures.
func (p *Plan) Asking() []attack.Request {
	out := slices.Clone(p.Attack.Requests)
	for _, s := range slices.Concat(p.Setup, p.Teardown) {
		if s.Request != nil {
			out = append(out, *s.Request)
		}
	}
	for i := range p.Ledger {
		out = append(out, p.Ledger[i].Read)
	}
	if p.Observe != nil {
		for _, one := range p.Observe.Probes {
			if one.Request != nil {
				out = append(out, *one.Request)
			}
		}
	}
	return out
}
