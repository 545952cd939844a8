package container

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

const (
	// kindName stands in plans and journals.
	kindName = "container"
	// placeKey is what the engine is written down under.
	placeKey = "engine"
)

// Kind is the kind of service that is one container or several.
func Kind() target.Kind {
	return target.Kind{
		Name: kindName,
		Keys: []string{"container"},
		New:  func() any { return &serviceFile{} },
		Settings: func(r target.Reader, file any) target.Settings {
			return settingsOf(r, &file.(*serviceFile).Container)
		},
		Finds: true,
		Can:   target.Capabilities{Conditions: nethelper.Conditions(), Figures: figures()},
		Open:  func(env target.Env) target.Opener { return &opener{env: env} },
		Heal:  func(h target.Healing) target.Healer { return &healer{runs: h} },
	}
}

// serviceFile is what the scenario file has of a service that is a container.
type serviceFile struct {
	Container containerFile `json:"container" doc:"a container that the run finds, or starts"`
}

type containerFile struct {
	Name    string      `json:"name" doc:"name of a running container"`
	ID      string      `json:"id" doc:"id of a running container"`
	Label   string      `json:"label" doc:"label of running containers: key or key=value"`
	Compose composeFile `json:"compose" doc:"service of a compose project"`

	Builtin      string            `json:"builtin" enum:"@builtins" doc:"a part of the built-in shop, from an image made of ordeal's own binary"`
	Image        string            `json:"image" doc:"an image that the engine already has"`
	Args         []string          `json:"args" vars:"addr" doc:"arguments of the built-in part, or the image's command"`
	Env          map[string]string `json:"env" vars:"addr" doc:"variables in the container"`
	Port         int               `json:"port" positive:"true" doc:"port in the container; of one that the run starts, it is published on a free port of 127.0.0.1, which is ${NAME.addr}; of one that is found, a path under ready is asked where it is published"`
	Ready        target.ReadyFile  `json:"ready" vars:"addr" doc:"what says that the container is ready: a path on its published port or a URL that answers 2xx, tcp://host:port, or a mapping with http, tcp or command"`
	ReadyTimeout time.Duration     `json:"ready_timeout" positive:"true" doc:"how long that may take, at first and after a restart; left out: 30s, or as long as its own health check may take"`
}

// OtherForm implements strictyaml.OtherForm.
func (*containerFile) OtherForm(found string) string {
	return "write container: { name: " + found + " } for one that runs, or { image: " + found +
		" } to start one"
}

type composeFile struct {
	Project string `json:"project" required:"true" doc:"name of the compose project"`
	Service string `json:"service" required:"true" doc:"name of the service in it"`
}

// Settings are those of containers: either found (ID, Name, Label or Compose) and then
// broken but never removed, or started by the run (Builtin or Image) and then removed.
type Settings struct {
	ID      string   `json:"id,omitempty"`
	Name    string   `json:"name,omitempty"`
	Label   string   `json:"label,omitempty"` // key or key=value
	Compose *Compose `json:"compose,omitempty"`

	// A part of the built-in shop, from an image made of ordeal's own binary.
	Builtin string `json:"builtin,omitempty"`
	// One that the engine has: nothing is pulled.
	Image string            `json:"image,omitempty"`
	Args  []string          `json:"args,omitempty"` // of Builtin, or the command of Image
	Env   map[string]string `json:"env,omitempty"`
	// In the container; the run publishes it on a free port of 127.0.0.1, which is ${NAME.addr}.
	Port int `json:"port,omitempty"`
	// A path is asked where Port is published.
	Ready ready.Check `json:"ready,omitzero"`
	// 0: as the container's own health check says, or 30s.
	ReadyTimeout time.Duration `json:"ready_timeout"`
}

// Compose names a service of a compose project.
type Compose struct {
	Project string `json:"project"`
	Service string `json:"service"`
}

var _ target.Settings = (*Settings)(nil)

