package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// faultFile is a fault's head with one kind from the registry.
type faultFile struct {
	faultHead
	n      *strictyaml.Node
	kind   chaos.Kind
	spec   chaos.Spec // nil if the file does not say it rightly
	target faultTarget
	hold   time.Duration
}

func (s *faultFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	_ strictyaml.Field,
) (ok bool) {
	s.n = n
	o := d.Object(n, "a fault")
	if o == nil {
		return false
	}
	o.Into(&s.faultHead, false)
	var kinds []chaos.Kind
	for _, k := range chaos.Kinds() {
		if _, ok := o.Take(k.Name); ok {
			kinds = append(kinds, k)
		}
	}
	for _, k := range holdKeys() {
		o.Take(k)
	}
	ok = o.Done()
	switch {
	case len(kinds) == 0:
		if ok {
			d.Failf(n.Span,
				"give it one of "+strings.Join(kindNames(), ", "),
				"the fault %q does not say what it does", s.Name)
		}
		return false
	case len(kinds) > 1:
		d.Failf(n.KeySpan(kinds[1].Name),
			"make two faults of it",
			"a fault does one thing, found both %q and %q", kinds[0].Name, kinds[1].Name)
		return false
	}
	s.kind = kinds[0]
	ok = s.readHold(d) && ok
	sub, _ := n.Get(s.kind.Name)
	if sub.Kind != strictyaml.Map {
		d.Failf(sub.Span,
			fmt.Sprintf("write %s: { service: NAME }", s.kind.Name),
			"%s: expected a mapping with the service to break, found %s",
			s.kind.Name, sub.Describe())
		return false
	}
	spec := s.kind.New()
	p := d.Object(sub, s.kind.Name)
	p.Into(&s.target, false)
	grammar.SetDefaults(spec)
	p.Into(spec, false)
	if !p.Done() {
		return false
	}
	if wrong := spec.Validate(); wrong != nil {
		noteFields(d, wrong, spec, sub, s.kind.Doc)
		return false
	}
	s.spec = spec
	return ok
}

// readHold reads how long the fault lasts, from the key that its kind uses.
func (s *faultFile) readHold(d *strictyaml.Decoder) (ok bool) {
	ok = true
	for _, key := range holdKeys() {
		v, set := s.n.Get(key)
		switch {
		case !set:
		case key != s.kind.Hold:
			d.Failf(s.n.KeySpan(key),
				fmt.Sprintf("write %s, or leave it out to break it until the end", s.kind.Hold),
				"how long a %s lasts is said by %q, not by %q", s.kind.Name, s.kind.Hold, key)
			ok = false
		default:
			ok = d.Field(v, strictyaml.Field{
				Key: key, Doc: "how long the fault lasts; left out: until the end", Positive: true,
				Value: reflect.ValueOf(&s.hold).Elem(),
			}) && ok
		}
	}
	return ok
}

func (s *faultFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	var forms []strictyaml.Schema
	for _, k := range chaos.Kinds() {
		properties, required := g.Properties(&faultHead{}, false)
		own, ownRequired := g.Properties(&faultTarget{}, false)
		settings, settingsRequired := g.Properties(k.New(), false)
		for key, p := range settings {
			own[key] = p
		}
		kind := strictyaml.Closed(own, append(ownRequired, settingsRequired...)...)
		kind["description"] = k.Doc
		properties[k.Name] = kind
		hold := strictyaml.Ref("duration")
		hold["description"] = "how long the fault lasts; left out: until the end"
		properties[k.Hold] = hold
		form := strictyaml.Closed(properties, append(required, k.Name)...)
		form["description"] = k.Doc
		forms = append(forms, form)
	}
	return strictyaml.Schema{"anyOf": forms}
}

// serviceNames is a name or a list of names.
type serviceNames []string

func (s *serviceNames) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	if n.Kind == strictyaml.List {
		f.Value = reflect.ValueOf((*[]string)(s)).Elem()
		return d.Value(n, f)
	}
	*s = make(serviceNames, 1)
	f.Value = reflect.ValueOf(&(*s)[0]).Elem()
	return d.Field(n, f)
}

func (s *serviceNames) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{
		"anyOf": []strictyaml.Schema{
			{"type": "string", "minLength": 1},
			{"type": "array", "items": strictyaml.Schema{"type": "string"}, "minItems": 1},
		},
	}
}

// pickFile is a number of targets, a share of them, or all.
type pickFile chaos.Pick

func (p *pickFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	var text string
	f.Value, f.Loose = reflect.ValueOf(&text).Elem(), true
	if !d.Scalar(n, f) {
		return false
	}
	if text == "all" {
		return true
	}
	if share, err := quantity.ParseFraction(text); err == nil && share > 0 && share <= 1 {
		p.Fraction = share
		return true
	}
	if count, err := quantity.ParseCount(text); err == nil && count >= 1 &&
		count == float64(int32(count)) {
		p.Count = int(count)
		return true
	}
	d.Failf(n.Span,
		"write pick: 1, pick: 50% or pick: all",
		"pick: expected a number of targets, a share up to 100%% or all, found %q",
		strictyaml.Shorten(text))
	return false
}

