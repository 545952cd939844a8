package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	loadrunner "github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Smoke tries everything in a plan once: it starts the services, prepares every fault and every
// observer, sends each request and each flow once and checks the answers, and takes everything down
// again. It injects no fault, judges no rule and writes no run directory. The exit code is ExitFail
// if an answer was not as expected, and otherwise as of Run.
func Smoke(soft, hard context.Context, plan *scenario.Plan, opt Options) (ExitCode, error) {
	folder, err := openState()
	if err != nil {
		return ExitBroken, fmt.Errorf("nothing was started: %w", err)
	}
	dir, err := os.MkdirTemp("", "ordeal-smoke-")
	if err != nil {
		return ExitBroken, fmt.Errorf("nothing was started: %w", err)
	}
	r := &runner{plan: plan, opt: opt, dir: dir, id: newID(), folder: folder}
	defer r.relayInterrupts()()
	var found *report.Smoke
	err = r.prepare(soft)
	if err == nil {
		found, err = r.smoke(soft)
	}
	interrupted := soft.Err() != nil
	if interrupted && errors.Is(err, context.Canceled) {
		err = nil // the interruption, not a failure
	}
	r.phase.Store(int32(finishing))
	err = r.redact(r.takeDown(hard, errors.Join(err, r.forbidden.error())))
	if err == nil {
		os.RemoveAll(dir)
	} else if _, gone := os.Stat(filepath.Join(dir, logsDir)); gone == nil {
		r.progress("output of services  %s", filepath.Join(dir, logsDir))
	} else {
		os.Remove(dir)
	}
	if found != nil {
		style := report.Style{Color: opt.Color, Width: report.WidthOf(opt.Stdout)}
		if err := report.WriteSmoke(opt.Stdout, found, style); err != nil {
			fmt.Fprintf(opt.Stderr, "ordeal: the table could not be printed: %v\n", err)
		}
	}
	switch {
	case err != nil:
		return ExitBroken, err
	case interrupted:
		return ExitInterrupted, nil
	case !found.OK():
		return ExitFail, nil
	}
	return ExitPass, nil
}

// smoke sends each request and each flow once.
func (r *runner) smoke(ctx context.Context) (*report.Smoke, error) {
	out := &report.Smoke{Name: r.plan.Name}
	if len(r.attack.Requests) > 0 {
		clients, wrong := protocols.Compile(r.plan.Protocols, &r.attack)
		if wrong != nil {
			return nil, wrong.Err()
		}
		defer clients.Close()
		// A connection that must not be opened ends it.
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		r.forbidden.then(stop)
		book, err := r.openLedgers()
		if err != nil {
			return nil, err
		}
		sink := &smokeSink{plan: &r.attack, redactor: r.plan.Redactor, to: out}
		err = loadrunner.Once(ctx, &r.attack, loadrunner.Options{
			Clients: clients, Sink: sink, Start: time.Now(), Refused: r.forbidden.note,
			Watch: watchOf(book),
		})
		if book != nil {
			err = errors.Join(err, r.smokeLedgers(ctx, book, out), book.Discard())
		}
		if err != nil {
			return nil, err
		}
	}
	for _, f := range r.conductor.Faults() {
		did := f.Kind + " of " + strings.Join(f.Targets, ", ") + " is prepared"
		out.Checks = append(out.Checks, report.SmokeCheck{
			What: "fault", Name: f.Name, Did: did, OK: true,
		})
	}
	for _, s := range r.plan.Observed() {
		out.Checks = append(out.Checks, report.SmokeCheck{
			What: string(s.Kind), Name: s.Name, Did: "can be observed", OK: true,
		})
	}
	return out, nil
}

// smokeLedgers reads back what was written once.
func (r *runner) smokeLedgers(ctx context.Context, book *ledger.Book, out *report.Smoke) error {
	clients, err := r.ledgerClients()
	if err != nil {
		return errors.Join(err, book.Close())
	}
	defer clients.Close()
	accounts, err := book.ReadBack(ctx, ledger.Asking{Plan: &r.reads, Clients: clients})
	if err != nil || ctx.Err() != nil {
		return err
	}
	for i := range accounts {
		a := &accounts[i]
		c := report.SmokeCheck{
			What: string(timeline.LedgerSubject), Name: a.Name,
			Did: fmt.Sprintf("what %s wrote is read back", r.plan.Ledger[i].Write),
			OK:  a.Lost == ledger.Count{} && a.Unread == 0,
		}
		switch {
		case a.Lost.N > 0:
			c.Found = "it was acknowledged, and the answer says that it is not there"
		case !c.OK:
			c.Found = r.plan.Redact(a.Why)
		}
		out.Checks = append(out.Checks, c)
	}
	return nil
}

// smokeSink makes a check of each result. Results come one after the other.
type smokeSink struct {
	plan     *attack.Plan
	redactor *secret.Redactor

	mu sync.Mutex
	to *report.Smoke
}

// Planned is there for attack.Sink.
func (s *smokeSink) Planned(attack.Arrival) {}

// Record adds a check.
func (s *smokeSink) Record(_ int, res *attack.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if res.End == attack.Interrupted {
		return // nobody knows what would have come of it
	}
	c := report.SmokeCheck{Took: res.Done - res.Intended, OK: res.Kind == ""}
	switch {
	case res.IsFlow:
		f := &s.plan.Flows[res.Request]
		c.What, c.Name, c.Did = "flow", f.Name, fmt.Sprintf("steps: %d", len(f.Steps))
	default:
		q := &s.plan.Requests[res.Request]
		c.What, c.Name, c.Did = "request", q.Name, secret.MaskLiteral(q.Spec.String())
		if res.Code != 0 {
			c.Did += fmt.Sprintf(" → %d", res.Code)
		}
		c.Step = slices.ContainsFunc(s.plan.Flows, func(f attack.Flow) bool {
			return slices.ContainsFunc(f.Steps, func(x attack.Step) bool {
				return x.Request == res.Request
			})
		})
	}
	if !c.OK {
		c.Found = res.Kind
		if res.Detail != "" {
			c.Found += ": " + res.Detail
		}
	}
	redact := s.redactor.With(res.Secrets).Text
	c.Did, c.Found = redact(c.Did), redact(c.Found)
	s.to.Checks = append(s.to.Checks, c)
}

var _ attack.Sink = (*smokeSink)(nil)