func settingsOf(r target.Reader, f *containerFile) *Settings {
	name, key := r.Service()
	at := r.Where(f, key)
	ways := waysOf(r, f)
	switch {
	case len(ways) == 0 && !r.Broken(f):
		r.Failf(
			at.Span,
			"give one of name, id, label, compose to find it, or builtin, image to start it",
			"the container %q is neither found nor started",
			name,
		)
	case len(ways) > 1:
		r.Failf(ways[1].Span, "keep one of them", "the container %q is described twice", name)
	}
	for _, t := range []struct {
		ptr   any
		value string
	}{{&f.Name, f.Name}, {&f.ID, f.ID}, {&f.Label, f.Label}, {&f.Image, f.Image}} {
		if n, ok := r.Find(t.ptr); ok && strings.Trim(t.value, " =") == "" {
			r.Failf(
				n.Span,
				"an empty selector would mean every container",
				"expected a name, found nothing",
			)
		}
	}
	started := r.Set(&f.Builtin) || r.Set(&f.Image)
	if !started {
		for _, extra := range []struct {
			ptr any
			key string
		}{{&f.Args, "args"}, {&f.Env, "env"}} {
			if n, ok := r.Find(extra.ptr); ok && len(ways) > 0 {
				r.Failf(n.Span, "remove it: a container that is found is left as it is",
					"%s goes with containers that the run starts", extra.key)
			}
		}
	}
	s := &Settings{
		ID: f.ID, Name: f.Name, Label: f.Label, Builtin: f.Builtin, Image: f.Image,
		Args: f.Args, Env: f.Env, Port: f.Port, ReadyTimeout: f.ReadyTimeout,
	}
	if r.Set(&f.Compose) {
		s.Compose = &Compose{Project: f.Compose.Project, Service: f.Compose.Service}
	}
	var own ready.Check
	if s.Builtin != "" {
		own = target.BuiltinReady
		if s.Port == 0 {
			s.Port = target.BuiltinPort
		}
	}
	s.Ready = r.Ready(&f.Ready, own)
	if s.Port > 65535 {
		r.Failf(
			r.Where(&f.Port, at).Span,
			"give a port from 1 to 65535",
			"port: %d is no port",
			s.Port,
		)
	}
	if target.AsksOwn(s.Ready) && s.Port == 0 && started {
		what := "a path"
		if s.Ready.TCP != "" {
			what = "tcp"
		}
		r.Failf(r.Where(&f.Ready, at).Span, "add port:, at which it is asked",
			"ready is %s, but the container has no port", what)
	}
	r.Env(s.Env)
	return s
}

// waysOf is where the file says how the container is found or started.
func waysOf(r target.Reader, f *containerFile) []*strictyaml.Node {
	var ways []*strictyaml.Node
	for _, ptr := range []any{&f.Name, &f.ID, &f.Label, &f.Compose, &f.Builtin, &f.Image} {
		if n, ok := r.Find(ptr); ok {
			ways = append(ways, n)
		}
	}
	return ways
}

// Texts implements target.Settings.
func (s *Settings) Texts() []string {
	return slices.Concat(s.Args, target.CheckTexts(s.Ready), slices.Collect(maps.Values(s.Env)))
}

// Found implements target.Findable.
func (s *Settings) Found() bool { return !s.started() }

// started says whether the run starts the container, and does not find it.
func (s *Settings) started() bool { return s.Builtin != "" || s.Image != "" }

// Describe implements target.Settings.
func (s *Settings) Describe() (what, remark string) {
	switch {
	case s.Builtin != "":
		return "built-in " + target.CommandLine(append([]string{s.Builtin}, s.Args...)) +
			", started as a container", ""
	case s.Image != "":
		return "image " + s.Image + ", started as a container", ""
	case s.Compose != nil:
		return fmt.Sprintf("containers of the compose service %s/%s", s.Compose.Project,
			s.Compose.Service), ""
	case s.Label != "":
		return "containers with the label " + s.Label, ""
	case s.ID != "":
		return "container " + s.ID, ""
	}
	return "container " + s.Name, ""
}

// NoAddress implements target.Settings.
func (s *Settings) NoAddress(service string) (why, hint string) {
	switch {
	case !s.started():
		return fmt.Sprintf("the container %q is found, not started, "+
			"so that its address is not known here", service), "write its address as you know it"
	case s.Port == 0:
		return fmt.Sprintf(
			"the container %q publishes no port",
			service,
		), "add port: to the container"
	}
	return "", ""
}

// Targets implements target.Settings.
func (s *Settings) Targets() (n int, known bool) {
	if s.started() {
		return 1, true
	}
	return 0, false
}

// selector is what finds the containers.
func (s *Settings) selector() Selector {
	sel := Selector{ID: s.ID, Name: s.Name, Label: s.Label}
	if s.Compose != nil {
		sel.ComposeProject, sel.ComposeService = s.Compose.Project, s.Compose.Service
	}
	return sel
}

// opener starts and finds the containers of a run.
type opener struct {
	env    target.Env
	engine *Engine // nil until it is needed
	stack  *Stack  // nil until a container is started
}

