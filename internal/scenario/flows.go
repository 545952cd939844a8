package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
)

func (flowFile) noun() string { return "a flow" }

// decodeNode reads a step, and says where the keys belong that only whole
// requests have.
func (s *stepFile) decodeNode(d *decoder, n *node, _ field) {
	o := d.object(n, "a step")
	if o == nil {
		d.broken[s] = true
		return
	}
	before := d.fails
	for key, hint := range map[string]string{
		"data":    "give data to the flow: all its steps draw from the same row",
		"weight":  "give weight to the flow: it is drawn whole",
		"targets": "put the list under requests, or write a step for each of its requests",
	} {
		if _, ok := n.get(key); ok {
			o.taken[key] = true
			at, _ := keyOf(n, key)
			d.failf(at, hint, "a step has no %s of its own", key)
		}
	}
	setDefaults(reflect.ValueOf(s).Elem())
	o.into(s, false)
	o.done()
	d.broken[s] = d.fails > before
}

// capturesFile is a mapping whose order is kept.
type capturesFile []namedCapture

type namedCapture struct {
	name string
	key  *node
	captureFile
}

func (c *capturesFile) decodeNode(d *decoder, n *node, f field) {
	if n.kind != mapNode {
		d.failf(n.span, "write NAME: { json: $.token } for each value", "capture: expected a mapping, found %s", n.describe())
		return
	}
	*c = make(capturesFile, len(n.entries))
	for i, e := range n.entries {
		x := &(*c)[i]
		x.name, x.key = e.key.text, e.key
		f.value, f.key, f.doc = reflect.ValueOf(&x.captureFile).Elem(), x.name, ""
		d.field(e.value, f)
	}
}

func (captureFile) noun() string { return "a capture" }

func (c *capturesFile) schema(field) schema {
	one := objectSchema(reflect.New(reflect.TypeFor[captureFile]()).Elem(), false)
	one["oneOf"] = []schema{{"required": []string{"json"}}, {"required": []string{"header"}}, {"required": []string{"matches"}}}
	out := mapOf(one)
	out["propertyNames"] = schema{"pattern": captureName.String()}
	return out
}

// captureName is what a template can say: {{ .name }}.
var captureName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)

// stepNames are the names that the templates of a step can use.
type stepNames struct {
	data     string            // the flow's file, if any
	rows     *attack.Data      // what is in it
	unread   bool              // and could not be read: nobody knows the names
	step     string            // the step that is looked at
	captured []string          // by steps before it
	by       map[string]string // the first step of all that captures a name
}

