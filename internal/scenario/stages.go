package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// stageFile is a stage's head with one shape from the registry.
type stageFile struct {
	stageHead
	n     *strictyaml.Node
	kind  arrivals.ShapeKind
	shape arrivals.Shape // nil if the file does not say it rightly
	users usersFile
	trace traceFile
	whole bool // of a trace: the file can be read
}

func (s *stageFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	_ strictyaml.Field,
) (ok bool) {
	s.n = n
	o := d.Object(n, "a stage")
	if o == nil {
		return false
	}
	grammar.SetDefaults(&s.stageHead)
	o.Into(&s.stageHead, false)
	var kinds []arrivals.ShapeKind
	for _, k := range arrivals.Shapes() {
		if _, ok := n.Get(k.Name); ok {
			kinds = append(kinds, k)
		}
	}
	s.rejectThink(o)
	switch len(kinds) {
	case 0:
		o.Known(shapeNames()...)
		if o.Done() {
			d.Failf(n.Span,
				"give it one of "+strings.Join(shapeNames(), ", "),
				"the stage %q has no load", s.Name)
		}
		return false
	case 1:
	default:
		hint := "split it into two stages"
		if kinds[0].Name == "from" && kinds[1].Name == "users" {
			hint = "write users: { from: 1, to: 50 } for a number of users that changes"
		}
		d.Failf(n.KeySpan(kinds[1].Name),
			hint,
			"a stage has one load, found both %q and %q", kinds[0].Name, kinds[1].Name)
		return false
	}
	s.kind = kinds[0]
	settings, flat, all := s.settings()
	grammar.SetDefaults(settings)
	whole := true
	if flat {
		o.Into(settings, all)
	} else {
		sub, _ := o.Take(s.kind.Name)
		whole = s.nested(d, sub, settings, all)
	}
	if s.lastsByItself() {
		o.Optional("for")
	}
	if !o.Done() || !whole {
		return false
	}
	shape := s.shapeOf(settings)
	if shape == nil {
		return true
	}
	if wrong := shape.Validate(s.For); wrong != nil {
		noteFields(d, wrong, settings, n, s.kind.Doc)
		return false
	}
	s.shape = shape
	return true
}

// nested reads the settings of a shape that has a mapping of its own.
func (s *stageFile) nested(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	settings any,
	all bool,
) (ok bool) {
	if n.Kind == strictyaml.Null {
		d.Failf(n.Span, s.kind.Name+": "+s.kind.Doc, "%s is empty", s.kind.Name)
		return false
	}
	o := d.Object(n, s.kind.Name)
	if o == nil {
		return false
	}
	o.Into(settings, all)
	return o.Done()
}

func (s *stageFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	var forms []strictyaml.Schema
	for _, k := range arrivals.Shapes() {
		properties, required := g.Properties(&stageHead{}, false)
		one := stageFile{kind: k}
		settings, flat, all := one.settings()
		if flat {
			own, ownRequired := g.Properties(settings, all)
			for key, p := range own {
				properties[key] = p
			}
			required = append(required, ownRequired...)
		} else {
			own := g.Object(settings, all)
			own["description"] = k.Doc
			properties[k.Name] = own
			required = append(required, k.Name)
		}
		if one.lastsByItself() {
			required = slices.DeleteFunc(required, func(key string) bool { return key == "for" })
		}
		form := strictyaml.Closed(properties, required...)
		form["description"] = k.Doc
		forms = append(forms, form)
	}
	return strictyaml.Schema{"anyOf": forms}
}

// settings returns what a stage's load is read into: its shape, or the struct
// of the file that stands for it. flat says that its keys stand in the stage
// itself, allRequired that all of them must.
func (s *stageFile) settings() (ptr any, flat, allRequired bool) {
	switch s.kind.Name {
	case "users":
		return &s.users, true, false
	case "trace":
		return &s.trace, false, false
	}
	return s.kind.New(), s.kind.Flat, true
}

// shapeOf returns the shape that was read into settings; nil for a trace, which
// is made once its file is read.
func (s *stageFile) shapeOf(settings any) arrivals.Shape {
	switch x := settings.(type) {
	case *usersFile:
		return &arrivals.Users{From: x.Users.From, To: x.Users.To, Think: x.Think}
	case *traceFile:
		s.whole = true
		return nil
	}
	return settings.(arrivals.Shape)
}

// lastsByItself says whether the stage's length can be left out, as its shape
// has one.
func (s *stageFile) lastsByItself() bool {
	_, ok := s.kind.New().(interface{ Length() time.Duration })
	return ok
}

