package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Observe is what is watched beside the load.
type Observe struct {
	// Services are the names of those that are watched, of Plan.Services.
	Services []string `json:"services,omitempty"`
	// Every is how often services are asked.
	Every time.Duration `json:"every,omitempty"`
	// Watch are found and watched, and neither started nor broken.
	Watch   []Service        `json:"watch,omitempty"`
	Probes  []observe.Probe  `json:"probes,omitempty"`
	Metrics []observe.Metric `json:"metrics,omitempty"`
}

// Observed lists what is watched beside the load.
func (p *Plan) Observed() []timeline.Subject {
	var out []timeline.Subject
	if p.Observe == nil {
		return out
	}
	add := func(kind timeline.SubjectKind, name string) {
		out = append(out, timeline.Subject{Kind: kind, Name: name})
	}
	for _, name := range p.Observe.Services {
		add(timeline.ServiceSubject, name)
	}
	for i := range p.Observe.Watch {
		add(timeline.ServiceSubject, p.Observe.Watch[i].Name)
	}
	for i := range p.Observe.Probes {
		add(timeline.ProbeSubject, p.Observe.Probes[i].Name)
	}
	for i := range p.Observe.Metrics {
		add(timeline.MetricSubject, p.Observe.Metrics[i].Name)
	}
	return out
}

const (
	// leastEvery is how often services can be asked at most: engines tell no more often.
	leastEvery = time.Second
	// leastProbeEvery and leastMetricEvery keep what watches from being the load.
	leastProbeEvery  = 10 * time.Millisecond
	leastMetricEvery = 100 * time.Millisecond

	defaultProbeTimeout  = time.Second
	defaultMetricTimeout = 5 * time.Second
)

// observedServices is the word all, or a list of names.
type observedServices struct {
	n     *strictyaml.Node
	all   bool
	names []string
}

func (s *observedServices) DecodeNode(
	d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field,
) (ok bool) {
	s.n = n
	if n.Kind == strictyaml.Text {
		if s.all = n.Text == "all"; !s.all {
			d.Failf(n.Span, "write all, or a list: services: ["+strictyaml.Shorten(n.Text)+"]",
				"services: expected the word all or a list of names, found %q",
				strictyaml.Shorten(n.Text))
		}
		return s.all
	}
	f.Value = reflect.ValueOf(&s.names).Elem()
	return d.Value(n, f)
}

func (s *observedServices) NodeSchema(*strictyaml.Grammar, strictyaml.Field) strictyaml.Schema {
	names := strictyaml.ListOf(strictyaml.Schema{"type": "string", "minLength": 1})
	names["minItems"] = 1
	return strictyaml.Schema{"anyOf": []strictyaml.Schema{{"const": "all"}, names}}
}

// watchFile is a mapping of services of the kinds that a run may find.
type watchFile struct{ servicesFile }

func (w *watchFile) DecodeNode(
	d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field,
) (ok bool) {
	w.found()
	return w.servicesFile.DecodeNode(d, n, f)
}

func (w *watchFile) NodeSchema(g *strictyaml.Grammar, f strictyaml.Field) strictyaml.Schema {
	w.found()
	return w.servicesFile.NodeSchema(g, f)
}

func (w *watchFile) found() {
	w.kinds = slices.DeleteFunc(slices.Clone(w.all()),
		func(k target.Kind) bool { return !k.Finds })
}

// sourceKeys are the keys of metrics that say where the figure is read.
func sourceKeys() []strictyaml.Key {
	var keys []strictyaml.Key
	for _, s := range observe.Sources() {
		keys = append(keys, strictyaml.Key{
			Name: s.Name, Doc: s.Doc, Vars: "addr", New: func() any { return s.New() },
		})
	}
	return keys
}

// beyondLoad says whether the scenario does something beside sending a load of its own: it
// breaks, or watches, what somebody else may load.
func (f *scenarioFile) beyondLoad() bool {
	o := &f.Observe
	return len(f.Chaos) > 0 || o.Services.n != nil || len(o.Watch.list) > 0 || len(o.Probes) > 0 ||
		len(o.Metrics) > 0
}

