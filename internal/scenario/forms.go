package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// The types here have more than one form in the file, or keys that come from a
// registry.

func (scenarioFile) noun() string { return "a scenario" }
func (requestFile) noun() string  { return "a request" }
func (serviceFile) noun() string  { return "a service" }
func (ruleFile) noun() string     { return "a rule" }

// servicesFile is a mapping whose order is kept.
type servicesFile []namedService

type namedService struct {
	name string
	key  *node
	serviceFile
}

func (s *servicesFile) decodeNode(d *decoder, n *node, f field) {
	if n.kind != mapNode {
		d.failf(n.span, "write NAME: { … } for each service", "services: expected a mapping, found %s", n.describe())
		return
	}
	*s = make(servicesFile, len(n.entries))
	for i, e := range n.entries {
		x := &(*s)[i]
		x.name, x.key = e.key.text, e.key
		d.owner = x.name
		f.value, f.key, f.doc = reflect.ValueOf(&x.serviceFile).Elem(), x.name, ""
		d.field(e.value, f)
		d.owner = ""
	}
}

// stageFile is a stage's head with one shape from the registry.
type stageFile struct {
	stageHead
	n     *node
	kind  arrivals.ShapeKind
	shape arrivals.Shape // nil if the file does not say it rightly
	users usersFile
	trace traceFile
	whole bool // of a trace: the file can be read
}

func (s *stageFile) decodeNode(d *decoder, n *node, _ field) {
	s.n = n
	o := d.object(n, "a stage")
	if o == nil {
		return
	}
	setDefaults(reflect.ValueOf(&s.stageHead).Elem())
	o.into(&s.stageHead, false)
	var kinds []arrivals.ShapeKind
	for _, k := range arrivals.Shapes() {
		if _, ok := n.get(k.Name); ok {
			kinds = append(kinds, k)
		}
	}
	s.thinkless(o)
	switch len(kinds) {
	case 0:
		o.known = append(o.known, shapeNames()...)
		if o.done(); !o.bad {
			d.failf(n.span, "give it one of "+strings.Join(shapeNames(), ", "), "the stage %q has no load", s.Name)
		}
		return
	case 1:
	default:
		at, _ := keyOf(n, kinds[1].Name)
		hint := "split it into two stages"
		if kinds[0].Name == "from" && kinds[1].Name == "users" {
			hint = "write users: { from: 1, to: 50 } for a number of users that changes"
		}
		d.failf(at, hint, "a stage has one load, found both %q and %q", kinds[0].Name, kinds[1].Name)
		return
	}
	s.kind = kinds[0]
	settings, flat, allRequired := s.settings()
	setDefaults(reflect.ValueOf(settings).Elem())
	if flat {
		o.into(settings, allRequired)
	} else if sub, _ := o.take(s.kind.Name); sub.kind == nullNode {
		o.bad = true
		d.failf(sub.span, s.kind.Name+": "+s.kind.Doc, "%s is empty", s.kind.Name)
	} else if p := d.object(sub, s.kind.Name); p != nil {
		p.into(settings, allRequired)
		p.done()
		o.bad = o.bad || p.bad
	} else {
		o.bad = true
	}
	if s.lastsByItself() {
		o.lacks = slices.DeleteFunc(o.lacks, func(f field) bool { return f.key == "for" })
	}
	o.done()
	if o.bad {
		return
	}
	shape := s.made(settings)
	if shape == nil {
		return
	}
	if err := shape.Validate(s.For); err != nil {
		d.invalid(err, settings, n, s.kind.Doc)
		return
	}
	s.shape = shape
}

func keyOf(n *node, key string) (span, bool) {
	for _, e := range n.entries {
		if e.key.text == key {
			return e.key.span, true
		}
	}
	return n.span, false
}

// invalid notes what a shape or a fault says of its own settings: each error on
// the setting that it speaks of, if any.
func (d *decoder) invalid(err error, settings any, n *node, doc string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			d.invalid(e, settings, n, doc)
		}
		return
	}
	at, hint := n.span, doc
	if f, ok := settingIn(err.Error(), fieldsOf(reflect.ValueOf(settings).Elem())); ok {
		at = d.where(f.value.Addr().Interface(), n).span
		hint = orDoc(f, doc)
	}
	d.failf(at, hint, "%s", err)
}

