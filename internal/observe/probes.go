package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/command"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// MaxOverlap is how many times every a probe's timeout can be, and so how many of them can
// wait for answers at once.
const MaxOverlap = 10

// Probe is asked again and again, at a fixed pace. It asks by a Request, or runs a Command.
type Probe struct {
	Name    string        `json:"name"`
	Every   time.Duration `json:"every"`
	Timeout time.Duration `json:"timeout"` // from when it was due
	// Request is what is sent, on a new connection each time; nil: Command is run.
	Request *attack.Request `json:"request,omitempty"`
	// Fails is the kind of error that is the expected answer, such as
	// timeline.KindRefused; empty: a good answer is.
	Fails string `json:"fails,omitempty"`
	// Command exits with status 0, and prints what Expect says.
	Command []string       `json:"command,omitempty"`
	Expect  *expect.Expect `json:"expect,omitempty"`
}

// String says in few words what is asked.
func (p *Probe) String() string {
	if p.Request != nil {
		return p.Request.Spec.String()
	}
	return "the command " + strings.Join(p.Command, " ")
}

// prober asks one probe. An answer that is late holds up no other: each is asked when it is
// due, so that up to MaxOverlap are waited for at once.
type prober struct {
	Probe
	env    *Env
	client attack.Client // nil of a command
	close  func() error
	check  *expect.Check // of a command
}

func newProbes(p *Plan, env *Env) []Observer {
	var out []Observer
	for _, one := range p.Probes {
		out = append(out, &prober{Probe: one, env: env, close: func() error { return nil }})
	}
	return out
}

func (p *prober) subject() timeline.Subject {
	return timeline.Subject{Kind: timeline.ProbeSubject, Name: p.Name}
}

// Prepare implements Observer. It sends nothing: what a probe finds is for the run to tell.
func (p *prober) Prepare(context.Context) error {
	if p.Request == nil {
		var err error
		if p.check, err = expect.New(*p.Expect); err == nil {
			err = command.Check(p.Command, p.env.Dir)
		}
		if err != nil {
			return cannot(p.subject(), err)
		}
		return nil
	}
	plan := *p.env.Attack
	plan.Flows, plan.Stages, plan.Requests = nil, nil, []attack.Request{*p.Request}
	plan.MaxInFlight, plan.Redirects, plan.RedirectHosts = MaxOverlap, 0, nil
	if plan.EngineWhy != "" || plan.Engine == "" || plan.Engine == "vegeta" {
		plan.Engine = httpx.AutoEngine // what this probe needs, unless the scenario names one
	}
	plan.Connections.NoKeepAlive, plan.Connections.PerHost = true, 0
	clients, wrong := protocols.Compile(p.env.Protocols, &plan)
	if err := wrong.Err(); err != nil {
		return cannot(p.subject(), err)
	}
	p.client, p.close = clients[p.Request.Protocol], clients.Close
	return nil
}

// Close implements Observer.
func (p *prober) Close() error { return p.close() }

// Observe implements Observer.
func (p *prober) Observe(r *Run) {
	var wg sync.WaitGroup
	defer wg.Wait()
	last := &lastAnswer{run: r, of: p.Name}
	r.each(p.Every, func(n uint64, due time.Duration) {
		wg.Go(func() {
			reading := timeline.Reading{
				Window: timeline.Window{From: due}, Subject: p.subject(), Every: p.Every,
			}
			begun := r.at(time.Now())
			if begun >= due+p.Timeout {
				reading.To = begun
				reading.Missing = fmt.Sprintf("not asked: ordeal itself came to it %s late",
					(begun - due).Round(time.Millisecond))
				r.Tell(reading)
				return
			}
			a, ok := p.ask(r, n, due)
			if !ok {
				return // the run was aborted
			}
			reading.To = max(r.at(a.done), due)
			reading.Detail = a.detail
			switch late := begun - due; {
			case a.own:
				reading.Missing, reading.Detail = "it could not be asked: "+a.detail, ""
			case a.failed && late > p.Timeout/2:
				reading.Missing = fmt.Sprintf(
					"ordeal itself came to it %s late",
					late.Round(time.Millisecond),
				)
			default:
				failures := 0.0
				if a.failed {
					failures = 1
				}
				reading.Values.Set(timeline.Failures, failures)
				reading.Values.Set(timeline.ProbeTime, float64(reading.To-due))
				last.answered(n, reading.To, a)
			}
			r.Tell(reading)
		})
	})
}