// Open implements target.Opener.
func (o *opener) Open(
	ctx context.Context, name string, settings target.Settings,
) (*target.Instance, error) {
	s := settings.(*Settings)
	if err := o.connect(ctx); err != nil {
		return nil, err
	}
	if s.started() {
		return o.start(ctx, name, s)
	}
	return o.find(ctx, name, s)
}

// connect reaches for the engine, once.
func (o *opener) connect(ctx context.Context) error {
	if o.engine != nil {
		return nil
	}
	engine, err := Connect(ctx, WithHosts(o.env.Hosts), WithNaming(o.env.Names))
	if err != nil {
		return err
	}
	o.engine = engine
	o.env.Undo(func(context.Context) error { return engine.Close() })
	place, err := json.Marshal(engine.Place())
	if err != nil {
		return err
	}
	return o.env.Place(placeKey, place)
}

func (o *opener) find(ctx context.Context, name string, s *Settings) (*target.Instance, error) {
	found, err := o.engine.Find(ctx, s.selector())
	if err != nil {
		return nil, err
	}
	instance := &target.Instance{}
	for _, f := range found {
		instance.Targets = append(instance.Targets, f)
		o.env.Progress("found %s as container %s", name, f.Name())
		check, err := o.env.Ready(
			s.Ready,
			name,
			cmp.Or(f.PublishedAt(s.Port), f.Addr()),
			o.env.Expand,
		)
		if err != nil {
			return nil, fmt.Errorf("container %s: %w", f.Name(), err)
		}
		if err := f.SetReady(check, s.ReadyTimeout); err != nil {
			return nil, err
		}
	}
	if !s.Ready.IsZero() {
		if err := awaitAll(ctx, found); err != nil {
			return nil, err
		}
	}
	if len(found) == 1 {
		instance.Addr = found[0].Addr()
	}
	return instance, nil
}