// settingIn returns the setting that a message speaks of first.
func settingIn(msg string, settings []field) (first field, found bool) {
	best := len(msg)
	for _, f := range settings {
		word := regexp.MustCompile(`\b` + regexp.QuoteMeta(f.key) + `\b`)
		if at := word.FindStringIndex(msg); at != nil && at[0] < best {
			best, first, found = at[0], f, true
		}
	}
	return first, found
}

// faultFile is a fault's head with one kind from the registry.
type faultFile struct {
	faultHead
	n      *node
	kind   chaos.Kind
	spec   chaos.Spec // nil if the file does not say it rightly
	target faultTarget
	hold   time.Duration
}

func (s *faultFile) decodeNode(d *decoder, n *node, _ field) {
	before := d.fails
	defer func() { d.broken[s] = d.fails > before }()
	s.n = n
	o := d.object(n, "a fault")
	if o == nil {
		return
	}
	o.into(&s.faultHead, false)
	var kinds []chaos.Kind
	for _, k := range chaos.Kinds() {
		if _, ok := o.take(k.Name); ok {
			kinds = append(kinds, k)
		}
	}
	for _, k := range holdKeys() {
		o.take(k)
	}
	o.done()
	switch {
	case len(kinds) == 0 && !o.bad:
		d.failf(n.span, "give it one of "+strings.Join(kindNames(), ", "), "the fault %q does not say what it does", s.Name)
	case len(kinds) > 1:
		at, _ := keyOf(n, kinds[1].Name)
		d.failf(at, "make two faults of it", "a fault does one thing, found both %q and %q", kinds[0].Name, kinds[1].Name)
	}
	if len(kinds) != 1 {
		return
	}
	s.kind = kinds[0]
	s.readHold(d)
	sub, _ := n.get(s.kind.Name)
	if sub.kind != mapNode {
		d.failf(sub.span, fmt.Sprintf("write %s: { service: NAME }", s.kind.Name), "%s: expected a mapping with the service to break, found %s", s.kind.Name, sub.describe())
		return
	}
	spec := s.kind.New()
	p := d.object(sub, s.kind.Name)
	p.into(&s.target, false)
	setDefaults(reflect.ValueOf(spec).Elem())
	p.into(spec, false)
	if p.done(); p.bad {
		return
	}
	if err := spec.Validate(); err != nil {
		d.invalid(err, spec, sub, s.kind.Doc)
		return
	}
	s.spec = spec
}

// readHold reads how long the fault lasts, from the key that its kind uses.
func (s *faultFile) readHold(d *decoder) {
	for _, key := range holdKeys() {
		v, ok := s.n.get(key)
		if !ok {
			continue
		}
		if key != s.kind.Hold {
			at, _ := keyOf(s.n, key)
			d.failf(at, fmt.Sprintf("write %s, or leave it out to break it until the end", s.kind.Hold), "how long a %s lasts is said by %q, not by %q", s.kind.Name, s.kind.Hold, key)
			continue
		}
		d.field(v, field{
			key: key, doc: "how long the fault lasts; left out: until the end", positive: true,
			value: reflect.ValueOf(&s.hold).Elem(),
		})
	}
}

// serviceNames is a name or a list of names.
type serviceNames []string

func (s *serviceNames) decodeNode(d *decoder, n *node, f field) {
	if n.kind == listNode {
		f.value = reflect.ValueOf((*[]string)(s)).Elem()
		d.value(n, f)
		return
	}
	*s = make(serviceNames, 1)
	f.value = reflect.ValueOf(&(*s)[0]).Elem()
	d.field(n, f)
}

// pickFile is a number of targets, a share of them, or all.
type pickFile chaos.Pick

func (p *pickFile) decodeNode(d *decoder, n *node, f field) {
	var text string
	f.value, f.loose = reflect.ValueOf(&text).Elem(), true
	before := d.fails
	if d.scalar(n, f); d.fails > before || text == "all" {
		return
	}
	if share, err := quantity.ParseFraction(text); err == nil && share > 0 && share <= 1 {
		p.Fraction = share
		return
	}
	if count, err := quantity.ParseCount(text); err == nil && count >= 1 && count == float64(int32(count)) {
		p.Count = int(count)
		return
	}
	d.failf(n.span, "write pick: 1, pick: 50% or pick: all", "pick: expected a number of targets, a share up to 100%% or all, found %q", shorten(text))
}

