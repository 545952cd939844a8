package scenario

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// decoder reads nodes into structs, strictly, and remembers where each field
// stood. What a struct may hold is told by its tags:
//
//	json:"key"        the key; with omitempty the field can be left out of a shape
//	doc:"…"           one line for hints and the schema
//	required:"true"   must be there and not empty
//	positive:"true"   must be above zero
//	default:"5s"      read as if it stood in the file
//	enum:"a,b"        the words that are allowed; @name is a registry's list
//	unit:"%"          a share such as 5%; unit:"bytes" a size such as 512MiB
//	vars:"addr"       ${NAME.addr} can stand in it; vars:"port" ${PORT} too
//	without:"a,b"     on an embedded struct: its keys but for these
//	empties:"true"    texts of the list may be empty, but for the first
type decoder struct {
	*collector
	env     Env
	refs    []reference
	owner   string // the service being read
	ready   bool   // reading its check for readiness
	secrets map[string]bool
	// secretNames are those of secrets:, known once the file is decoded.
	secretNames []string
	variables   map[string]bool // that the file names
	places      map[any]*node   // by pointer to the field
	broken      map[any]bool    // structs that could not be read whole, by pointer
	visited     int
	grown       int // bytes of all values so far, see grow
}

// nodeDecoder is a type of the file that has more than one form.
type nodeDecoder interface {
	decodeNode(d *decoder, n *node, f field)
}

// field is what the tags of a struct's field say.
type field struct {
	key      string
	doc      string
	required bool
	optional bool
	positive bool
	empties  bool // texts of the list may be empty, but for the first
	fallback string
	enum     []string
	unit     string
	names    runNames
	loose    bool // numbers and truths are read as the text they are written with
	value    reflect.Value
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	rateType     = reflect.TypeFor[arrivals.Rate]()
	fieldsType   = reflect.TypeFor[[]attack.Field]()
)

// where returns the place of a decoded field, given the pointer to it; the
// fallback's if the file does not set it.
func (d *decoder) where(ptr any, fallback *node) *node {
	if n, ok := d.places[ptr]; ok {
		return n
	}
	return fallback
}

// set says whether the file sets the field.
func (d *decoder) set(ptr any) bool { _, ok := d.places[ptr]; return ok }

// fieldsOf lists the fields of a struct, those of embedded structs among them.
func fieldsOf(v reflect.Value) []field {
	var out []field
	t := v.Type()
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			for _, f := range fieldsOf(v.Field(i)) {
				if !slices.Contains(strings.Split(sf.Tag.Get("without"), ","), f.key) {
					out = append(out, f)
				}
			}
			continue
		}
		key, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || key == "" || key == "-" {
			continue
		}
		f := field{
			key: key, doc: sf.Tag.Get("doc"), value: v.Field(i), unit: sf.Tag.Get("unit"), fallback: sf.Tag.Get("default"),
			required: sf.Tag.Get("required") == "true", positive: sf.Tag.Get("positive") == "true", empties: sf.Tag.Get("empties") == "true",
			optional: strings.Contains(opts, "omitempty"),
			names:    map[string]runNames{"addr": addresses, "port": addressesAnd}[sf.Tag.Get("vars")],
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.enum = enumWords(e)
		}
		out = append(out, f)
	}
	return out
}

// setDefaults fills in what default tags say, before anything is read.
func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v) {
		if f.fallback == "" {
			if f.value.Kind() == reflect.Struct {
				setDefaults(f.value)
			}
			continue
		}
		if err := parseScalar(f.fallback, f); err != nil {
			panic("scenario: the default of " + f.key + " is wrong: " + err.Error())
		}
	}
}

// object is a mapping that is being read, key by key.
type object struct {
	*decoder
	n     *node
	what  string // for messages: "a stage"
	known []string
	taken map[string]bool
	lacks []field // required, and not there
	bad   bool
}