// awaitAll returns when all containers are ready.
func awaitAll(ctx context.Context, all []*Container) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() { errs[i] = c.AwaitReady(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (o *opener) start(ctx context.Context, name string, s *Settings) (*target.Instance, error) {
	if o.stack == nil {
		stack, err := o.engine.NewStack(ctx, o.env.Run, o.env.Owner.String(),
			func(line string) { o.env.Progress("%s", line) })
		if err != nil {
			return nil, err
		}
		o.stack = stack
		o.env.Undo(stack.Close)
	}
	spec := Spec{Name: name, Image: s.Image, Port: s.Port, ReadyTimeout: s.ReadyTimeout}
	spec.Ready = func(addr string) (ready.Check, error) {
		return o.env.Ready(s.Ready, name, addr, o.env.Expand)
	}
	if s.Builtin != "" {
		spec.Args = s.builtinArgs()
	}
	for _, a := range s.Args {
		a, err := o.env.Expand(a)
		if err != nil {
			return nil, err
		}
		spec.Args = append(spec.Args, a)
	}
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		v, err := o.env.Expand(s.Env[k])
		if err != nil {
			return nil, err
		}
		spec.Env = append(spec.Env, k+"="+v)
	}
	o.env.Progress("starting container %s", name)
	c, err := o.stack.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &target.Instance{Addr: c.Addr(), Targets: []chaos.Target{c}}, nil
}

func (s *Settings) builtinArgs() []string {
	return []string{"demo", s.Builtin, "--listen", fmt.Sprintf("0.0.0.0:%d", s.Port)}
}

// Facts implements target.Opener: it asks the engine, and changes nothing there.
func (o *opener) Facts(
	ctx context.Context, name string, settings target.Settings,
) (target.Facts, error) {
	s := settings.(*Settings)
	if o.engine == nil {
		engine, err := Connect(ctx)
		if err != nil {
			return target.Facts{}, err
		}
		o.engine = engine
		o.env.Undo(func(context.Context) error { return engine.hangUp() })
	}
	if !s.started() {
		return o.foundFacts(ctx, s)
	}
	facts := target.Facts{}
	details := []target.Detail{{Name: "container", Value: "would be started"}}
	if s.Image != "" {
		if err := o.engine.hasImage(ctx, s.Image); err != nil {
			return target.Facts{}, err
		}
		details = append(details, target.Detail{Name: "image", Value: s.Image})
		if len(s.Args) > 0 {
			details = append(
				details,
				target.Detail{Name: "command", Value: target.CommandLine(s.Args)},
			)
		}
	} else {
		details = append(details, target.Detail{Name: "image", Value: "made of ordeal's own program"},
			target.Detail{Name: "command", Value: target.CommandLine(append(s.builtinArgs(), s.Args...))})
	}
	if s.Port != 0 {
		facts.Address = "a free port of 127.0.0.1"
		port := fmt.Sprintf("%d, published on %s", s.Port, facts.Address)
		details = append(details, target.Detail{Name: "port", Value: port})
	}
	details = append(details, target.Detail{Name: "engine", Value: o.engine.Place().String()})
	facts.Targets = []target.Fact{{Name: name, Details: details}}
	return facts, nil
}

func (o *opener) foundFacts(ctx context.Context, s *Settings) (target.Facts, error) {
	found, err := o.engine.Find(ctx, s.selector())
	if err != nil {
		return target.Facts{}, err
	}
	var facts target.Facts
	for _, c := range found {
		r, err := c.inspect(ctx)
		if err != nil {
			return target.Facts{}, err
		}
		image := shortImage(r.Image)
		if r.Config != nil && r.Config.Image != "" {
			image = r.Config.Image
		}
		details := []target.Detail{
			{Name: "container", Value: shortID(c.ID())}, {Name: "image", Value: image},
			{Name: "state", Value: r.State.Status},
		}
		if at := cmp.Or(c.PublishedAt(s.Port), c.Addr()); at != "" {
			details = append(details, target.Detail{Name: "published at", Value: at})
		}
		details = append(details, target.Detail{Name: "engine", Value: o.engine.Place().String()})
		facts.Targets = append(facts.Targets, target.Fact{Name: c.Name(), Details: details})
	}
	if len(found) == 1 {
		facts.Address = found[0].Addr()
	}
	return facts, nil
}

// shortImage is an image's id as people see it.
func shortImage(id string) string { return shortID(strings.TrimPrefix(id, "sha256:")) }

// Mechanism implements chaos.MechanismNamer.
func (c *Container) Mechanism() string { return "engine" }

// healer undoes what runs left at an engine.
type healer struct {
	runs   target.Healing
	engine *Engine // nil until it is needed
	err    error   // why it cannot be had
	swept  bool
}

// connect reaches for the engine, once.
func (h *healer) connect(ctx context.Context) error {
	if h.engine == nil && h.err == nil {
		h.engine, h.err = Connect(ctx)
	}
	return h.err
}

// Reopen implements target.Healer.
func (h *healer) Reopen(ctx context.Context, ref chaos.Ref) (chaos.Target, error) {
	if err := h.connect(ctx); err != nil {
		return nil, Unreached(ref, err)
	}
	return h.engine.Reopen(ctx, ref)
}

// Sweep implements target.Healer: it removes containers, networks and images of runs
// that are over.
func (h *healer) Sweep(ctx context.Context, asked bool) (target.Swept, error) {
	var out target.Swept
	if !asked {
		return out, nil
	}
	if err := h.connect(ctx); err != nil {
		out.Unseen = fmt.Errorf("containers were not looked at: %w", err)
		return out, nil
	}
	swept, err := h.engine.Sweep(ctx, h.gone)
	h.swept = err == nil
	for _, what := range swept.Removed {
		out.Done = append(out.Done, "removed: "+what)
	}
	for _, l := range swept.Left {
		o, err := owner.Parse(l.Owner)
		if err != nil {
			continue // no owner of ordeal's, so nothing of ordeal's
		}
		out.Left = append(out.Left, target.Left{Run: l.Run, Owner: o, Things: l.Things})
	}
	return out, err
}

func (h *healer) gone(text, run string) bool {
	o, err := owner.Parse(text)
	if err != nil {
		return false // what cannot be read is not ours to remove
	}
	l, _ := h.runs.Liveness(run, o)
	return l == owner.Dead
}

// PlaceKey implements target.Placed.
func (*healer) PlaceKey() string { return placeKey }

// Looked implements target.Placed.
func (h *healer) Looked(place json.RawMessage) (ok bool, where string, err error) {
	var at Place
	if err := json.Unmarshal(place, &at); err != nil {
		return false, "", err
	}
	if h.engine == nil || !at.Same(h.engine.Place()) {
		return false, fmt.Sprintf("the engine %s, which was not looked at: %s", at,
			at.Command("ordeal heal")), nil
	}
	return h.swept, "", nil
}

// Close implements target.Healer.
func (h *healer) Close() error {
	if h.engine == nil {
		return nil
	}
	return h.engine.Close()
}
