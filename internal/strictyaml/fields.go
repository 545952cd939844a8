package strictyaml

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Field is what the tags of a struct's field say.
type Field struct {
	Key      string
	Doc      string
	Required bool
	Optional bool
	Positive bool
	Empties  bool // texts of the list may be empty, but for the first
	Default  string
	Enum     []string
	Unit     string
	Vars     string // passed on to whoever resolves variables
	Loose    bool   // numbers and truths are read as the text they are written with
	Value    reflect.Value
}

// Pair is a name and a text. A list of structs that look like it is a mapping in
// the file, whose order counts.
type Pair struct{ Name, Value string }

var (
	durationType = reflect.TypeFor[time.Duration]()
	pairType     = reflect.TypeFor[Pair]()
	keyedType    = reflect.TypeFor[Keyed]()
)

// isPairs says whether a type is a list of pairs.
func isPairs(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct &&
		t.Elem().ConvertibleTo(pairType)
}

// Key is a key of a mapping that a registry knows.
type Key struct {
	Name string
	Doc  string
	Vars string     // passed on to whoever resolves variables
	New  func() any // a pointer to the struct that its value is read into
}

// Keyed stands in a struct for the keys of a registry, Grammar.Keys: its tag keys:"name"
// says which. Each has a value of its own from the moment the fields are first asked for.
type Keyed struct {
	values []KeyedValue
}

// KeyedValue is a key of a registry, and the pointer that its value is read into.
type KeyedValue struct {
	Key
	Ptr any
}

// Values lists the keys in the order of the registry; nil before anything was read.
func (k *Keyed) Values() []KeyedValue { return k.values }

// fields are those of the keys.
func (k *Keyed) fields(keys []Key) []Field {
	if k.values == nil {
		for _, key := range keys {
			k.values = append(k.values, KeyedValue{key, key.New()})
		}
	}
	var out []Field
	for _, v := range k.values {
		value := reflect.ValueOf(v.Ptr).Elem()
		out = append(out, Field{Key: v.Name, Doc: v.Doc, Vars: v.Vars, Value: value})
	}
	return out
}

// Fields lists the fields of the struct that ptr points to, those of embedded
// structs and of registries among them.
func (g *Grammar) Fields(ptr any) []Field { return g.fieldsOf(reflect.ValueOf(ptr).Elem()) }

func (g *Grammar) fieldsOf(v reflect.Value) []Field {
	var out []Field
	t := v.Type()
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Type == keyedType {
			keys := g.Keys[sf.Tag.Get("keys")]
			out = append(out, v.Field(i).Addr().Interface().(*Keyed).fields(keys)...)
			continue
		}
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			for _, f := range g.fieldsOf(v.Field(i)) {
				if !slices.Contains(strings.Split(sf.Tag.Get("without"), ","), f.Key) {
					out = append(out, f)
				}
			}
			continue
		}
		key, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || key == "" || key == "-" {
			continue
		}
		f := Field{
			Key: key, Doc: sf.Tag.Get("doc"), Value: v.Field(i), Vars: sf.Tag.Get("vars"),
			Required: sf.Tag.Get("required") == "true", Positive: sf.Tag.Get("positive") == "true",
			Empties: sf.Tag.Get("empties") == "true", Default: sf.Tag.Get("default"),
			Optional: strings.Contains(opts, "omitempty"), Unit: g.Units[sf.Type],
		}
		if unit := sf.Tag.Get("unit"); unit != "" {
			f.Unit = unit
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.Enum = g.enumWords(e)
		}
		out = append(out, f)
	}
	return out
}

// enumWords returns the words of an enum tag: the words themselves, or the list
// that @name stands for.
func (g *Grammar) enumWords(tag string) []string {
	if name, listed := strings.CutPrefix(tag, "@"); listed {
		return g.Lists[name]()
	}
	return strings.Split(tag, ",")
}

// SetDefaults fills in what default tags say, before anything is read.
func (g *Grammar) SetDefaults(ptr any) { g.setDefaults(reflect.ValueOf(ptr).Elem()) }

func (g *Grammar) setDefaults(v reflect.Value) {
	for _, f := range g.fieldsOf(v) {
		if f.Default == "" {
			if f.Value.Kind() == reflect.Struct {
				g.setDefaults(f.Value)
			}
			continue
		}
		if err := parseScalar(f.Default, f); err != nil {
			panic("strictyaml: the default of " + f.Key + " is wrong: " + err.Error())
		}
	}
}

// Hint is what to do about a mistake in the field: what it is, or otherwise.
func (f Field) Hint(otherwise string) string {
	if f.Doc == "" {
		return otherwise
	}
	return f.Key + ": " + f.Doc
}