// statuses is a status, a class of them, or a list of these.
type statuses []int

var statusClasses = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}

func (s *statuses) decodeNode(d *decoder, n *node, f field) {
	items := []*node{n}
	if n.kind == listNode {
		items = n.items
	}
	*s = make(statuses, len(items))
	for i, item := range items {
		if class := slices.Index(statusClasses, item.text); class >= 0 && item.kind == textNode {
			(*s)[i] = class + 1
			continue
		}
		before := d.fails
		f.value, f.doc = reflect.ValueOf(&(*s)[i]).Elem(), "an HTTP status such as 200, a class such as 2xx, or a list such as [200, 404]"
		if d.field(item, f); d.fails == before && ((*s)[i] < 100 || (*s)[i] > 599) {
			d.failf(item.span, "give a status from 100 to 599, a class such as 2xx, or a list of them", "status: %d is no HTTP status", (*s)[i])
		}
	}
}

// jsonBody is any YAML value, as JSON text.
type jsonBody struct {
	text string
	set  bool
}

func (j *jsonBody) decodeNode(d *decoder, n *node, f field) {
	var b bytes.Buffer
	j.set = true
	d.writeJSON(&b, n, f.names)
	j.text = b.String()
}

// writeJSON writes a node as JSON and keeps the order of keys.
func (d *decoder) writeJSON(b *bytes.Buffer, n *node, names runNames) {
	if d.visited++; d.visited > maxNodes {
		d.failf(span{line: 1, col: 1}, "use fewer aliases", "the file unfolds to more than %d values", maxNodes)
		return
	}
	switch n.kind {
	case nullNode:
		b.WriteString("null")
	case boolNode:
		b.WriteString(n.text)
	case numberNode:
		number, ok := numberInJSON(n.text)
		if !ok {
			d.failf(n.span, "write it in decimal digits, or in quotes if it is meant as text", "json: expected a number as JSON has it, found %s", n.text)
		}
		b.WriteString(number)
	case textNode:
		x, _ := d.expand(n, names)
		if number, ok := numberInJSON(n.text); ok && n.plain {
			b.WriteString(number) // 1e3, which the YAML library takes for a text
			return
		}
		if n.plain && names != noRunNames && strings.HasPrefix(x.text, "{{") && attack.TemplateEnd(x.text, 0) == len(x.text) {
			b.WriteString(x.text) // qty: {{ .qty }} is what the value is, qty: "{{ .qty }}" a text
			return
		}
		if n.plain && x.text != n.text && (x.text == "true" || x.text == "false" || jsonNumber(x.text)) {
			b.WriteString(x.text) // qty: ${QTY} is a number, qty: "${QTY}" a text
			return
		}
		writeJSONText(b, x.text)
	case listNode:
		for i, item := range n.items {
			b.WriteString([]string{"[", ","}[min(i, 1)])
			d.writeJSON(b, item, names)
		}
		if len(n.items) == 0 {
			b.WriteByte('[')
		}
		b.WriteByte(']')
	case mapNode:
		b.WriteByte('{')
		for i, e := range n.entries {
			if i > 0 {
				b.WriteByte(',')
			}
			if !d.grow(e.key.span, len(e.key.text)) {
				return
			}
			writeJSONText(b, e.key.text)
			b.WriteByte(':')
			d.writeJSON(b, e.value, names)
		}
		b.WriteByte('}')
	}
}

func jsonNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func writeJSONText(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false) // what the server gets is what the file says
	if err := e.Encode(s); err != nil {
		panic("scenario: a text could not be written as JSON: " + err.Error())
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
}

// expectJSON is a mapping of JSON paths to the values that they must find, or a
// path or a list of paths that must find anything at all.
type expectJSON []attack.ExpectJSON

