package scenario

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

func (flowFile) Noun() string { return "a flow" }

// DecodeNode reads a step. Of keys that only whole requests have, such as weight, it says where
// they belong.
func (s *stepFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	_ strictyaml.Field,
) (ok bool) {
	o := d.Object(n, "a step")
	if o == nil {
		return false
	}
	for key, hint := range map[string]string{
		"data":    "give data to the flow: all its steps draw from the same row",
		"weight":  "give weight to the flow: it is drawn whole",
		"targets": "put the list under requests, or write a step for each of its requests",
	} {
		if _, set := n.Get(key); set {
			o.Refuse(key, hint, "a step has no %s of its own", key)
		}
	}
	d.SetDefaults(s)
	o.Into(s, false)
	return o.Done()
}

// capturesFile is a mapping whose order is kept.
type capturesFile []namedCapture

type namedCapture struct {
	name string
	key  *strictyaml.Node
	captureFile
}

func (c *capturesFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	if n.Kind != strictyaml.Map {
		d.Failf(n.Span,
			"write NAME: { json: $.token } for each value",
			"capture: expected a mapping, found %s", n.Describe())
		return false
	}
	ok = true
	*c = make(capturesFile, len(n.Entries))
	for i, e := range n.Entries {
		x := &(*c)[i]
		x.name, x.key = e.Key.Text, e.Key
		f.Value, f.Key, f.Doc = reflect.ValueOf(&x.captureFile).Elem(), x.name, ""
		ok = d.Field(e.Value, f) && ok
	}
	return ok
}

func (captureFile) Noun() string { return "a capture" }

func (c *capturesFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	one := g.Object(&captureFile{}, false)
	one["oneOf"] = []strictyaml.Schema{
		{"required": []string{"json"}},
		{"required": []string{"header"}},
		{"required": []string{"matches"}},
	}
	out := strictyaml.MapOf(one)
	out["propertyNames"] = strictyaml.Schema{"pattern": captureName.String()}
	return out
}

// captureName is what a template can say: {{ .name }}.
var captureName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)

// stepNames are the names that the templates of a step can use.
type stepNames struct {
	data     string            // the flow's file, if any
	rows     *payload.Data     // what is in it
	unread   bool              // and could not be read: nobody knows the names
	step     string            // the step that is looked at; empty: a request that is none
	captured []string          // by steps before it
	by       map[string]string // the first step of all that captures a name
	reads    bool              // it is no step, but what reads a ledger's writes back
	kind     string            // of step, for messages; empty: step
}

// flow makes a flow and the requests of its steps, and adds these to the requests of p. The steps'
// names must differ from those of all requests.
func (b *requests) flow(f *flowFile, p *attack.Plan, names map[string]*strictyaml.Node) {
	own := b.Where(&f.Name, b.Where(f, b.root))
	b.names.unique(names, f.Name, "flow", own)
	rows := b.files.rows(&f.Data, own)
	flow := attack.Flow{Name: f.Name, Weight: f.Weight, Data: rows}
	c := stepNames{
		data:   f.Data,
		rows:   rows,
		unread: f.Data != "" && rows.Len() == 0,
		by:     map[string]string{},

		captured: slices.Clone(b.shared),
	}
	b.sharedColumns(rows, f.Data, b.Where(&f.Data, own))
	for i := range f.Steps {
		for _, x := range f.Steps[i].Capture {
			if _, ok := c.by[x.name]; !ok {
				c.by[x.name] = f.Steps[i].Name
			}
		}
	}
	steps := map[string]*strictyaml.Node{}
	for i := range f.Steps {
		s := &f.Steps[i]
		r := &s.requestFile
		b.Note(r, b.Where(s, own), !b.Broken(s))
		at := b.ownNode(r)
		if b.names.unique(steps, s.Name, "step", at) && s.Name != "" && f.Name != "" {
			b.names.unique(names, stepName(f, s), "request", at)
		}
		c.step = s.Name
		q := b.request(r, &c)
		q.Name = stepName(f, s)
		step := attack.Step{Request: len(p.Requests), Think: s.Think}
		for k := range s.Capture {
			x := &s.Capture[k]
			if rows.Has(x.name) {
				b.Failf(x.key.Span,
					"give it another name",
					"the capture %q has the name of a column of %s", x.name, f.Data)
			}
			if slices.Contains(b.shared, x.name) {
				b.Failf(x.key.Span, "give it another name",
					"the capture %q has the name of one of the setup", x.name)
			}
			step.Captures = append(step.Captures, b.capture(x))
			c.captured = append(c.captured, x.name)
		}
		p.Requests = append(p.Requests, q)
		flow.Steps = append(flow.Steps, step)
	}
	p.Flows = append(p.Flows, flow)
}

// stepName is the name of a step's request.
func stepName(f *flowFile, s *stepFile) string { return f.Name + "/" + s.Name }