func (p *pickFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.Either(
		strictyaml.Schema{"type": "integer", "minimum": 1},
		strictyaml.Schema{"const": "all"},
		strictyaml.Schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+ *%$`},
	)
}

// faults checks the faults, which belong to services and to a time of the load.
type faults struct {
	*builder
	end   time.Duration // of the load
	known bool          // it is
}

func (b *builder) faults() faults {
	end, known := b.load()
	return faults{b, end, known}
}

func (b faults) plans(seed uint64) []chaos.FaultPlan {
	var out []chaos.FaultPlan
	var sure []chaos.ScheduledFault
	files := map[string]*faultFile{}
	names := map[string]*strictyaml.Node{}
	for i := range b.file.Chaos {
		f := &b.file.Chaos[i]
		ok := b.names.unique(names, f.Name, "fault", b.Where(&f.Name, f.n)) && !b.Broken(f)
		ok = (!b.known || b.withinLoad(f)) && ok
		ok = b.targets(f) && ok
		if f.spec == nil {
			continue
		}
		p := chaos.FaultPlan{
			Name: f.Name, Kind: f.kind.Name, At: f.At, Hold: f.hold,
			Services: f.target.Service, Pick: chaos.Pick(f.target.Pick), Spec: f.spec,
		}
		out = append(out, p)
		if ok {
			files[f.Name] = f
			sure = append(sure, chaos.ScheduledFault{Plan: p, Targets: b.knownTargets(p, seed)})
		}
	}
	for _, o := range chaos.Overlaps(sure) {
		f := files[o.Then.Name]
		at := b.Where(&f.target.Service, f.n)
		if i := slices.Index(f.target.Service, o.Target); i >= 0 {
			at = b.Where(&f.target.Service[i], at)
		}
		b.Failf(at.Span, o.Hint(), "%s", o)
	}
	return out
}

// withinLoad checks that a fault begins and ends while there is load.
func (b faults) withinLoad(f *faultFile) (ok bool) {
	if at, set := b.Find(&f.At); set && f.At >= b.end {
		b.Failf(at.Span,
			"let it begin earlier, or make the load longer",
			"at: the load ends after %s, so that this fault would never be seen",
			quantity.FormatDuration(b.end))
		return false
	}
	if f.hold > 0 && f.At < b.end && f.At+f.hold > b.end {
		key := "for"
		if f.kind.Hold != "" {
			key = f.kind.Hold
		}
		b.Failf(
			b.Where(&f.At, f.n).Span,
			fmt.Sprintf(
				"make it shorter or the load longer, or leave %s out: the fault then lasts to the end",
				key,
			),
			"the fault lasts until %s, and the load ends after %s",
			quantity.FormatDuration(f.At+f.hold),
			quantity.FormatDuration(b.end),
		)
		return false
	}
	return true
}

// namedTarget is a target whose name the file tells.
type namedTarget string

func (k namedTarget) Name() string   { return string(k) }
func (k namedTarget) Ref() chaos.Ref { return chaos.Ref{Name: string(k)} }

// knownTargets returns the targets that the fault will hit, as far as the file
// alone tells: a service that the run starts is one target of the same name. How
// many containers a selector finds, and so which of them are picked, is known in
// the run only; that all of them are hit is known here, and then the service
// stands for them.
func (b faults) knownTargets(p chaos.FaultPlan, seed uint64) []chaos.Target {
	var candidates []chaos.Target
	found := false
	for _, name := range p.Services {
		candidates = append(candidates, namedTarget(name))
		if s := b.plannedService(name); s != nil && s.Settings != nil {
			_, known := s.Settings.Targets()
			found = found || !known
		}
	}
	if found && p.Pick.Count == 0 && (p.Pick.Fraction == 0 || p.Pick.Fraction == 1) {
		return candidates
	}
	if found {
		return nil
	}
	targets, err := chaos.Choose(p, candidates, seed)
	if err != nil {
		return nil // a mistake of its own
	}
	return targets
}

// targets checks that the services of a fault are there, can be broken this
// way, and are as many as the fault wants to hit.
func (b faults) targets(f *faultFile) (ok bool) {
	ok = true
	var names []string
	for _, s := range b.planned {
		names = append(names, s.Name)
	}
	seen := map[string]bool{}
	most := 0 // of targets; -1 if only a run can tell
	for i, name := range f.target.Service {
		at := b.Where(&f.target.Service[i], f.n)
		s := b.plannedService(name)
		switch {
		case seen[name]:
			b.Failf(at.Span, "remove one of the two", "the service %q is listed twice", name)
			ok = false
			continue
		case s == nil:
			hint := suggest.Hint(name, "service", names)
			if len(names) == 0 {
				hint = "name what to break under services:"
			}
			b.Failf(at.Span, hint, "there is no service %q", strictyaml.Shorten(name))
			ok = false
			continue
		}
		seen[name] = true
		if s.Kind == nil || f.kind.Name == "" {
			continue // already a mistake of its own
		}
		if instead, can := s.Kind.Suffer(f.kind); !can {
			ok = false
			b.Failf(
				at.Span,
				instead,
				"%s cannot hit %q, which is a %s",
				f.kind.Name,
				name,
				s.Kind.Name,
			)
		}
		switch n, known := s.Settings.Targets(); {
		case !known:
			most = -1
		case most >= 0:
			most += n
		}
	}
	if pick, set := b.Find(&f.target.Pick); set && most > 0 && len(seen) == len(f.target.Service) &&
		f.target.Pick.Count > most {
		b.Failf(pick.Span,
			"pick fewer, or list more services",
			"pick: expected at most %d, as there are no more to hit, found %d",
			most, f.target.Pick.Count)
		ok = false
	}
	return ok
}

// plannedService is the service of a name, nil if there is none.
func (b *builder) plannedService(name string) *Service {
	for i := range b.planned {
		if b.planned[i].Name == name {
			return &b.planned[i]
		}
	}
	return nil
}
