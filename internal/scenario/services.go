package scenario

import (
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

var serviceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// servicesFile is a mapping whose order is kept.
type servicesFile []namedService

type namedService struct {
	name string
	key  *strictyaml.Node
	serviceFile
}

func (s *servicesFile) DecodeNode(d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field) (ok bool) {
	if n.Kind != strictyaml.Map {
		d.Failf(n.Span, "write NAME: { … } for each service", "services: expected a mapping, found %s", n.Describe())
		return false
	}
	*s = make(servicesFile, len(n.Entries))
	ok = true
	for i, e := range n.Entries {
		x := &(*s)[i]
		x.name, x.key = e.Key.Text, e.Key
		f.Value, f.Key, f.Doc = reflect.ValueOf(&x.serviceFile).Elem(), x.name, ""
		ok = d.Field(e.Value, f) && ok
	}
	return ok
}

func (s *servicesFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	one := g.Object(&serviceFile{}, false)
	one["oneOf"] = []strictyaml.Schema{
		{"required": []string{"builtin"}}, {"required": []string{"process"}}, {"required": []string{"container"}}, {"required": []string{"link"}},
	}
	out := strictyaml.MapOf(one)
	out["propertyNames"] = strictyaml.Schema{"pattern": serviceName.String()}
	return out
}

func (b *builder) services() []Service {
	var out []Service
	for i := range b.file.Services {
		s := b.service(&b.file.Services[i])
		b.secrets.args(s.strings())
		out = append(out, s)
	}
	b.references(out)
	return out
}

func (b *builder) service(x *namedService) Service {
	s := Service{Name: x.name}
	if !serviceName.MatchString(x.name) || x.name == "PORT" {
		b.Failf(x.key.Span, "take letters, digits, - and _, starting with a letter; PORT is taken", "%q cannot be the name of a service", strictyaml.Shorten(x.name))
	}
	var forms []*strictyaml.Node
	for _, ptr := range []any{&x.Builtin, &x.Process, &x.Container, &x.Link} {
		if n, ok := b.Find(ptr); ok {
			forms = append(forms, n)
		}
	}
	switch {
	case len(forms) > 1:
		b.Failf(forms[1].Span, "make two services of it", "the service %q is said to be two things", x.name)
		return s
	case len(forms) == 0:
		if !b.Broken(&x.serviceFile) {
			b.Failf(x.key.Span, "give it one of builtin, process, container, link", "the service %q does not say what it is", x.name)
		}
		return s
	}
	if b.Set(&x.Args) && !b.Set(&x.Builtin) {
		b.Failf(b.Where(&x.Args, x.key).Span, "put the arguments into the command, or below container:", "args go with builtin")
	}
	switch {
	case b.Set(&x.Builtin):
		s.Process = &Process{Builtin: x.Builtin, Args: x.Args, Ready: builtinReady, ReadyTimeout: ready.DefaultTimeout}
	case b.Set(&x.Process):
		s.Process = b.process(x)
	case b.Set(&x.Container):
		s.Container = b.container(x)
	case b.Set(&x.Link):
		s.Link = b.link(x)
	}
	return s
}

// builtinReady is how the parts of the built-in shop are asked.
var builtinReady = ready.Check{HTTP: "/healthz"}

func (b *builder) process(x *namedService) *Process {
	f := &x.Process
	if f.Dir != "" {
		if info, err := os.Stat(b.files.path(f.Dir)); err != nil || !info.IsDir() {
			b.Failf(b.Where(&f.Dir, x.key).Span, "paths are taken from the scenario file's folder, "+b.files.dir, "dir: there is no folder %s", f.Dir)
		}
	}
	b.secrets.variables(f.Env)
	return &Process{
		Command: f.Command, Env: f.Env, Dir: f.Dir, Ready: b.ready(&f.Ready, ready.Check{}), ReadyTimeout: f.ReadyTimeout,
	}
}

func (b *builder) container(x *namedService) *Container {
	f := &x.Container
	at := b.Where(f, x.key)
	var ways []*strictyaml.Node
	for _, ptr := range []any{&f.Name, &f.ID, &f.Label, &f.Compose, &f.Builtin, &f.Image} {
		if n, ok := b.Find(ptr); ok {
			ways = append(ways, n)
		}
	}
	switch {
	case len(ways) == 0 && !b.Broken(f):
		b.Failf(at.Span, "give one of name, id, label, compose to find it, or builtin, image to start it", "the container %q is neither found nor started", x.name)
	case len(ways) > 1:
		b.Failf(ways[1].Span, "keep one of them", "the container %q is described twice", x.name)
	}
	for _, t := range []struct {
		ptr   any
		value string
	}{{&f.Name, f.Name}, {&f.ID, f.ID}, {&f.Label, f.Label}, {&f.Image, f.Image}} {
		if n, ok := b.Find(t.ptr); ok && strings.Trim(t.value, " =") == "" {
			b.Failf(n.Span, "an empty selector would mean every container", "expected a name, found nothing")
		}
	}
	started := b.Set(&f.Builtin) || b.Set(&f.Image)
	if !started {
		for _, extra := range []struct {
			ptr any
			key string
		}{{&f.Args, "args"}, {&f.Env, "env"}} {
			if n, ok := b.Find(extra.ptr); ok && len(ways) > 0 {
				b.Failf(n.Span, "remove it: a container that is found is left as it is", "%s goes with containers that the run starts", extra.key)
			}
		}
	}
	c := &Container{
		ID: f.ID, Name: f.Name, Label: f.Label, Builtin: f.Builtin, Image: f.Image,
		Args: f.Args, Env: f.Env, Port: f.Port, ReadyTimeout: f.ReadyTimeout,
	}
	if b.Set(&f.Compose) {
		c.Compose = &Compose{Project: f.Compose.Project, Service: f.Compose.Service}
	}
	var own ready.Check
	if c.Builtin != "" {
		own = builtinReady
		if c.Port == 0 {
			c.Port = builtinPort
		}
	}
	c.Ready = b.ready(&f.Ready, own)
	if c.Port > 65535 {
		b.Failf(b.Where(&f.Port, at).Span, "give a port from 1 to 65535", "port: %d is no port", c.Port)
	}
	if asksOwn(c.Ready) && c.Port == 0 && started {
		what := "a path"
		if c.Ready.TCP != "" {
			what = "tcp"
		}
		b.Failf(b.Where(&f.Ready, at).Span, "add port:, at which it is asked", "ready is %s, but the container has no port", what)
	}
	b.secrets.variables(c.Env)
	return c
}

func (b *builder) link(x *namedService) *Link {
	f := &x.Link
	b.hostPort("listen", f.Listen, b.Where(&f.Listen, x.key), true)
	at := b.Where(&f.Upstream, x.key)
	if f.Upstream != "" && b.hostPort("upstream", checked(f.Upstream), at, false) {
		host, _, _ := net.SplitHostPort(checked(f.Upstream))
		b.hosts.check(host, at)
	}
	return &Link{Listen: f.Listen, Upstream: f.Upstream, Ready: b.ready(&f.Ready, ready.Check{}), ReadyTimeout: f.ReadyTimeout}
}

func (b *builder) hostPort(key, s string, n *strictyaml.Node, zero bool) bool {
	host, port, err := net.SplitHostPort(s)
	number, bad := strconv.ParseUint(port, 10, 16)
	if err == nil && bad == nil && (zero || number > 0 && host != "") {
		return true
	}
	b.Failf(n.Span, "write an address such as 127.0.0.1:8080", "%s: expected host:port, found %q", key, strictyaml.Shorten(s))
	return false
}

// references checks every ${NAME.addr}: that there is such a service, that it
// has an address, and that no services wait for each other's.
func (b *builder) references(services []Service) {
	byName := map[string]*Service{}
	var names []string
	for i := range services {
		byName[services[i].Name] = &services[i]
		names = append(names, services[i].Name)
	}
	waits := map[string][]string{}
	for _, r := range b.vars.refs {
		s, ok := byName[r.service]
		switch {
		case !ok:
			b.Failf(r.Span, suggest.Hint(r.service, "service", names), "there is no service %q", strictyaml.Shorten(r.service))
			continue
		case s.Container != nil && s.Container.Builtin == "" && s.Container.Image == "":
			b.Failf(r.Span, "write its address as you know it", "the container %q is found, not started, so that its address is not known here", r.service)
			continue
		case s.Container != nil && s.Container.Port == 0:
			b.Failf(r.Span, "add port: to the container", "the container %q publishes no port", r.service)
			continue
		}
		if r.owner == "" || r.owner == r.service && r.ready {
			continue
		}
		if r.owner == r.service {
			b.Failf(r.Span, "a process gets its own port as ${PORT}", "the service %q waits for its own address", r.owner)
			continue
		}
		if path := waitPath(waits, r.service, r.owner); path != nil {
			b.Failf(r.Span, "break the circle: give one of them a fixed address", "services wait for each other's address: %s", strings.Join(append([]string{r.owner}, path...), " → "))
			continue
		}
		waits[r.owner] = append(waits[r.owner], r.service)
	}
}

// waitPath returns how from comes to wait for to, nil if it does not.
func waitPath(waits map[string][]string, from, to string) []string {
	seen := map[string]bool{}
	var walk func(at string) []string
	walk = func(at string) []string {
		if at == to {
			return []string{to}
		}
		if seen[at] {
			return nil
		}
		seen[at] = true
		for _, next := range waits[at] {
			if path := walk(next); path != nil {
				return append([]string{at}, path...)
			}
		}
		return nil
	}
	return walk(from)
}

// StartOrder returns the services so that each comes after those whose
// addresses it needs, and otherwise in the order of the file.
func (p *Plan) StartOrder() []Service {
	var out []Service
	done := map[string]bool{}
	var visit func(s Service)
	visit = func(s Service) {
		if done[s.Name] {
			return
		}
		done[s.Name] = true
		for _, name := range Refs(s.strings()...) {
			if i := slices.IndexFunc(p.Services, func(o Service) bool { return o.Name == name }); i >= 0 {
				visit(p.Services[i])
			}
		}
		out = append(out, s)
	}
	for _, s := range p.Services {
		visit(s)
	}
	return out
}

// strings returns everything in a service that can hold an address.
func (s *Service) strings() []string {
	var out []string
	env := func(m map[string]string) {
		for _, v := range m {
			out = append(out, v)
		}
	}
	switch {
	case s.Process != nil:
		out = append(append(append(out, s.Process.Command...), s.Process.Args...), checkStrings(s.Process.Ready)...)
		env(s.Process.Env)
	case s.Container != nil:
		out = append(append(out, s.Container.Args...), checkStrings(s.Container.Ready)...)
		env(s.Container.Env)
	case s.Link != nil:
		out = append(append(out, s.Link.Upstream), checkStrings(s.Link.Ready)...)
	}
	slices.Sort(out)
	return out
}