func (b *builder) capture(x *namedCapture) expect.Capture {
	out := expect.Capture{Name: x.name, JSON: x.JSON, Header: x.Header, Matches: x.Matches}
	const hint = `write one of { json: $.token }, { header: Location } and { matches: 'id=(\d+)' }`
	if !captureName.MatchString(x.name) {
		b.Failf(x.key.Span,
			"take letters, digits and underscores, as templates say {{ .NAME }}",
			"expected a name for the capture, found %q", strictyaml.Shorten(x.name))
		return out
	}
	if b.Broken(&x.captureFile) {
		return out
	}
	var ways []*strictyaml.Node
	var keys []string
	for _, way := range []struct {
		key string
		ptr *string
	}{{"json", &x.JSON}, {"header", &x.Header}, {"matches", &x.Matches}} {
		if n, ok := b.Find(way.ptr); ok {
			ways, keys = append(ways, n), append(keys, way.key)
			if *way.ptr == "" {
				b.Failf(n.Span, hint, "%s is empty", way.key)
				return out
			}
		}
	}
	switch len(ways) {
	case 0:
		b.Failf(x.key.Span, hint, "the capture %q does not say where the value stands", x.name)
	case 1:
		noteFields(b.Decoder, out.Validate(), &x.captureFile, x.key, hint)
	default:
		b.Failf(ways[1].Span,
			"keep one of them",
			"a capture looks in one place, found both %q and %q", keys[0], keys[1])
	}
	return out
}

// missing says that a step's template names what nobody captures, and what to do.
func (c *stepNames) missing(name string) (msg, hint string) {
	if c.reads {
		return fmt.Sprintf("%q is not known when writes are read back", name), c.known()
	}
	msg = fmt.Sprintf("no earlier %s captures %q", cmp.Or(c.kind, "step"), name)
	if c.step == "" {
		msg = fmt.Sprintf("the setup captures no %q", name)
	}
	if c.data != "" {
		msg += ", and " + c.data + " has no such column"
	}
	switch step, ok := c.by[name]; {
	case ok && step == c.step:
		return msg, fmt.Sprintf(
			"%s is captured by this step, out of its answer: only later ones can use it",
			name,
		)
	case ok:
		return msg, fmt.Sprintf("%s is captured by step %s, which comes later", name, step)
	}
	if near, ok := suggest.Nearest(name, c.names()); ok {
		return msg, `did you mean "` + near + `"?`
	}
	return msg, c.known()
}

func (c *stepNames) names() []string {
	var out []string
	if c.rows.Len() > 0 {
		out = slices.Sorted(slices.Values(c.rows.Columns(0)))
	}
	for _, name := range c.captured {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (c *stepNames) known() string {
	out := "templates here are "
	for _, name := range slices.DeleteFunc(c.names(), func(name string) bool { return !captureName.MatchString(name) }) {
		out += "{{ ." + name + " }}, "
	}
	return out + "{{ seq }}, {{ uuid }} and {{ randInt 1 6 }}"
}

// requireRequests checks that there is something to send: requests, flows, or both.
func (b *builder) requireRequests() {
	n, ok := b.Find(&b.file.Attack)
	if !ok || n.Kind != strictyaml.Map {
		return // a mistake of its own
	}
	const hint = "requests: what is sent, each drawn by its weight; flows: lists of requests " +
		"that one caller makes one after the other"
	given := false
	for _, key := range []string{"requests", "flows"} {
		list, ok := n.Get(key)
		given = given || ok
		if ok && list.Kind == strictyaml.List && len(list.Items) == 0 {
			b.Failf(list.Span, hint, "%s is empty", key)
		}
	}
	for _, e := range n.Entries {
		near, ok := suggest.Nearest(e.Key.Text, keysOf(&b.file.Attack))
		given = given || ok && (near == "requests" || near == "flows") // a slip, noted already
	}
	if !given && !(b.file.beyondLoad() && b.onlyPauses()) {
		b.Failf(n.Span, hint, `attack needs the key "requests", or "flows"`)
	}
}

// onlyPauses says whether no stage sends anything, by what it is called.
func (b *builder) onlyPauses() bool {
	for i := range b.file.Attack.Stages {
		if b.file.Attack.Stages[i].kind.Name != "pause" {
			return false
		}
	}
	return len(b.file.Attack.Stages) > 0
}

func keysOf(ptr any) []string {
	var out []string
	for _, f := range grammar.Fields(ptr) {
		out = append(out, f.Key)
	}
	return out
}

// NodeSchema wants requests, flows, or both, unless all stages are pauses.
func (a *attackFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	s := g.Object(a, false)
	for _, key := range []string{"requests", "flows"} {
		s["properties"].(strictyaml.Schema)[key].(strictyaml.Schema)["minItems"] = 1
	}
	s["anyOf"] = []strictyaml.Schema{
		{"required": []string{"requests"}},
		{"required": []string{"flows"}},
		{"properties": strictyaml.Schema{
			"stages": strictyaml.Schema{
				"description": "pauses, in which nothing is sent",
				"items":       strictyaml.Schema{"required": []string{"pause"}},
			},
		}},
	}
	return s
}
