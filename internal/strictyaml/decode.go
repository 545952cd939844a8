package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// Decoder reads nodes into structs, strictly, and remembers where each field stood
// and whether it could be read.
type Decoder struct {
	*Source
	resolve Resolve
	fields  map[any]reading // by pointer to the field
	path    []string        // to the field that is being read
	visited int
	size    int // bytes of all values so far, see room
}

// reading is what is known of a field that was read.
type reading struct {
	n  *Node
	ok bool
}

// NodeDecoder is a type of the file that has more than one form. DecodeNode reads
// it, notes what is wrong, and says whether it could be read whole. f is the field,
// with the tags that it has.
type NodeDecoder interface {
	DecodeNode(d *Decoder, n *Node, f Field) (ok bool)
}

// Noun is a struct of the file that messages call by a noun, "a request", in place
// of its key.
type Noun interface{ Noun() string }

// OtherForm is a mapping of the file that says what to write where there is a text
// or a list of texts in its place.
type OtherForm interface {
	OtherForm(found string) (hint string)
}

// Decoder returns a decoder of the source; resolve finds the values of variables.
func (c *Source) Decoder(resolve Resolve) *Decoder {
	return &Decoder{Source: c, resolve: resolve, fields: map[any]reading{}}
}

// Where returns the place of a field that was read, given the pointer to it; the
// fallback's if the file does not set it.
func (d *Decoder) Where(ptr any, fallback *Node) *Node {
	if n, ok := d.Find(ptr); ok {
		return n
	}
	return fallback
}

// Find returns the value that a field was read from; ok is false if the file does
// not set it.
func (d *Decoder) Find(ptr any) (n *Node, ok bool) {
	r, ok := d.fields[ptr]
	return r.n, ok && r.n != nil
}

// Set says whether the file sets the field.
func (d *Decoder) Set(ptr any) bool { _, ok := d.Find(ptr); return ok }

// Broken says whether the file sets the field and it could not be read whole.
func (d *Decoder) Broken(ptr any) bool { r, read := d.fields[ptr]; return read && !r.ok }

// Note says that a field stands at a node, and whether it could be read whole: for
// what another field holds.
func (d *Decoder) Note(ptr any, n *Node, ok bool) { d.fields[ptr] = reading{n, ok} }

// Object is a mapping that is being read, key by key.
type Object struct {
	d     *Decoder
	n     *Node
	what  string // for messages: "a stage"
	known []string
	taken map[string]bool
	lacks []Field // required, and not there
	bad   bool
}

// Object starts to read a mapping; nil, with the mistake noted, if n is none. what
// it is called in messages is "a stage".
func (d *Decoder) Object(n *Node, what string) *Object {
	if n.Kind != Map {
		d.Failf(n.Span,
			"write its settings as key: value",
			"expected %s as a mapping, found %s", what, n.Describe())
		return nil
	}
	return &Object{d: d, n: n, what: what, taken: map[string]bool{}}
}

// Take returns the value of a key and marks the key as known.
func (o *Object) Take(key string) (*Node, bool) {
	o.Known(key)
	v, ok := o.n.Get(key)
	if ok {
		o.taken[key] = true
	}
	return v, ok
}

// Known marks keys as such that the mapping may have, whether or not it has them.
func (o *Object) Known(keys ...string) { o.known = append(o.known, keys...) }

// Refuse notes a mistake at a key, which is then no unknown key.
func (o *Object) Refuse(key, hint, format string, args ...any) {
	o.bad, o.taken[key] = true, true
	o.d.Failf(o.n.KeySpan(key), hint, format, args...)
}

// Optional says that a key may be missing after all.
func (o *Object) Optional(key string) {
	for i, f := range o.lacks {
		if f.Key == key {
			o.lacks = append(o.lacks[:i], o.lacks[i+1:]...)
			return
		}
	}
}

// OK says whether all that was read could be read.
func (o *Object) OK() bool { return !o.bad }

// Into reads the keys of the struct that ptr points to. With all, each key that is
// not omitempty is required.
func (o *Object) Into(ptr any, all bool) {
	for _, f := range o.d.grammar.Fields(ptr) {
		n, ok := o.Take(f.Key)
		if !ok {
			if f.Required || all && !f.Optional {
				o.lacks = append(o.lacks, f)
			}
			continue
		}
		o.bad = !o.d.Field(n, f) || o.bad
	}
}

// Done notes the keys that nothing has asked for, and those that are missing,
// unless one of the former is a slip of the latter. It says whether the mapping
// could be read whole.
func (o *Object) Done() (ok bool) {
	slips := map[string]bool{}
	for _, e := range o.n.Entries {
		if o.taken[e.Key.Text] {
			continue
		}
		hint, meant := o.d.grammar.unknownKey(e.Key.Text, o.what, o.known)
		o.bad = true
		o.d.Failf(e.Key.Span, hint, "%s has no key %q", o.what, Shorten(e.Key.Text))
		slips[meant] = true
	}
	for _, f := range o.lacks {
		o.bad = true
		if !slips[f.Key] {
			o.d.Failf(o.n.Span,
				fmt.Sprintf("%s: %s", f.Key, f.Doc),
				"%s needs the key %q", o.what, f.Key)
		}
	}
	return !o.bad
}

// unknownKey says what to do about a key that a mapping does not have, and which of
// its keys was probably meant.
func (g *Grammar) unknownKey(found, what string, known []string) (hint, meant string) {
	near, ok := suggest.Nearest(found, known)
	if g.Foreign != nil && (!ok || plainKey(near) != plainKey(found)) {
		if hint, meant, foreign := g.Foreign(what, plainKey(found)); foreign {
			return hint, meant
		}
	}
	return suggest.Hint(found, "key", known), near
}