// object starts to read a mapping; nil, with the mistake noted, if n is none.
func (d *decoder) object(n *node, what string) *object {
	if n.kind != mapNode {
		d.failf(n.span, "write its settings as key: value", "expected %s as a mapping, found %s", what, n.describe())
		return nil
	}
	return &object{decoder: d, n: n, what: what, taken: map[string]bool{}}
}

// take returns the value of a key and marks the key as known.
func (o *object) take(key string) (*node, bool) {
	o.known = append(o.known, key)
	v, ok := o.n.get(key)
	if ok {
		o.taken[key] = true
	}
	return v, ok
}

// into reads the keys of the struct that ptr points to.
func (o *object) into(ptr any, allRequired bool) {
	v := reflect.ValueOf(ptr).Elem()
	for _, f := range fieldsOf(v) {
		n, ok := o.take(f.key)
		if !ok {
			if f.required || allRequired && !f.optional {
				o.lacks = append(o.lacks, f)
			}
			continue
		}
		before := o.fails
		o.field(n, f)
		o.bad = o.bad || o.fails > before
	}
}

// done reports the keys that nothing has asked for, and those that are missing,
// unless one of the former is a slip of the latter.
func (o *object) done() {
	slips := map[string]bool{}
	for _, e := range o.n.entries {
		if o.taken[e.key.text] {
			continue
		}
		o.bad = true
		hint, meant := unknownKey(e.key.text, o.what, o.known)
		o.failf(e.key.span, hint, "%s has no key %q", o.what, shorten(e.key.text))
		slips[meant] = true
	}
	for _, f := range o.lacks {
		o.bad = true
		if !slips[f.key] {
			o.failf(o.n.span, fmt.Sprintf("%s: %s", f.key, f.doc), "%s needs the key %q", o.what, f.key)
		}
	}
}

// decode reads a mapping into the struct that ptr points to.
func (d *decoder) decode(n *node, ptr any, what string) {
	if other, ok := ptr.(otherForm); ok && n.written() != "" {
		d.broken[ptr] = true
		d.failf(n.span, other.otherForm(n.written()), "expected %s as a mapping, found %s", what, n.describe())
		return
	}
	o := d.object(n, what)
	if o == nil {
		d.broken[ptr] = true
		return
	}
	before := d.fails
	setDefaults(reflect.ValueOf(ptr).Elem())
	o.into(ptr, false)
	o.done()
	d.broken[ptr] = d.fails > before
}

// field reads one field and notes its place.
func (d *decoder) field(n *node, f field) {
	d.places[f.value.Addr().Interface()] = n
	if f.key == "ready" {
		d.ready = true
		defer func() { d.ready = false }()
	}
	d.value(n, f)
}

func (d *decoder) value(n *node, f field) {
	if d.visited++; d.visited > maxNodes {
		d.failf(span{line: 1, col: 1}, "use fewer aliases", "the file unfolds to more than %d values", maxNodes)
		return
	}
	if n.kind == nullNode {
		d.broken[f.value.Addr().Interface()] = true
		hint := orDoc(f, "give it a value, or remove the key")
		if f.loose && f.value.Kind() == reflect.String {
			hint = `give it a value, or write "" for an empty text`
		}
		d.failf(n.span, hint, "%s is empty", f.key)
		return
	}
	if c, ok := f.value.Addr().Interface().(nodeDecoder); ok {
		c.decodeNode(d, n, f)
		return
	}
	switch t := f.value.Type(); {
	case t == fieldsType:
		d.pairs(n, f)
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		f.value.Set(p)
		f.value = p.Elem()
		d.value(n, f)
	case t.Kind() == reflect.Struct:
		what := f.key
		if named, ok := f.value.Interface().(interface{ noun() string }); ok {
			what = named.noun()
		}
		d.decode(n, f.value.Addr().Interface(), what)
	case t.Kind() == reflect.Slice:
		d.slice(n, f)
	case t.Kind() == reflect.Map:
		d.words(n, f)
	default:
		d.scalar(n, f)
	}
}

