package scenario

import (
	"reflect"

	"github.com/seed-1574e9de/ordeal/attack"
)

// expectHeaders is a mapping of names to what the header must be: a text, for all
// of it, or what it must hold.
type expectHeaders struct {
	whole []attack.Field
	parts []attack.HeaderPart
}

// headerPartFile is what a header must hold; if both are given, both.
type headerPartFile struct {
	Contains string `json:"contains" doc:"text that the header must hold"`
	Matches  string `json:"matches" doc:"regular expression that the header must match"`
}

func (headerPartFile) noun() string { return "what a header must hold" }

func (x *expectHeaders) decodeNode(d *decoder, n *node, f field) {
	if n.kind != mapNode {
		d.failf(n.span, "write name: value pairs, or name: { contains: text } for a part of the value", "headers: expected a mapping, found %s", n.describe())
		return
	}
	x.whole = make([]attack.Field, 0, len(n.entries))
	x.parts = make([]attack.HeaderPart, 0, len(n.entries))
	for _, e := range n.entries {
		f := f
		f.key, f.doc, f.loose = e.key.text, "", true
		if e.value.kind != mapNode {
			x.whole = append(x.whole, attack.Field{Name: e.key.text})
			f.value = reflect.ValueOf(&x.whole[len(x.whole)-1].Value).Elem()
			d.field(e.value, f)
			continue
		}
		var part headerPartFile
		before := d.fails
		f.value = reflect.ValueOf(&part).Elem()
		d.field(e.value, f)
		if d.fails > before {
			continue
		}
		one := attack.HeaderPart{Name: e.key.text, Contains: part.Contains, Matches: part.Matches}
		if part == (headerPartFile{}) {
			d.failf(e.value.span, "write contains: TEXT or matches: REGEXP, or the name alone, "+e.key.text+": \"\", for a header that only has to be there",
				"%s: expected what the header must hold, found nothing", shorten(e.key.text))
			continue
		}
		if err := one.Validate(); err != nil {
			at, ok := e.value.get("matches")
			if !ok {
				at = e.value
			}
			d.failf(at.span, `regular expressions are those of Go (RE2): ^application/.*json`, "headers: %s", err)
			continue
		}
		x.parts = append(x.parts, one)
	}
}

func (x *expectHeaders) schema(field) schema {
	part := objectSchema(reflect.New(reflect.TypeFor[headerPartFile]()).Elem(), false)
	part["minProperties"] = 1
	return mapOf(schema{"anyOf": []schema{scalarText, part}})
}