// plainKey is a key without what spelling adds to it: thinkTime, think-time and
// think_time are one.
func plainKey(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// SetDefaults fills in what default tags say, before anything is read.
func (d *Decoder) SetDefaults(ptr any) { d.grammar.SetDefaults(ptr) }

// Decode reads a mapping into the struct that ptr points to, with defaults, and
// says whether it could be read whole.
func (d *Decoder) Decode(n *Node, ptr any, what string) (ok bool) {
	defer func() { d.fields[ptr] = reading{d.fields[ptr].n, ok} }()
	if other, is := ptr.(OtherForm); is && n.Written() != "" {
		d.Failf(n.Span,
			other.OtherForm(n.Written()),
			"expected %s as a mapping, found %s", what, n.Describe())
		return false
	}
	o := d.Object(n, what)
	if o == nil {
		return false
	}
	d.grammar.SetDefaults(ptr)
	o.Into(ptr, false)
	return o.Done()
}

// Field reads a field, notes its place, and says whether it could be read whole.
func (d *Decoder) Field(n *Node, f Field) (ok bool) { return d.fieldAt(f.Key, n, f) }

// fieldAt is Field for what is reached by a step of the path other than its key.
func (d *Decoder) fieldAt(step string, n *Node, f Field) (ok bool) {
	ptr := f.Value.Addr().Interface()
	d.fields[ptr] = reading{n, true}
	d.path = append(d.path, step)
	ok = d.Value(n, f)
	d.path = d.path[:len(d.path)-1]
	d.fields[ptr] = reading{n, ok}
	return ok
}

// visit counts a value; false, with the mistake noted, if there are too many.
func (d *Decoder) visit() bool {
	if d.visited++; d.visited > maxNodes {
		d.Failf(Span{Line: 1, Col: 1},
			"use fewer aliases",
			"the file unfolds to more than %d values", maxNodes)
		return false
	}
	return true
}

// Value reads a value into a field, whose place is not noted.
func (d *Decoder) Value(n *Node, f Field) (ok bool) {
	if !d.visit() {
		return false
	}
	if n.Kind == Null {
		hint := f.Hint("give it a value, or remove the key")
		if f.Loose && f.Value.Kind() == reflect.String {
			hint = `give it a value, or write "" for an empty text`
		}
		d.Failf(n.Span, hint, "%s is empty", f.Key)
		return false
	}
	if c, is := f.Value.Addr().Interface().(NodeDecoder); is {
		return c.DecodeNode(d, n, f)
	}
	switch t := f.Value.Type(); {
	case isPairs(t):
		return d.pairs(n, f)
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		f.Value.Set(p)
		f.Value = p.Elem()
		return d.Value(n, f)
	case t.Kind() == reflect.Struct:
		what := f.Key
		if named, is := f.Value.Interface().(Noun); is {
			what = named.Noun()
		}
		return d.Decode(n, f.Value.Addr().Interface(), what)
	case t.Kind() == reflect.Slice:
		return d.list(n, f)
	case t.Kind() == reflect.Map:
		return d.words(n, f)
	}
	return d.Scalar(n, f)
}

func (d *Decoder) list(n *Node, f Field) (ok bool) {
	if n.Kind != List {
		d.Failf(n.Span,
			"write a list: each value on a line of its own after a dash, or [a, b]",
			"%s: expected a list, found %s", f.Key, n.Describe())
		return false
	}
	if len(n.Items) == 0 && f.Required {
		d.Failf(n.Span, f.Hint("add a value, or remove the key"), "%s is empty", f.Key)
		return false
	}
	s := reflect.MakeSlice(f.Value.Type(), len(n.Items), len(n.Items))
	f.Value.Set(s)
	ok = true
	for i, item := range n.Items {
		e := f
		e.Value, e.Loose = s.Index(i), true
		e.Required = f.Required && (i == 0 || !f.Empties)
		ok = d.fieldAt(strconv.Itoa(i), item, e) && ok
	}
	return ok
}

// words reads a mapping of texts.
func (d *Decoder) words(n *Node, f Field) (ok bool) {
	if n.Kind != Map {
		d.Failf(n.Span,
			"write NAME: value pairs",
			"%s: expected a mapping, found %s", f.Key, n.Describe())
		return false
	}
	m := reflect.MakeMap(f.Value.Type())
	f.Value.Set(m)
	ok = true
	for _, e := range n.Entries {
		if !d.room(e.Key.Span, len(e.Key.Text)) {
			return false
		}
		x := f
		x.Value, x.Loose, x.Key = reflect.New(f.Value.Type().Elem()).Elem(), true, e.Key.Text
		ok = d.Value(e.Value, x) && ok
		m.SetMapIndex(reflect.ValueOf(e.Key.Text), x.Value)
	}
	return ok
}

// pairs reads a mapping of texts whose order counts.
func (d *Decoder) pairs(n *Node, f Field) (ok bool) {
	if n.Kind != Map {
		d.Failf(n.Span,
			"write name: value pairs",
			"%s: expected a mapping, found %s", f.Key, n.Describe())
		return false
	}
	out := reflect.MakeSlice(f.Value.Type(), len(n.Entries), len(n.Entries))
	f.Value.Set(out)
	ok = true
	for i, e := range n.Entries {
		if !d.room(e.Key.Span, len(e.Key.Text)) {
			return false
		}
		out.Index(i).Field(0).SetString(e.Key.Text)
		x := f
		x.Value, x.Loose, x.Key, x.Doc = out.Index(i).Field(1), true, e.Key.Text, ""
		ok = d.Field(e.Value, x) && ok
	}
	return ok
}