func orDoc(f field, hint string) string {
	if f.doc == "" {
		return hint
	}
	return f.key + ": " + f.doc
}

func (d *decoder) slice(n *node, f field) {
	if n.kind != listNode {
		d.failf(n.span, "write a list: each value on a line of its own after a dash, or [a, b]", "%s: expected a list, found %s", f.key, n.describe())
		return
	}
	if len(n.items) == 0 && f.required {
		d.failf(n.span, orDoc(f, "add a value, or remove the key"), "%s is empty", f.key)
		return
	}
	s := reflect.MakeSlice(f.value.Type(), len(n.items), len(n.items))
	f.value.Set(s)
	for i, item := range n.items {
		e := f
		e.value, e.loose = s.Index(i), true
		e.required = f.required && (i == 0 || !f.empties)
		d.field(item, e)
	}
}

// words reads a mapping of texts.
func (d *decoder) words(n *node, f field) {
	if n.kind != mapNode {
		d.failf(n.span, "write NAME: value pairs", "%s: expected a mapping, found %s", f.key, n.describe())
		return
	}
	m := reflect.MakeMap(f.value.Type())
	f.value.Set(m)
	for _, e := range n.entries {
		if !d.grow(e.key.span, len(e.key.text)) {
			return
		}
		x := f
		x.value, x.loose, x.key = reflect.New(f.value.Type().Elem()).Elem(), true, e.key.text
		d.value(e.value, x)
		m.SetMapIndex(reflect.ValueOf(e.key.text), x.value)
	}
}

// pairs reads a mapping of texts whose order counts.
func (d *decoder) pairs(n *node, f field) {
	if n.kind != mapNode {
		d.failf(n.span, "write name: value pairs", "%s: expected a mapping, found %s", f.key, n.describe())
		return
	}
	out := make([]attack.Field, len(n.entries))
	f.value.Set(reflect.ValueOf(out))
	for i, e := range n.entries {
		if !d.grow(e.key.span, len(e.key.text)) {
			return
		}
		out[i].Name = e.key.text
		x := f
		x.value, x.loose, x.key, x.doc = reflect.ValueOf(&out[i].Value).Elem(), true, e.key.text, ""
		d.field(e.value, x)
	}
}

// scalar reads one value: text, number, truth, duration, rate.
func (d *decoder) scalar(n *node, f field) {
	if !n.scalar() {
		d.failf(n.span, orDoc(f, "give it one value"), "%s: expected %s, found %s", f.key, wanted(f), n.describe())
		return
	}
	if f.value.Kind() == reflect.String && n.kind != textNode && !f.loose {
		d.failf(n.span, `put it in quotes if it is meant as text: "`+n.text+`"`, "%s: expected text, found %s", f.key, n.describe())
		return
	}
	x, ok := d.expand(n, f.names)
	if !ok {
		return
	}
	if err := parseScalar(x.text, f); err != nil {
		d.failf(n.span, scalarHint(x.text, f), "%s: %s", f.key, err)
		return
	}
	switch {
	case f.required && f.value.Kind() == reflect.String && strings.TrimSpace(x.text) == "":
		d.failf(n.span, orDoc(f, "give it a value"), "%s is empty", f.key)
	case len(f.enum) > 0 && !slices.Contains(f.enum, x.text):
		d.failf(n.span, suggest(x.text, "value", f.enum), "%s: expected %s, found %q", f.key, alternatives(f.enum), shorten(x.text))
	case f.positive && !above(f.value):
		d.failf(n.span, orDoc(f, "give a value above zero"), "%s: expected a value above zero, found %s", f.key, shorten(x.text))
	}
}

func above(v reflect.Value) bool {
	switch {
	case v.CanInt():
		return v.Int() > 0
	case v.CanUint():
		return v.Uint() > 0
	case v.CanFloat():
		return v.Float() > 0
	}
	return true
}