// flow makes a flow and the requests of its steps, which come after those in
// p. Their names are held against those of all requests.
func (b *builder) flow(f *flowFile, p *attack.Plan, names map[string]*node) {
	own := b.where(&f.Name, b.where(f, b.root))
	b.unique(names, f.Name, "flow", own)
	rows := b.rows(&f.Data, own)
	flow := attack.Flow{Name: f.Name, Weight: f.Weight, Data: rows}
	c := stepNames{data: f.Data, rows: rows, unread: f.Data != "" && rows.Len() == 0, by: map[string]string{}}
	for i := range f.Steps {
		for _, x := range f.Steps[i].Capture {
			if _, ok := c.by[x.name]; !ok {
				c.by[x.name] = f.Steps[i].Name
			}
		}
	}
	steps := map[string]*node{}
	for i := range f.Steps {
		s := &f.Steps[i]
		r := &s.requestFile
		b.places[r], b.broken[r] = b.where(s, own), b.broken[s]
		at, before := b.ownNode(r), b.fails
		if b.unique(steps, s.Name, "step", at); b.fails == before && s.Name != "" && f.Name != "" {
			b.unique(names, stepName(f, s), "request", at)
		}
		c.step = s.Name
		q := b.requestOf(r, &c)
		q.Name = stepName(f, s)
		step := attack.Step{Request: len(p.Requests), Think: s.Think}
		for k := range s.Capture {
			x := &s.Capture[k]
			if rows.Has(x.name) {
				b.failf(x.key.span, "give it another name", "the capture %q has the name of a column of %s", x.name, f.Data)
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

func (b *builder) capture(x *namedCapture) attack.Capture {
	out := attack.Capture{Name: x.name, JSON: x.JSON, Header: x.Header, Matches: x.Matches}
	const hint = `write one of { json: $.token }, { header: Location } and { matches: 'id=(\d+)' }`
	if !captureName.MatchString(x.name) {
		b.failf(x.key.span, "take letters, digits and underscores, as templates say {{ .NAME }}", "expected a name for the capture, found %q", shorten(x.name))
		return out
	}
	if b.broken[&x.captureFile] {
		return out
	}
	var ways []*node
	var keys []string
	for _, way := range []struct {
		key string
		ptr *string
	}{{"json", &x.JSON}, {"header", &x.Header}, {"matches", &x.Matches}} {
		if n, ok := b.places[way.ptr]; ok {
			ways, keys = append(ways, n), append(keys, way.key)
			if *way.ptr == "" {
				b.failf(n.span, hint, "%s is empty", way.key)
				return out
			}
		}
	}
	switch len(ways) {
	case 0:
		b.failf(x.key.span, hint, "the capture %q does not say where the value stands", x.name)
	case 1:
		err := out.Validate()
		if p, ok := errors.AsType[*attack.PathError](err); ok {
			b.badPath(ways[0], p)
		} else if err != nil {
			b.invalid(err, &x.captureFile, x.key, hint)
		}
	default:
		b.failf(ways[1].span, "keep one of them", "a capture looks in one place, found both %q and %q", keys[0], keys[1])
	}
	return out
}

var noColumn = regexp.MustCompile(`the data row has no column "([^"]*)"`)

// explain puts what a step's template misses in the words of flows, and says
// what to do.
func (c *stepNames) explain(msg string) (better, hint string) {
	if c.data == "" || noColumn.MatchString(msg) { // there is no row, or it is no matter of the first
		msg = strings.TrimPrefix(msg, "with data row 1: ")
	}
	m := noColumn.FindStringSubmatchIndex(msg)
	if m == nil {
		return msg, c.known()
	}
	name := msg[m[2]:m[3]]
	why := fmt.Sprintf("no earlier step captures %q", name)
	if c.data != "" {
		why += ", and " + c.data + " has no such column"
	}
	msg = msg[:m[0]] + why
	switch step, ok := c.by[name]; {
	case ok && step == c.step:
		return msg, fmt.Sprintf("%s is captured by this step, out of its answer: only later ones can use it", name)
	case ok:
		return msg, fmt.Sprintf("%s is captured by step %s, which comes later", name, step)
	}
	if near, ok := nearest(name, c.names()); ok {
		return msg, `did you mean "` + near + `"?`
	}
	return msg, c.known()
}

func (c *stepNames) names() []string {
	var out []string
	if c.rows.Len() > 0 {
		out = slices.Sorted(slices.Values(c.rows.Columns(0)))
	}
	return append(out, c.captured...)
}

func (c *stepNames) known() string {
	out := "templates here are "
	for _, name := range slices.DeleteFunc(c.names(), func(name string) bool { return !captureName.MatchString(name) }) {
		out += "{{ ." + name + " }}, "
	}
	return out + "{{ seq }}, {{ uuid }} and {{ randInt 1 6 }}"
}

// sends checks that there is something to send: requests, flows, or both.
func (b *builder) sends() {
	n, ok := b.places[&b.file.Attack]
	if !ok || n.kind != mapNode {
		return // a mistake of its own
	}
	const hint = "requests: what is sent, each drawn by its weight; flows: lists of requests that one caller makes one after the other"
	given := false
	for _, key := range []string{"requests", "flows"} {
		list, ok := n.get(key)
		given = given || ok
		if ok && list.kind == listNode && len(list.items) == 0 {
			b.failf(list.span, hint, "%s is empty", key)
		}
	}
	for _, e := range n.entries {
		near, ok := nearest(e.key.text, keysOf(&b.file.Attack))
		given = given || ok && (near == "requests" || near == "flows") // a slip, noted already
	}
	if !given {
		b.failf(n.span, hint, `attack needs the key "requests", or "flows"`)
	}
}

func keysOf(ptr any) []string {
	var out []string
	for _, f := range fieldsOf(reflect.ValueOf(ptr).Elem()) {
		out = append(out, f.key)
	}
	return out
}

// schema wants requests, flows, or both.
func (a *attackFile) schema(field) schema {
	s := objectSchema(reflect.ValueOf(a).Elem(), false)
	for _, key := range []string{"requests", "flows"} {
		s["properties"].(schema)[key].(schema)["minItems"] = 1
	}
	s["anyOf"] = []schema{{"required": []string{"requests"}}, {"required": []string{"flows"}}}
	return s
}