// observe makes the plan of what is watched; nil if nothing is.
func (b *builder) observe() *Observe {
	f := &b.file.Observe
	at, set := b.Find(f)
	if !set {
		return nil
	}
	if !b.Broken(f) && f.Services.n == nil && !b.Set(&f.Watch) && !b.Set(&f.Probes) &&
		!b.Set(&f.Metrics) {
		b.Failf(at.Span, "give it one of services, watch, probes and metrics",
			"observe does not say what is watched")
	}
	out := &Observe{Services: b.watchedServices(), Watch: b.watch()}
	every, given := b.Find(&f.Every)
	switch {
	case f.Services.n == nil && !b.Set(&f.Watch):
		if given && (b.Set(&f.Probes) || b.Set(&f.Metrics)) {
			b.Failf(every.Span, "write it into each probe and metric, or say which services are watched",
				"every is how often services are asked, and none is watched")
		}
	case f.Every < leastEvery:
		b.Failf(b.Where(&f.Every, at).Span, "write every: 1s",
			"every: expected at least 1s, as engines tell no more often, found %s",
			quantity.FormatDuration(f.Every))
	}
	if len(out.Services)+len(out.Watch) > 0 {
		out.Every = f.Every
	}
	out.Probes, out.Metrics = b.probes(), b.metrics()
	return out
}

// watchedServices are the services whose use is watched, in the order of the file.
func (b *builder) watchedServices() []string {
	f := &b.file.Observe.Services
	var all []string
	for i := range b.planned {
		if k := b.planned[i].Kind; k != nil && len(k.Can.Figures) > 0 {
			all = append(all, b.planned[i].Name)
		}
	}
	if f.all {
		if len(all) == 0 && len(b.file.Services.list) == 0 {
			b.Failf(f.n.Span, "name containers under watch:, or services under services:",
				"services: there are no services to watch")
		}
		return all
	}
	var out []string
	for i := range f.names {
		name := f.names[i]
		at := b.Where(&f.names[i], f.n)
		switch s := b.plannedService(name); {
		case slices.Contains(out, name):
			b.Failf(at.Span, "remove one of the two", "the service %q is listed twice",
				strictyaml.Shorten(name))
		case s == nil:
			var names []string
			for i := range b.planned {
				names = append(names, b.planned[i].Name)
			}
			hint := suggest.Hint(name, "service", names)
			if len(names) == 0 {
				hint = "containers that run already stand under watch:"
			}
			b.Failf(at.Span, hint, "there is no service %q", strictyaml.Shorten(name))
		case s.Kind != nil && len(s.Kind.Can.Figures) == 0:
			b.Failf(at.Span, "remove it, and name what is behind it",
				"nothing tells what a %s uses, and %q is one", s.Kind.Name, name)
		default:
			out = append(out, name)
		}
	}
	return out
}

// watch are the containers that are watched and left alone.
func (b *builder) watch() []Service {
	var out []Service
	for i := range b.file.Observe.Watch.list {
		x := &b.file.Observe.Watch.list[i]
		s := b.service(x)
		b.secrets.urls(s.texts()...)
		if first := b.plannedService(s.Name); first != nil {
			b.Failf(x.key.Span,
				fmt.Sprintf("take another name, or write services: [%s] for the one under services",
					s.Name),
				"the service %q stands under services: already", s.Name)
			continue
		}
		if s.Settings == nil {
			continue // a mistake of its own
		}
		if f, ok := s.Settings.(target.Findable); !ok || !f.Found() {
			b.Failf(x.key.Span,
				"write it under services:, and its name under observe: services:",
				"watch only looks at what runs already, and %q would be started", s.Name)
			continue
		}
		out = append(out, s)
	}
	return out
}