// rejectThink notes the key think in a stage that has nobody to think.
func (s *stageFile) rejectThink(o *strictyaml.Object) {
	_, closed := s.n.Get("users")
	if _, thinks := s.n.Get("think"); thinks && !closed {
		o.Refuse("think", "write users: 50 in place of the rate, or remove think",
			"think is how long users wait between answer and request, and this stage has no users")
	}
}

// usersRange is a number of users, or two between which it changes.
type usersRange usersBounds

func (u *usersRange) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	if n.Kind == strictyaml.Map {
		return d.Decode(n, (*usersBounds)(u), "users")
	}
	f.Value = reflect.ValueOf(&u.From).Elem()
	ok = d.Scalar(n, f)
	u.To = u.From
	return ok
}

func (u *usersRange) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{
		"anyOf": []strictyaml.Schema{strictyaml.Ref("count"), g.Object((*usersBounds)(u), false)},
	}
}

// checkUserLimit checks that users do not wait for each other: a user holds one
// request in flight.
func (b *builder) checkUserLimit(s *stageFile) {
	u, closed := s.shape.(interface{ Most() int })
	most := b.file.Attack.MaxInFlight
	if !closed || most < 1 || u.Most() <= most {
		return
	}
	b.Failf(
		b.Where(&s.users.Users, s.n).Span,
		fmt.Sprintf("raise max_in_flight to %d, or take fewer users", u.Most()),
		"users: %d users have as many requests in flight, and max_in_flight is %d",
		u.Most(),
		most,
	)
}

// readTrace reads a trace's file and gives the stage its shape and, unless it has
// one, its length.
func (b *builder) readTrace(s *stageFile) {
	at := b.Where(&s.trace.File, s.n)
	path, ok := b.files.existing(at, "file", s.trace.File, maxData)
	if !ok {
		return
	}
	recorded, _, err := b.files.traces.of(path, func() (*arrivals.Trace, error) {
		instants, err := arrivals.LoadTrace(path)
		if err != nil {
			return nil, err
		}
		recorded, wrong := arrivals.NewTrace(s.trace.File, instants, 1)
		return recorded, wrong.Err()
	})
	if err != nil {
		b.Failf(at.Span,
			"one time a line: seconds such as 12.5, Unix times in s, ms, µs or ns, or times "+
				"such as 2026-01-31T08:00:00Z",
			"trace: %s", err)
		return
	}
	trace, wrong := recorded.AtSpeed(s.trace.Speed)
	if wrong == nil {
		if !b.Set(&s.For) {
			s.For = trace.Length()
		}
		wrong = trace.Validate(s.For)
	}
	if wrong != nil {
		noteFields(b.Decoder, wrong, &s.trace, s.n, s.kind.Doc)
		return
	}
	s.shape = trace
}

func (b *builder) stages() []attack.Stage {
	var out []attack.Stage
	names := map[string]*strictyaml.Node{}
	var total time.Duration
	expected, whole := 0.0, len(b.file.Attack.Stages) > 0
	for i := range b.file.Attack.Stages {
		s := &b.file.Attack.Stages[i]
		b.names.unique(names, s.Name, "stage", b.Where(&s.Name, s.n))
		if s.whole {
			b.readTrace(s)
		}
		b.checkUserLimit(s)
		at := b.Where(&s.For, s.n)
		if s.For > maxLoad || total > maxLoad-s.For {
			b.Failf(at.Span, "make it shorter", "for: all stages together last more than a year")
			return nil
		}
		total += s.For
		if s.shape == nil {
			whole = false
			continue
		}
		if open, ok := s.shape.(arrivals.OpenShape); ok {
			expected += open.Expected(s.For, s.For)
		} else {
			expected++ // its users are at least one
		}
		out = append(
			out,
			attack.Stage{
				Name:   s.Name,
				For:    s.For,
				Kind:   s.kind.Name,
				Shape:  s.shape,
				Judged: s.Judged,
			},
		)
	}
	if whole && expected == 0 && !b.file.beyondLoad() {
		b.Failf(b.file.Attack.Stages[0].n.Span,
			"give at least one stage a rate above 0/s, or say what is watched or broken meanwhile: "+
				"observe:, chaos:",
			"no stage sends anything")
	}
	return out
}

// load is how long all stages last; ok is false if a stage could not be read.
func (b *builder) load() (total time.Duration, ok bool) {
	for i := range b.file.Attack.Stages {
		s := &b.file.Attack.Stages[i]
		if s.shape == nil {
			return 0, false
		}
		total += s.For
	}
	return total, total > 0
}
