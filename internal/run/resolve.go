package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/setup"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Resolution is what a run of a plan would hit.
type Resolution struct {
	Load     []Origin  `json:"load"`
	Services []Service `json:"services"`
	// Observed is what is watched beside the load.
	Observed []Observed `json:"observed,omitempty"`
	// Setup is what is done before the load and after it.
	Setup  []Observed `json:"setup,omitempty"`
	Faults []Fault    `json:"faults"`
	// Problems are errors of what could not be found out.
	Problems []string `json:"problems,omitempty"`

	seed uint64
	// standIns are the services by their made-up addresses.
	standIns map[string]string
	errs     []error
}

// Origin is where requests go.
type Origin struct {
	URL string `json:"url"` // scheme and host of the requests
	// Addresses are where connections go: as looked up now, or a description where only a run can
	// tell.
	Addresses []string `json:"addresses"`
}

// Service has the targets of a service that there are, or would be.
type Service struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	target.Facts
}

// Observed is something that is watched, or done, beside the load.
type Observed struct {
	Kind string `json:"kind"` // service, probe, metric or ledger
	Name string `json:"name"`
	What string `json:"what"` // in few words
	// Targets are those of a service, or where a question goes.
	Targets []string `json:"targets,omitempty"`
}

// Fault is what a fault would hit.
type Fault struct {
	Name    string        `json:"name"`
	Kind    string        `json:"kind"`
	At      time.Duration `json:"at"`
	Targets []string      `json:"targets"` // as drawn from the seed
	Of      int           `json:"of"`      // of so many
}

// Resolve finds out what a run of the plan would hit, without starting or changing
// anything. What it cannot find out is in the Resolution's error.
func Resolve(ctx context.Context, plan *scenario.Plan) *Resolution {
	r := &Resolution{Load: []Origin{}, Services: []Service{}, Faults: []Fault{}, seed: plan.Seed}
	s := &services{
		plan: plan, addrs: map[string]string{}, targets: map[string][]chaos.Target{},
		progress: func(string, ...any) {},
	}
	for _, svc := range plan.Services {
		facts, err := s.opener(svc.Kind).Facts(ctx, svc.Name, svc.Settings)
		if err != nil {
			r.problem(fmt.Errorf("service %s: %w", svc.Name, err))
			continue
		}
		r.Services = append(r.Services, Service{svc.Name, svc.Kind.Name, facts})
	}
	r.load(ctx, plan)
	for _, f := range plan.Chaos {
		r.fault(f)
	}
	r.observed(ctx, plan, s)
	r.readBack(ctx, plan)
	r.setup(ctx, plan)
	r.problem(s.stop(context.WithoutCancel(ctx)))
	for _, err := range r.errs {
		r.Problems = append(r.Problems, plan.Redact(err.Error()))
	}
	return r
}

