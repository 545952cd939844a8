package scenario

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/kinds"
)

var serviceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// servicesFile is a mapping whose order is kept.
type servicesFile struct {
	kinds []target.Kind // that services can have; nil: all
	list  []namedService
}

func (s *servicesFile) all() []target.Kind {
	if s.kinds == nil {
		s.kinds = kinds.All()
	}
	return s.kinds
}

type namedService struct {
	name string
	key  *strictyaml.Node
	serviceFile
}

// serviceFile is a service: one of its kinds' keys, with what goes with it.
type serviceFile struct {
	n     *strictyaml.Node
	kinds []target.Kind
	files []any // what each of kinds has of it
}

func (s *servicesFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	if n.Kind != strictyaml.Map {
		d.Failf(n.Span,
			"write NAME: { … } for each service",
			"services: expected a mapping, found %s", n.Describe())
		return false
	}
	s.list = make([]namedService, len(n.Entries))
	ok = true
	for i, e := range n.Entries {
		x := &s.list[i]
		x.name, x.key, x.kinds = e.Key.Text, e.Key, s.all()
		f.Value, f.Key, f.Doc = reflect.ValueOf(&x.serviceFile).Elem(), x.name, ""
		ok = d.Field(e.Value, f) && ok
	}
	return ok
}

func (s *serviceFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	_ strictyaml.Field,
) (ok bool) {
	s.n = n
	o := d.Object(n, "a service")
	if o == nil {
		return false
	}
	for _, k := range s.kinds {
		file := k.New()
		grammar.SetDefaults(file)
		o.Into(file, false)
		s.files = append(s.files, file)
	}
	return o.Done()
}

func (s *servicesFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	properties := strictyaml.Schema{}
	var one []strictyaml.Schema
	for _, k := range s.all() {
		own, _ := g.Properties(k.New(), false)
		for key, p := range own {
			properties[key] = p
		}
		for _, key := range k.Keys {
			one = append(one, strictyaml.Schema{"required": []string{key}})
		}
	}
	service := strictyaml.Closed(properties)
	service["oneOf"] = one
	out := strictyaml.MapOf(service)
	out["propertyNames"] = strictyaml.Schema{"pattern": serviceName.String()}
	return out
}

func (b *builder) services() []Service {
	var out []Service
	for i := range b.file.Services.list {
		s := b.service(&b.file.Services.list[i])
		b.secrets.urls(s.texts()...)
		out = append(out, s)
	}
	b.references(out)
	return out
}

func (b *builder) service(x *namedService) Service {
	s := Service{Name: x.name}
	if !serviceName.MatchString(x.name) || x.name == "PORT" {
		b.Failf(x.key.Span,
			"take letters, digits, - and _, starting with a letter; PORT is taken",
			"%q cannot be the name of a service", strictyaml.Shorten(x.name))
	}
	var forms []*strictyaml.Node // what makes it of a kind
	var all []string
	var file any
	for i := range x.kinds {
		for _, key := range x.kinds[i].Keys {
			all = append(all, key)
			if n, ok := x.get(key); ok {
				forms = append(forms, n)
				s.Kind, file = &x.kinds[i], x.files[i]
			}
		}
	}
	switch {
	case len(forms) > 1:
		b.Failf(forms[1].Span,
			"make two services of it",
			"the service %q is said to be two things", x.name)
		s.Kind = nil
		return s
	case len(forms) == 0:
		if !b.Broken(&x.serviceFile) {
			b.Failf(x.key.Span,
				"give it one of "+strings.Join(all, ", "),
				"the service %q does not say what it is", x.name)
		}
		return s
	}
	for _, k := range x.kinds {
		for _, beside := range k.Beside {
			n, set := x.get(beside.Key)
			if _, with := x.get(beside.With); set && !with {
				b.Failf(n.Span, beside.Hint, "%s go with %s", beside.Key, beside.With)
			}
		}
	}
	s.Settings = s.Kind.Settings(serviceReader{b, x}, file)
	return s
}

// get returns the value of a key of the service.
func (s *serviceFile) get(key string) (*strictyaml.Node, bool) {
	if s.n == nil || s.n.Kind != strictyaml.Map {
		return nil, false
	}
	return s.n.Get(key)
}

// serviceReader is what a kind reads the settings of a service with.
type serviceReader struct {
	*builder
	of *namedService
}

var _ target.Reader = serviceReader{}

func (r serviceReader) Service() (string, *strictyaml.Node) { return r.of.name, r.of.key }

func (r serviceReader) Path(name string) (path, dir string) {
	return r.files.path(name), r.files.dir
}

func (r serviceReader) Host(
	host string,
	at *strictyaml.Node,
) bool {
	return r.hosts.check(host, at)
}

func (r serviceReader) Env(env map[string]string) {
	for name, value := range env {
		r.secrets.variable(name, value)
	}
}

func (r serviceReader) Ready(f *target.ReadyFile, own ready.Check) ready.Check {
	return r.ready(f, own)
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
			b.Failf(r.Span,
				suggest.Hint(r.service, "service", names),
				"there is no service %q", strictyaml.Shorten(r.service))
			continue
		case s.Settings == nil:
			continue // a mistake of its own
		}
		if why, hint := s.Settings.NoAddress(r.service); why != "" {
			b.Failf(r.Span, hint, "%s", why)
			continue
		}
		if r.owner == "" || r.owner == r.service && r.ready {
			continue
		}
		if r.owner == r.service {
			b.Failf(r.Span,
				"a process gets its own port as ${PORT}",
				"the service %q waits for its own address", r.owner)
			continue
		}
		if path := waitPath(waits, r.service, r.owner); path != nil {
			b.Failf(r.Span,
				"break the circle: give one of them a fixed address",
				"services wait for each other's address: %s",
				strings.Join(append([]string{r.owner}, path...), " → "))
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
		for _, name := range target.Refs(s.texts()...) {
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

// texts returns everything in a service that can hold an address, sorted.
func (s *Service) texts() []string {
	if s.Settings == nil {
		return nil
	}
	return slices.Sorted(slices.Values(s.Settings.Texts()))
}