func alternatives(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// wanted says what kind of value a field takes.
func wanted(f field) string {
	switch t := f.value.Type(); {
	case t == durationType:
		return "a duration such as 200ms or 5s"
	case t == rateType:
		return "a rate such as 50/s"
	case f.unit == "%":
		return "a percentage such as 5%"
	case f.unit == "bytes":
		return "a size such as 512MiB"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "text"
	}
	return "a number"
}

// spelledFor is how to write what was written in words, if a field takes it.
func spelledFor(f field, found string) string {
	meant := quantity.Spelled(found)
	var err error
	switch t := f.value.Type(); {
	case meant == "":
	case t == durationType:
		_, err = quantity.ParseDuration(meant)
	case t == rateType:
		_, err = quantity.ParseRate(meant)
	case f.unit == "%":
		_, err = quantity.ParseFraction(meant)
	case f.unit == "bytes":
		_, err = quantity.ParseBytes(meant)
	default:
		return ""
	}
	if err != nil {
		return ""
	}
	return meant
}

// scalarHint says how to write what was probably meant.
func scalarHint(found string, f field) string {
	_, err := strconv.ParseFloat(found, 64)
	bare := err == nil
	negative := strings.HasPrefix(found, "-")
	switch t := f.value.Type(); {
	case negative:
		return "remove the minus sign"
	case spelledFor(f, found) != "":
		return "write " + spelledFor(f, found)
	case t == durationType && bare:
		return fmt.Sprintf("write %[1]ss for seconds, or %[1]sms for milliseconds", found)
	case t == rateType && bare:
		return fmt.Sprintf("write %s/s for a rate per second", found)
	case f.unit == "%" && bare:
		return fmt.Sprintf("write %s%%", found)
	case t == durationType:
		return "units are ns, us, ms, s, m, h and d"
	case t == rateType:
		return "units are /s, /m and /h; k, M and G multiply"
	}
	return orDoc(f, "expected "+wanted(f))
}

// parseScalar reads text into the field by its type and unit.
func parseScalar(s string, f field) error {
	v := f.value
	switch t := v.Type(); {
	case t == durationType:
		x, err := quantity.ParseDuration(s)
		v.SetInt(int64(x))
		return err
	case t == rateType:
		x, err := quantity.ParseRate(s)
		v.SetFloat(x)
		return err
	case t.Kind() == reflect.String:
		v.SetString(s)
		return nil
	case t.Kind() == reflect.Bool:
		if s != "true" && s != "false" {
			return fmt.Errorf("expected true or false, found %q", shorten(s))
		}
		v.SetBool(s == "true")
		return nil
	case t.Kind() == reflect.Uint64 && f.unit == "":
		x, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return fmt.Errorf("expected a whole number from 0 to %d, found %q", uint64(math.MaxUint64), shorten(s))
		}
		v.SetUint(x)
		return nil
	}
	return parseNumber(s, f)
}

func parseNumber(s string, f field) error {
	var (
		x   float64
		err error
		v   = f.value
	)
	switch f.unit {
	case "%":
		x, err = quantity.ParseFraction(s)
	case "bytes":
		x, err = quantity.ParseBytes(s)
	default:
		x, err = quantity.ParseCount(s)
	}
	if err != nil {
		return err
	}
	if v.CanFloat() {
		v.SetFloat(x)
		return nil
	}
	switch {
	case x != math.Trunc(x):
		return fmt.Errorf("expected a whole number, found %q", shorten(s))
	case x > 1<<53: // the last whole number that a float64 holds exactly
		return fmt.Errorf("expected a smaller number, found %q", shorten(s))
	case v.CanInt() && !v.OverflowInt(int64(x)):
		v.SetInt(int64(x))
	case v.CanUint() && !v.OverflowUint(uint64(x)):
		v.SetUint(uint64(x))
	default:
		return fmt.Errorf("expected a smaller number, found %q", shorten(s))
	}
	return nil
}