func (x *expectJSON) decodeNode(d *decoder, n *node, f field) {
	add := func(path *node, value string) {
		j := attack.ExpectJSON{Path: path.text, Value: value}
		if err := j.Validate(); err != nil {
			d.badPath(path, err)
		}
		*x = append(*x, j)
	}
	switch {
	case n.kind == mapNode && len(n.entries) > 0:
		for _, e := range n.entries {
			if e.value.kind == nullNode && e.value.text == "" {
				d.failf(e.key.span, fmt.Sprintf("write null if it is to be null, or json: [%q] if it only has to be there", shorten(e.key.text)),
					"json: %s has no value to find", shorten(e.key.text))
				continue
			}
			var b bytes.Buffer
			before := d.fails
			if d.writeJSON(&b, e.value, noRunNames); d.fails == before {
				add(e.key, b.String())
			}
		}
	case n.kind == listNode && len(n.items) > 0:
		for _, item := range n.items {
			if item.kind != textNode {
				d.failf(item.span, "write a path such as $.id; a value to find stands beside its path: { $.id: 7 }", "json: expected a JSON path, found %s", item.describe())
				continue
			}
			add(item, "")
		}
	case n.kind == textNode:
		add(n, "")
	default:
		found := n.describe()
		if n.kind == listNode || n.kind == mapNode {
			found = "none"
		}
		d.failf(n.span, orDoc(f, "give it a path"), "json: expected JSON paths, with or without values, found %s", found)
	}
}

// badPath notes what is wrong with a JSON path, where in it that is.
func (d *decoder) badPath(n *node, err error) {
	at := n.span
	if p, ok := errors.AsType[*attack.PathError](err); ok {
		at = d.locate(n, p.Offset, 1)
	}
	d.failf(at, "paths are those of RFC 9535: $.name, $['any name'], $.list[0], $.list[-1], $.list[*].id, $..name", "json: %s", err)
}

// rulesFile is a list of rules: expressions, mappings with more settings, or
// the word default.
type rulesFile []ruleEntry

type ruleEntry struct {
	ruleFile
	scorecard bool // the default scorecard stands here
	kpi       *node
	named     *node // its name; nil if it has none
	source    expansion
}

const defaultScorecard = "default"

func (r *rulesFile) decodeNode(d *decoder, n *node, _ field) {
	items := []*node{n}
	switch {
	case n.kind == listNode:
		items = n.items
	case n.kind == textNode && n.text == defaultScorecard:
	default:
		d.failf(n.span, "write a list of rules, such as - p99 < 200ms, or the word default", "verdict: expected a list, found %s", n.describe())
		return
	}
	for _, item := range items {
		if e, ok := d.rule(item); ok {
			*r = append(*r, e)
		}
	}
}

func (d *decoder) rule(n *node) (ruleEntry, bool) {
	e := ruleEntry{kpi: n}
	switch {
	case n.kind == mapNode:
		before := d.fails
		if d.decode(n, &e.ruleFile, "a rule"); d.fails > before {
			return e, false
		}
		e.kpi, e.named = d.where(&e.KPI, n), d.where(&e.Name, n)
	case n.scalar():
		setDefaults(reflect.ValueOf(&e.ruleFile).Elem())
		e.scorecard = n.text == defaultScorecard
	default:
		d.failf(n.span, "write a rule such as p99 < 200ms; put it in quotes if it starts with a sign", "expected a rule, found %s", n.describe())
		return e, false
	}
	var ok bool
	e.source, ok = d.expand(e.kpi, noRunNames)
	e.KPI = e.source.text
	return e, ok
}

// unique notes a name that is used twice, or that would garble what prints it.
func (d *decoder) unique(seen map[string]*node, name, what string, at *node) {
	if name == "" {
		return
	}
	d.printableName(name, at)
	if first, dup := seen[name]; dup {
		d.failf(at.span, "names must differ, as rules and reports speak of them", "the %s %q is already named on line %d", what, name, first.line)
		return
	}
	seen[name] = at
}

// maxName bounds what is printed over and over, and kept beside every figure.
const maxName = 200

func (d *decoder) printableName(name string, at *node) {
	d.openName(at)
	if n := utf8.RuneCountInString(name); n > maxName {
		d.failf(at.span, "take a few words: names stand in every table", "expected a name of at most %d characters, found %d", maxName, n)
	}
	if printable(name) != name {
		d.failf(at.span, "take letters, digits and punctuation", "the name %q holds a control character", shorten(name))
	}
}