// lastAnswer tells of probes that begin to fail, and to succeed.
type lastAnswer struct {
	run *Run
	of  string

	mu     sync.Mutex
	nth    uint64
	known  bool
	failed bool
}

func (l *lastAnswer) answered(n uint64, at time.Duration, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known && n < l.nth {
		return // a later one was answered before it
	}
	changed := l.known && l.failed != a.failed || !l.known && a.failed
	l.nth, l.known, l.failed = n, true, a.failed
	if !changed {
		return
	}
	e := timeline.Event{At: at, Type: "probe", Name: l.of, State: "succeeds"}
	if a.failed {
		e.State, e.Detail = "fails", a.detail
	}
	l.run.Event(e)
}

// answer is what a probe found.
type answer struct {
	done   time.Time
	failed bool   // it was not as expected
	own    bool   // and that was the doing of ordeal's own machine, or of the scenario
	detail string // why, redacted
}

// ask asks once; ok is false if the run was aborted meanwhile.
func (p *prober) ask(r *Run, n uint64, due time.Duration) (a answer, ok bool) {
	by := r.Start.Add(due + p.Timeout)
	if p.Request == nil {
		a = p.run(r.Abort, by, r.Start.Add(due))
	} else {
		a = p.send(r.Abort, n, by, r.Start.Add(due))
	}
	return a, r.Abort.Err() == nil
}

func (p *prober) send(ctx context.Context, n uint64, by, due time.Time) answer {
	call := attack.Call{
		Arrival: attack.Arrival{Seq: n, Nth: n}, Due: due, By: wire.Deadlines{Done: by}, Step: -1,
	}
	var out attack.Outcome
	p.client.Call(ctx, &call, &out)
	defer out.Release()
	a := answer{done: out.Done}
	if out.Kind != "" {
		why := attack.Result{Kind: out.Kind}
		if out.Exchange != nil {
			out.Exchange.Explain(&why, false)
		}
		kind := timeline.KindNamed(out.Kind)
		a.own = kind.Own || kind.OfPlan
		a.detail = p.env.Redact(why.Secrets)(why.Detail)
	}
	if out.Kind == timeline.KindNotAllowed {
		p.env.Refused(out.Err)
	}
	switch {
	case p.Fails == "":
		a.failed = out.Kind != ""
	case out.Kind == p.Fails:
		a.own = false
	default:
		found := a.detail
		if out.Kind == "" {
			found = "an answer"
			if out.Code != 0 {
				found = fmt.Sprintf("an answer with status %d", out.Code)
			}
		}
		a.failed = true
		a.detail = fmt.Sprintf("expected the error %s, found %s", p.Fails, found)
	}
	a.detail = plaintext.Clip(a.detail, timeline.MaxDetail)
	return a
}

// run runs the command.
func (p *prober) run(ctx context.Context, by, due time.Time) answer {
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	out, err := command.Ask(ctx, p.Command, p.env.Dir)
	a := answer{done: time.Now()}
	switch cannot, is := errors.AsType[*command.CannotRun](err); {
	case is:
		a.own, a.failed, a.detail = true, true, cannot.Error()
	case err != nil:
		a.failed, a.detail = true, err.Error()
	default:
		body := &expect.Answer{Body: out, BytesIn: int64(len(out))}
		kind, detail := p.check.JudgeBody(body, a.done.Sub(due), secret.Shown)
		a.failed, a.detail = kind != "", detail
	}
	a.detail = plaintext.Clip(p.env.Redact(nil)(a.detail), timeline.MaxDetail)
	return a
}