// probes makes the probes.
func (b *builder) probes() []observe.Probe {
	var out []observe.Probe
	names := map[string]*strictyaml.Node{}
	requests := &requests{builder: b}
	for i := range b.file.Observe.Probes {
		f := &b.file.Observe.Probes[i]
		r := &f.requestFile
		b.Note(r, b.Where(f, b.root), !b.Broken(f))
		own := b.ownNode(r)
		b.names.unique(names, f.Name, "probe", own)
		p := observe.Probe{Name: f.Name, Every: f.Every, Timeout: f.Timeout}
		if p.Timeout == 0 {
			p.Timeout = min(defaultProbeTimeout, observe.MaxOverlap*f.Every)
		}
		switch {
		case b.Broken(&f.Every) || b.Broken(&f.Timeout):
		case f.Every < leastProbeEvery:
			b.Failf(
				b.Where(&f.Every, own).Span,
				"what asks more often is load: write it under attack:",
				"every: expected at least %s, found %s",
				leastProbeEvery,
				f.Every,
			)
		case p.Timeout > observe.MaxOverlap*f.Every:
			b.Failf(b.Where(&f.Timeout, own).Span, "ask less often, or wait less long",
				"timeout: expected at most %d times every, %s, found %s: "+
					"a probe does not wait for those before it",
				observe.MaxOverlap, observe.MaxOverlap*f.Every, p.Timeout)
		}
		requests.probe(f, &p, own)
		out = append(out, p)
	}
	return out
}

// probe says what a probe asks, and what it expects.
func (b *requests) probe(f *probeFile, p *observe.Probe, own *strictyaml.Node) {
	r := &f.requestFile
	at := b.Where(&f.Expect, own)
	wanted := b.expectation(&f.Expect.expectFile, at, p.Timeout)
	if f.Expect.Refused {
		p.Fails = timeline.KindRefused
	}
	if f.Expect.TLSError {
		p.Fails = timeline.KindTLS
	}
	b.onlyOneAnswer(f, at)
	if n, set := b.Find(&f.Command); set {
		b.commandProbe(f, p, n, &wanted)
		return
	}
	request := &attack.Request{Name: f.Name, Timeout: p.Timeout}
	p.Request = request
	for _, o := range r.Other.Values() {
		if b.Set(o.Ptr) {
			b.goesWith(&f.Expect, "a request with "+o.Name, "remove it, or write what "+o.Name+
				" expects below it", "refused")
			b.other(r, o, request, nil)
			return
		}
	}
	b.secrets.headers(r.Headers)
	spec := &httpx.Request{Headers: r.Headers, Query: r.Query, Expect: wanted}
	request.Protocol, request.Spec = httpx.Name, spec
	if !b.asksSomething(r) {
		if !b.Broken(f) {
			b.Failf(own.Span, "give it a path, get: /healthz, or tcp: or command:",
				"the probe %q does not say what it asks", f.Name)
		}
		return
	}
	asked := b.method(r, spec)
	b.body(r, spec)
	if asked == nil || asked.Kind != strictyaml.Text || !b.url(spec.URL, asked) {
		return
	}
	tried := *spec
	if b.Broken(r) {
		tried.JSON = ""
	}
	b.tryRows(r, &tried, nil, nil, asked)
}

// asksSomething says whether a request has one of the keys that say what is asked by HTTP.
func (b *requests) asksSomething(r *requestFile) bool {
	for _, ptr := range []*string{
		&r.Get, &r.Post, &r.Put, &r.Patch, &r.Delete, &r.Head, &r.Options, &r.URL,
	} {
		if b.Set(ptr) {
			return true
		}
	}
	return false
}

// onlyOneAnswer notes what is expected of an answer beside that there is none.
func (b *requests) onlyOneAnswer(f *probeFile, at *strictyaml.Node) {
	e := &f.Expect
	switch {
	case e.Refused && e.TLSError:
		b.Failf(b.Where(&e.TLSError, at).Span, "keep one of them",
			"a probe that is refused has no TLS handshake")
	case e.Refused:
		b.goesWith(e, "refused: where nothing listens there is no answer", "remove it, or refused",
			"refused")
	case e.TLSError:
		b.goesWith(e, "tls_error: where the handshake fails there is no answer",
			"remove it, or tls_error", "tls_error")
	}
}

