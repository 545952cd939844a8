package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// statuses is a status, a class of them, or a list of these.
type statuses []int

var statusClasses = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}

func (s *statuses) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	items := []*strictyaml.Node{n}
	if n.Kind == strictyaml.List {
		items = n.Items
	}
	*s = make(statuses, len(items))
	ok = true
	for i, item := range items {
		if class := slices.Index(statusClasses, item.Text); class >= 0 &&
			item.Kind == strictyaml.Text {
			(*s)[i] = class + 1
			continue
		}
		f.Value = reflect.ValueOf(&(*s)[i]).Elem()
		f.Doc = "an HTTP status such as 200, a class such as 2xx, or a list such as [200, 404]"
		_, noNumber := strconv.Atoi(item.Text)
		switch {
		case item.Kind == strictyaml.Text && noNumber != nil && !strings.Contains(item.Text, "$"):
			d.Failf(item.Span,
				f.Hint(""), "status: expected one such as 200, or a class such as 2xx, found %q",
				strictyaml.Shorten(item.Text))
			ok = false
		case !d.Field(item, f):
			ok = false
		case (*s)[i] < 100 || (*s)[i] > 599:
			d.Failf(item.Span,
				"give a status from 100 to 599, a class such as 2xx, or a list of them",
				"status: %d is no HTTP status", (*s)[i])
			ok = false
		}
	}
	return ok
}

func (s *statuses) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	one := strictyaml.Either(
		strictyaml.Schema{"type": "integer", "minimum": 100, "maximum": 599},
		strictyaml.Schema{"enum": statusClasses},
	)
	return strictyaml.Schema{"anyOf": []strictyaml.Schema{one, strictyaml.ListOf(one)}}
}

// expectJSON is a mapping of JSON paths to the values that they must find, or a
// path or a list of paths that must find anything at all.
type expectJSON []expect.ExpectJSON

func (x *expectJSON) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	ok = true
	add := func(path *strictyaml.Node, value string) {
		j := expect.ExpectJSON{Path: path.Text, Value: value}
		for _, e := range j.Validate() {
			d.Failf(d.Locate(path, e.Offset, e.Len), e.Hint, "%s", e)
			ok = false
		}
		*x = append(*x, j)
	}
	switch {
	case n.Kind == strictyaml.Map && len(n.Entries) > 0:
		for _, e := range n.Entries {
			if e.Value.Kind == strictyaml.Null && e.Value.Text == "" {
				d.Failf(
					e.Key.Span,
					fmt.Sprintf(
						"write null if it is to be null, or json: [%q] if it only has to be there",
						strictyaml.Shorten(e.Key.Text),
					),
					"json: %s has no value to find",
					strictyaml.Shorten(e.Key.Text),
				)
				ok = false
				continue
			}
			if value, written := d.JSON(e.Value, noRunNames); written {
				add(e.Key, value)
			} else {
				ok = false
			}
		}
	case n.Kind == strictyaml.List && len(n.Items) > 0:
		for _, item := range n.Items {
			if item.Kind != strictyaml.Text {
				d.Failf(item.Span,
					"write a path such as $.id; a value to find stands beside its path: { $.id: "+
						"7 }",
					"json: expected a JSON path, found %s", item.Describe())
				ok = false
				continue
			}
			add(item, "")
		}
	case n.Kind == strictyaml.Text:
		add(n, "")
	default:
		found := n.Describe()
		if n.Kind == strictyaml.List || n.Kind == strictyaml.Map {
			found = "none"
		}
		d.Failf(n.Span,
			f.Hint("give it a path"),
			"json: expected JSON paths, with or without values, found %s", found)
		return false
	}
	return ok
}

func (x *expectJSON) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	path := strictyaml.Schema{"type": "string", "pattern": `^\$`}
	values := strictyaml.Schema{"type": "object", "propertyNames": path, "minProperties": 1}
	paths := strictyaml.ListOf(path)
	paths["minItems"] = 1
	return strictyaml.Schema{"anyOf": []strictyaml.Schema{values, paths, path}}
}

// expectHeaders is a mapping of names to what the header must be: a text, for all
// of it, or what it must hold.
type expectHeaders struct {
	whole []payload.Field
	parts []expect.HeaderPart
}

// headerPartFile is what a header must hold; if both are given, both.
type headerPartFile struct {
	Contains string `json:"contains" doc:"text that the header must hold"`
	Matches  string `json:"matches" doc:"regular expression that the header must match"`
}

func (headerPartFile) Noun() string { return "what a header must hold" }

func (x *expectHeaders) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	if n.Kind != strictyaml.Map {
		d.Failf(n.Span,
			"write name: value pairs, or name: { contains: text } for a part of the value",
			"headers: expected a mapping, found %s", n.Describe())
		return false
	}
	ok = true
	x.whole = make([]payload.Field, 0, len(n.Entries))
	x.parts = make([]expect.HeaderPart, 0, len(n.Entries))
	for _, entry := range n.Entries {
		f := f
		f.Key, f.Doc, f.Loose = entry.Key.Text, "", true
		if entry.Value.Kind != strictyaml.Map {
			x.whole = append(x.whole, payload.Field{Name: entry.Key.Text})
			f.Value = reflect.ValueOf(&x.whole[len(x.whole)-1].Value).Elem()
			ok = d.Field(entry.Value, f) && ok
			continue
		}
		var part headerPartFile
		f.Value = reflect.ValueOf(&part).Elem()
		if !d.Field(entry.Value, f) {
			ok = false
			continue
		}
		one := expect.HeaderPart{
			Name:     entry.Key.Text,
			Contains: part.Contains,
			Matches:  part.Matches,
		}
		if part == (headerPartFile{}) {
			d.Failf(
				entry.Value.Span,
				"write contains: TEXT or matches: REGEXP, or the name alone, "+entry.Key.Text+
					": \"\", for a header that only has to be there",
				"%s: expected what the header must hold, found nothing",
				strictyaml.Shorten(entry.Key.Text),
			)
			ok = false
			continue
		}
		if wrong := one.Validate(); wrong != nil {
			for _, e := range wrong.Below(nil, "headers") {
				d.Failf(entry.Value.Below(e.Path).Span,
					`regular expressions are those of Go (RE2): ^application/.*json`,
					"%s", e)
			}
			ok = false
			continue
		}
		x.parts = append(x.parts, one)
	}
	return ok
}

func (x *expectHeaders) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	part := g.Object(&headerPartFile{}, false)
	part["minProperties"] = 1
	return strictyaml.MapOf(
		strictyaml.Schema{"anyOf": []strictyaml.Schema{strictyaml.AnyText(), part}},
	)
}
