package scenario

import (
	"cmp"
	"reflect"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// noteFields notes what an object says of its own settings, each mistake where its
// field stands in the file. settings points to the struct that was read from n, and
// doc says what the object is.
func noteFields(
	d *strictyaml.Decoder,
	wrong fielderr.List,
	settings any,
	n *strictyaml.Node,
	doc string,
) {
	for _, e := range wrong {
		at, hint := placeOf(d, e.Path, settings, n, doc)
		place := at.Span
		if e.Len > 0 {
			place = d.Locate(at, e.Offset, e.Len)
		}
		d.Failf(place, cmp.Or(e.Hint, hint), "%s", e)
	}
}

// placeOf follows a path into settings as far as the file has them, and says what
// the setting is that it leads to.
func placeOf(
	d *strictyaml.Decoder,
	path fielderr.Path,
	settings any,
	n *strictyaml.Node,
	doc string,
) (at *strictyaml.Node, hint string) {
	at, hint = n, doc
	for i, step := range path {
		f, ok := fieldOf(settings, step.Key)
		if !ok {
			return at.Below(path[i:]), hint
		}
		settings = f.Value.Addr().Interface()
		at, hint = d.Where(settings, at), f.Hint(doc)
	}
	return at, hint
}

// fieldOf is the field of a key; false if ptr points to no struct that has it.
func fieldOf(ptr any, key string) (strictyaml.Field, bool) {
	if reflect.TypeOf(ptr).Elem().Kind() != reflect.Struct {
		return strictyaml.Field{}, false
	}
	for _, f := range grammar.Fields(ptr) {
		if f.Key == key {
			return f, true
		}
	}
	return strictyaml.Field{}, false
}