// goesWith notes each key of an expectation that is none of some.
func (b *requests) goesWith(e any, what, hint string, keys ...string) {
	for _, field := range grammar.Fields(e) {
		n, set := b.Find(field.Value.Addr().Interface())
		if set && !slices.Contains(keys, field.Key) {
			b.Failf(n.Span, hint, "%s cannot be expected of %s", field.Key, what)
		}
	}
}

// commandProbe says which command a probe runs.
func (b *requests) commandProbe(
	f *probeFile, p *observe.Probe, n *strictyaml.Node, wanted *expect.Expect,
) {
	r := &f.requestFile
	b.onlyCommand(r, "probe")
	b.ofCommand(&f.Expect)
	if len(f.Command) == 0 || f.Command[0] == "" {
		b.Failf(n.Span, "write command: [pg_isready, -q]",
			"command: expected a program and its arguments, found none")
	}
	b.secrets.urls(f.Command...)
	p.Command, p.Expect = f.Command, wanted
}

// onlyCommand notes what is asked beside a command; what is a probe, or a step.
func (b *requests) onlyCommand(r *requestFile, what string) {
	other := func(ptr any, key string) {
		if n, ok := b.Find(ptr); ok {
			b.Failf(n.Span, "make two "+what+"s of it",
				"a "+what+" asks for one thing, found both %q and %q", "command", key)
		}
	}
	for _, x := range r.httpKeys() {
		other(x.ptr, x.key)
	}
	for _, x := range r.Other.Values() {
		other(x.Ptr, x.Name)
	}
}

// ofCommand notes what cannot be expected of a command.
func (b *requests) ofCommand(expected any) {
	b.goesWith(expected, "a command", "of a command body, matches, json, size and within can be "+
		"expected, which speak of what it prints", "body", "matches", "json", "size", "within")
}

// metrics makes the figures from outside.
func (b *builder) metrics() []observe.Metric {
	var out []observe.Metric
	names := map[string]*strictyaml.Node{}
	for i := range b.file.Observe.Metrics {
		f := &b.file.Observe.Metrics[i]
		own := b.Where(&f.Name, b.Where(f, b.root))
		b.names.unique(names, f.Name, "metric", own)
		m := observe.Metric{
			Name: f.Name, Unit: f.Unit, Every: f.Every, Once: observe.Once(f.Once), Timeout: f.Timeout,
		}
		b.metricTimes(f, &m, own)
		b.source(f, &m, own)
		out = append(out, m)
	}
	return out
}

// metricTimes checks when a metric is read.
func (b *builder) metricTimes(f *metricFile, m *observe.Metric, own *strictyaml.Node) {
	if m.Timeout == 0 {
		if m.Timeout = defaultMetricTimeout; m.Every > 0 {
			m.Timeout = min(m.Timeout, m.Every)
		}
	}
	once, isOnce := b.Find(&f.Once)
	switch {
	case b.Broken(&f.Every) || b.Broken(&f.Once) || b.Broken(f) && !isOnce && !b.Set(&f.Every):
	case isOnce && b.Set(&f.Every):
		b.Failf(
			once.Span,
			"keep one of them",
			"a metric is read every so often or once, found both",
		)
	case !isOnce && !b.Set(&f.Every):
		b.Failf(own.Span, "write every: 5s, or once: before or after",
			"the metric %q does not say when it is read", f.Name)
	case isOnce:
	case f.Every < leastMetricEvery:
		b.Failf(b.Where(&f.Every, own).Span, "5s is enough for most",
			"every: expected at least %s, found %s", leastMetricEvery, f.Every)
	case m.Timeout > m.Every:
		b.Failf(b.Where(&f.Timeout, own).Span, "read it less often, or wait less long",
			"timeout: expected at most every, %s, as readings do not overlap, found %s",
			m.Every, m.Timeout)
	}
}