func (r *Resolution) problem(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// Code is what check exits with: ExitBroken, as a run would, if what has to be asked
// does not answer, and ExitUsage if the scenario means what is not there.
func (r *Resolution) Code() ExitCode {
	switch err := errors.Join(r.errs...); {
	case err == nil:
		return ExitPass
	case errors.Is(err, target.ErrUnreachable):
		return ExitBroken
	default:
		if _, unknown := errors.AsType[*net.DNSError](err); unknown {
			return ExitBroken
		}
		return ExitUsage
	}
}

// load finds where requests go.
func (r *Resolution) load(ctx context.Context, plan *scenario.Plan) {
	load, err := plan.Resolve(r.standIn(plan))
	if err != nil {
		r.problem(err)
		return
	}
	for _, u := range protocols.Origins(&load) {
		o, err := r.origin(ctx, u, load.Connections)
		if err != nil {
			r.problem(fmt.Errorf("the load to %s: %w", o.URL, err))
			continue
		}
		r.Load = append(r.Load, o)
	}
}

// standIn gives each service a made-up address, by which the service can be told from an
// address.
func (r *Resolution) standIn(plan *scenario.Plan) func(name string) (string, bool) {
	r.standIns = map[string]string{}
	return func(name string) (string, bool) {
		for i, svc := range plan.Services {
			if svc.Name == name {
				at := fmt.Sprintf("127.0.0.1:%d", i+1)
				r.standIns[at] = name
				return at, true
			}
		}
		return "", false
	}
}

// origin says where connections for a URL go.
func (r *Resolution) origin(
	ctx context.Context, u *url.URL, ways wire.Connections,
) (o Origin, err error) {
	o.URL = u.Scheme + "://" + u.Host
	network, to := ways.Where(wire.Address(u))
	name, ofService := r.standIns[to]
	switch {
	case network == "unix":
		o.Addresses = []string{"the socket " + to}
	case ofService:
		o.URL = strings.ReplaceAll(o.URL, to, "${"+name+".addr}")
		o.Addresses = []string{r.addressOf(name)}
	default:
		o.Addresses, err = lookUp(ctx, to)
	}
	return o, err
}

// observed finds what would be watched, and where questions would go.
func (r *Resolution) observed(ctx context.Context, plan *scenario.Plan, s *services) {
	if plan.Observe == nil {
		return
	}
	for _, svc := range r.Services {
		if slices.Contains(plan.Observe.Services, svc.Name) {
			r.watched(svc.Name, svc.Facts)
		}
	}
	for _, svc := range plan.Observe.Watch {
		facts, err := s.opener(svc.Kind).Facts(ctx, svc.Name, svc.Settings)
		if err != nil {
			r.problem(fmt.Errorf("watch %s: %w", svc.Name, err))
			continue
		}
		r.watched(svc.Name, facts)
	}
	probes, metrics, err := plan.ResolveObserve(r.standIn(plan))
	if err != nil {
		r.problem(err)
		return
	}
	for i := range probes {
		p := &probes[i]
		o := Observed{Kind: "probe", Name: p.Name, What: plan.Observe.Probes[i].String()}
		if p.Request != nil {
			of := attack.Plan{Requests: []attack.Request{*p.Request}}
			for _, u := range protocols.Origins(&of) {
				r.asks(ctx, &o, u, plan.Attack.Connections)
			}
		}
		r.Observed = append(r.Observed, o)
	}
	for i, m := range metrics {
		o := Observed{Kind: "metric", Name: m.Name, What: plan.Observe.Metrics[i].Of.String()}
		if u, err := url.Parse(m.Of.Asks()); err == nil && u.Host != "" {
			r.asks(ctx, &o, u, wire.Connections{})
		}
		r.Observed = append(r.Observed, o)
	}
}

// readBack finds where ledgers would be read back from.
func (r *Resolution) readBack(ctx context.Context, plan *scenario.Plan) {
	if len(plan.Ledger) == 0 {
		return
	}
	reads, err := plan.ResolveLedgers(r.standIn(plan))
	if err != nil {
		r.problem(err)
		return
	}
	for i := range plan.Ledger {
		l := &plan.Ledger[i]
		o := Observed{
			Kind: string(timeline.LedgerSubject), Name: l.Name,
			What: "read back by " + l.Read.Spec.String(),
		}
		of := attack.Plan{Requests: reads.Requests[i : i+1]}
		for _, u := range protocols.Origins(&of) {
			r.asks(ctx, &o, u, plan.Attack.Connections)
		}
		r.Observed = append(r.Observed, o)
	}
}

// setup finds where the steps of the setup and of the teardown would go.
func (r *Resolution) setup(ctx context.Context, plan *scenario.Plan) {
	before, after, err := plan.ResolveSetup(r.standIn(plan))
	if err != nil {
		r.problem(err)
		return
	}
	for _, part := range []struct {
		kind             string
		steps, asWritten []setup.Step
	}{{"setup", before, plan.Setup}, {"teardown", after, plan.Teardown}} {
		for i := range part.steps {
			s := &part.steps[i]
			o := Observed{Kind: part.kind, Name: s.Name, What: part.asWritten[i].String()}
			if s.Request != nil {
				of := attack.Plan{Requests: []attack.Request{*s.Request}}
				for _, u := range protocols.Origins(&of) {
					r.asks(ctx, &o, u, plan.Attack.Connections)
				}
			}
			r.Setup = append(r.Setup, o)
		}
	}
}

// watched takes in the targets of a service that is watched.
func (r *Resolution) watched(name string, facts target.Facts) {
	o := Observed{Kind: "service", Name: name, What: "what it uses"}
	for _, t := range facts.Targets {
		o.Targets = append(o.Targets, t.Name)
	}
	r.Observed = append(r.Observed, o)
}

// asks takes in where a question goes.
func (r *Resolution) asks(ctx context.Context, o *Observed, u *url.URL, ways wire.Connections) {
	to, err := r.origin(ctx, u, ways)
	if err != nil {
		r.problem(fmt.Errorf("the %s %s: %w", o.Kind, o.Name, err))
		return
	}
	o.Targets = to.Addresses
}

// addressOf says where a service is reached, for people.
func (r *Resolution) addressOf(service string) string {
	for _, s := range r.Services {
		if s.Name == service && s.Address != "" {
			return s.Address
		}
	}
	return "the service " + service
}

// lookUp returns the addresses of host:port.
func lookUp(ctx context.Context, to string) ([]string, error) {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, ip := range ips {
		out = append(out, net.JoinHostPort(ip.Unmap().String(), port))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// named is a target of which the name is known.
type named string

func (n named) Name() string { return string(n) }
func (named) Ref() chaos.Ref { return chaos.Ref{} }

// fault draws the targets of a fault as a run does.
func (r *Resolution) fault(p chaos.FaultPlan) {
	var candidates []chaos.Target
	for _, name := range p.Services {
		i := slices.IndexFunc(r.Services, func(s Service) bool { return s.Name == name })
		if i < 0 {
			return // the reason is among the problems already
		}
		for _, t := range r.Services[i].Targets {
			candidates = append(candidates, named(t.Name))
		}
	}
	picked, err := chaos.Choose(p, candidates, r.seed)
	if err != nil {
		r.problem(fmt.Errorf("fault %s: %w", p.Name, err))
		return
	}
	f := Fault{Name: p.Name, Kind: p.Kind, At: p.At, Of: len(candidates), Targets: []string{}}
	for _, t := range picked {
		f.Targets = append(f.Targets, t.Name())
	}
	r.Faults = append(r.Faults, f)
}

// Print writes what would be hit for people, without secrets.
func (r *Resolution) Print(w io.Writer, redact func(string) string) error {
	r = r.redacted(redact)
	var b strings.Builder
	fmt.Fprint(&b, "\nwhat a run would hit\n")
	for _, o := range r.Load {
		fmt.Fprintf(&b, "  load     %s: %s\n", o.URL, strings.Join(o.Addresses, ", "))
	}
	for _, s := range r.Services {
		for _, t := range s.Targets {
			name := s.Name
			if t.Name != s.Name {
				name += ": " + t.Name
			}
			var details []string
			for _, d := range t.Details {
				details = append(details, d.Name+" "+d.Value)
			}
			fmt.Fprintf(&b, "  service  %s: %s\n", name, strings.Join(details, ", "))
		}
	}
	for _, f := range r.Faults {
		drawn := ""
		if len(f.Targets) < f.Of {
			drawn = fmt.Sprintf(" (%d of %d, drawn from seed %d)", len(f.Targets), f.Of, r.seed)
		}
		fmt.Fprintf(&b, "  fault    %s: %s at %s hits %s%s\n", f.Name, f.Kind,
			quantity.FormatDuration(f.At), strings.Join(f.Targets, ", "), drawn)
	}
	beside := func(all []Observed, how string) {
		for _, o := range all {
			where := ""
			if len(o.Targets) > 0 {
				where = ": " + strings.Join(o.Targets, ", ")
			}
			fmt.Fprintf(&b, "  %-8s %s%s: %s%s\n", o.Kind, o.Name, how, o.What, where)
		}
	}
	beside(r.Observed, ", observed")
	beside(r.Setup, "")
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, plaintext.Line(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// JSON is the resolution for programs, without secrets.
func (r *Resolution) JSON(redact func(string) string) ([]byte, error) {
	b, err := json.MarshalIndent(r.redacted(redact), "", "  ")
	return append(b, '\n'), err
}

// redacted is a copy whose texts of the scenario went through redact, each by itself.
func (r *Resolution) redacted(redact func(string) string) *Resolution {
	q := *r
	q.Load, q.Services = slices.Clone(r.Load), slices.Clone(r.Services)
	for i := range q.Load {
		q.Load[i].URL = redact(q.Load[i].URL)
	}
	q.Observed, q.Setup = slices.Clone(r.Observed), slices.Clone(r.Setup)
	for _, all := range [][]Observed{q.Observed, q.Setup} {
		for i := range all {
			all[i].What = redact(secret.MaskLiteral(all[i].What))
		}
	}
	for i := range q.Services {
		targets := slices.Clone(q.Services[i].Targets)
		for j := range targets {
			targets[j].Details = slices.Clone(targets[j].Details)
			for k := range targets[j].Details {
				targets[j].Details[k].Value = redact(targets[j].Details[k].Value)
			}
		}
		q.Services[i].Targets = targets
	}
	return &q
}