// source says where a metric is read.
func (b *builder) source(f *metricFile, m *observe.Metric, own *strictyaml.Node) {
	var set []strictyaml.KeyedValue
	var all []string
	for _, s := range f.Source.Values() {
		all = append(all, s.Name)
		if b.Set(s.Ptr) {
			set = append(set, s)
		}
	}
	switch {
	case len(set) == 0:
		if !b.Broken(f) {
			b.Failf(own.Span, "give it one of "+list(all),
				"the metric %q does not say where it is read", f.Name)
		}
		return
	case len(set) > 1:
		n, _ := b.Find(set[1].Ptr)
		b.Failf(n.Span, "make two metrics of it",
			"a metric is read from one source, found both %q and %q", set[0].Name, set[1].Name)
		return
	}
	at, _ := b.Find(set[0].Ptr)
	spec := set[0].Ptr.(observe.Spec)
	m.Source, m.Of = set[0].Name, spec
	if b.Broken(set[0].Ptr) {
		return
	}
	noteFields(b.Decoder, spec.Expanded(target.Checked).Validate(), set[0].Ptr, at, set[0].Doc)
	b.hosts.ready(spec.Asks(), at)
	b.secrets.headers(spec.Headers())
	b.secrets.urls(spec.Texts()...)
}

// list is a list of words for people.
func list(words []string) string {
	out := ""
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			out += " and "
		default:
			out += ", "
		}
		out += w
	}
	return out
}

// observedInRules notes rules on what is not watched, or not measured.
func (b *builder) observedInRules(p *Plan) {
	for _, of := range []struct {
		list    rulesFile
		planned []PlannedRule
	}{{b.file.Hypothesis, p.Hypothesis}, {b.file.Verdict, p.Rules}} {
		for i := range of.list {
			e := &of.list[i]
			same := func(r PlannedRule) bool { return r.KPI == e.KPI }
			if at := slices.IndexFunc(of.planned, same); at >= 0 && !e.scorecard {
				b.observedRule(e.kpi, p, of.planned[at].Rule)
			}
		}
	}
	for i := range b.file.Abort {
		if e := &b.file.Abort[i]; e.rule != nil {
			b.observedRule(e.when, p, e.rule)
		}
	}
}

// observedRule checks that what a rule asks of services is measured.
func (b *builder) observedRule(at *strictyaml.Node, p *Plan, r *verdict.Rule) {
	for _, o := range r.Observed() {
		b.observedService(at, p, o.Subject, o.Figure)
	}
}

// observedService checks that a figure of a service is measured.
func (b *builder) observedService(
	at *strictyaml.Node, p *Plan, s timeline.Subject, figure timeline.Figure,
) {
	if s.Kind != timeline.ServiceSubject {
		return
	}
	var of *Service
	watched := false
	if p.Observe != nil {
		watched = slices.Contains(p.Observe.Services, s.Name)
		for i := range p.Observe.Watch {
			if p.Observe.Watch[i].Name == s.Name {
				of, watched = &p.Observe.Watch[i], true
			}
		}
	}
	if of == nil {
		of = b.plannedService(s.Name)
	}
	switch {
	case of == nil || of.Kind == nil:
		return // a mistake of its own
	case len(of.Kind.Can.Figures) == 0:
		b.Failf(at.Span, "ask for the service behind it",
			"nothing tells what a %s uses, and %s is one", of.Kind.Name, s)
	case !watched:
		b.Failf(at.Span, "add observe: { services: ["+s.Name+"] }",
			"%s is not watched, so that nothing is known of its %s", s, figure)
	case !slices.Contains(of.Kind.Can.Figures, figure):
		var has []string
		for _, f := range of.Kind.Can.Figures {
			has = append(has, f.String())
		}
		b.Failf(at.Span, "of a "+of.Kind.Name+" there are "+list(has),
			"%s is not measured of a %s, and %s is one", figure, of.Kind.Name, s)
	}
}
