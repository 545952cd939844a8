package strictyaml_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// The grammar of these tests: a shop that sells things.
type shop struct {
	Name   string            `json:"name" required:"true" doc:"what the shop is called"`
	Open   time.Duration     `json:"open" default:"8h" positive:"true" doc:"how long it is open"`
	Floors int               `json:"floors" doc:"how many floors it has"`
	Tax    float64           `json:"tax" unit:"%" doc:"share of each price"`
	Paint  string            `json:"paint" enum:"@paints" doc:"its colour"`
	Labels map[string]string `json:"labels" doc:"texts by name"`
	Things []thing           `json:"things" doc:"what it sells"`
	Signs  []sign            `json:"signs" vars:"late" doc:"texts whose order counts"`
}

type thing struct {
	Name  string `json:"name" required:"true" doc:"what it is called"`
	Price price  `json:"price" doc:"a number, or a mapping with one"`
}

func (thing) Noun() string { return "a thing" }

type sign struct{ Name, Value string }

// price has two forms.
type price struct {
	Sum int `json:"sum" required:"true" doc:"how much"`
}

func (p *price) DecodeNode(d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field) (ok bool) {
	if n.Kind == strictyaml.Map {
		type plain price
		return d.Decode(n, (*plain)(p), "a price")
	}
	for _, sum := range shopGrammar.Fields(p) {
		f.Value = sum.Value
	}
	return d.Scalar(n, f)
}

func (p *price) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{"anyOf": []strictyaml.Schema{strictyaml.Ref("count"), g.Object(p, false)}}
}

var shopGrammar = &strictyaml.Grammar{
	Lists: map[string]func() []string{"paints": func() []string { return []string{"red", "green"} }},
	Foreign: func(what, key string) (hint, meant string, ok bool) {
		return "write floors: 3", "floors", what == "a shop" && key == "storeys"
	},
	Hints: strictyaml.Hints{
		Empty: "write name: corner", TooLarge: "make it smaller", TooDeep: "use fewer levels", Unfolds: "use fewer aliases",
		Setting: "write name=corner", KeyPath: "write things.0.name",
	},
}

func readShop(text string, set ...string) (s shop, ok bool, err error) {
	src := shopGrammar.Source("shop.yaml", text)
	root := src.Parse()
	if root == nil {
		return s, false, src.Err(nil)
	}
	var overrides []strictyaml.Override
	for _, o := range set {
		overrides = append(overrides, strictyaml.Override{Flag: "--set", Text: o})
	}
	d := src.Decoder(func(v strictyaml.Variable) (value string, keep, ok bool) {
		value, ok = map[string]string{"WHO": "ann", "HOURS": "3h"}[v.Inside]
		keep = !ok && v.Vars == "late"
		if !ok && !keep {
			src.Failf(v.At, "set it", "the variable %s of %s is not set", v.Inside, strings.Join(v.Path, "."))
		}
		return value, keep, ok || keep
	})
	ok = d.Decode(src.Override(root, overrides), &s, "a shop")
	return s, ok, src.Err(nil)
}

func TestDecode(t *testing.T) {
	got, ok, err := readShop(`
name: ${WHO}'s
open: ${HOURS}
tax: 7%
paint: red
labels: { a: 1, b: "true" }
things: [&x { name: ball, price: 3 }, { <<: *x, name: kite }, { name: rope, price: { sum: 2k } }]
signs: { z: "${later} $$5", a: "${WHO}" }
`, "floors=2", "things.kite.price=4")
	if err != nil || !ok {
		t.Fatalf("%v, ok %v", err, ok)
	}
	want := shop{
		Name: "ann's", Open: 3 * time.Hour, Floors: 2, Tax: 0.07, Paint: "red", Labels: map[string]string{"a": "1", "b": "true"},
		Things: []thing{{"ball", price{3}}, {"kite", price{4}}, {"rope", price{2000}}},
		Signs:  []sign{{"z", "${later} $5"}, {"a", "ann"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, _, err = readShop("name: x"); err != nil || got.Open != 8*time.Hour {
		t.Errorf("by default it is open for %s, %v", got.Open, err)
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		set        []string
		want       []string // the beginnings of the mistakes, and of their hints
	}{
		{"an unknown key", "name: x\nflors: 2", nil, []string{`shop.yaml:2:1: a shop has no key "flors"`, `did you mean "floors"?`}},
		{"a key of another tool", "name: x\nStoreys: 2", nil, []string{`shop.yaml:2:1: a shop has no key "Storeys"`, "write floors: 3"}},
		{"a slip of a required key is one mistake", "nmae: x", nil, []string{`shop.yaml:1:1: a shop has no key "nmae"`, `did you mean "name"?`}},
		{"a key that stands twice", "name: x\nname: y", nil, []string{`shop.yaml:2:1: the key "name" is already set on line 1`, "remove one of the two"}},
		{"a key is missing", "floors: 2", nil, []string{`shop.yaml:1:1: a shop needs the key "name"`, "name: what the shop is called"}},
		{"nothing", "name:", nil, []string{"shop.yaml:1:1: name is empty", "name: what the shop is called"}},
		{"another kind of value", "name: [x]", nil, []string{"shop.yaml:1:7: name: expected text, found a list", "name: what"}},
		{"a number in place of a text", "name: 5", nil, []string{"shop.yaml:1:7: name: expected text, found the number 5", `put it in quotes`}},
		{"a mapping in place of a list", "name: x\nthings: {}", nil, []string{"shop.yaml:2:9: things: expected a list, found a mapping", "write a list"}},
		{"a text in place of a mapping", "name: x\nthings: [ball]", nil, []string{`shop.yaml:2:10: expected a thing as a mapping, found "ball"`, "write its settings"}},
		{"no unit", "name: x\nopen: 5", nil, []string{"shop.yaml:2:7: open: expected a duration", "write 5s for seconds"}},
		{"a unit in words", "name: x\nopen: 5 hours", nil, []string{"shop.yaml:2:7: open: expected", "write 5h"}},
		{"zero", "name: x\nopen: 0", nil, []string{"shop.yaml:2:7: open: expected a value above zero", "open: how long"}},
		{"half a floor", "name: x\nfloors: 1.5", nil, []string{"shop.yaml:2:9: floors: expected a whole number", "floors: how many"}},
		{"a word that is none of them", "name: x\npaint: gren", nil, []string{`shop.yaml:2:8: paint: expected red or green, found "gren"`, `did you mean "green"?`}},
		{"a variable within a text", "name: 'it''s ${HIM}'", nil, []string{"shop.yaml:1:14: the variable HIM of name is not set", "set it"}},
		{"a variable in a list", "name: x\nthings: [{ name: '${HIM}' }]", nil, []string{"shop.yaml:2:19: the variable HIM of things.0.name is not set", "set it"}},
		{"behind an alias, told once", "name: x\nthings: [{ name: a, price: &p no }, { name: b, price: *p }]", nil, []string{"shop.yaml:2:31: price: expected a number", "price: a number"}},
		{"a flag", "name: x", []string{"things.0.nam=x"}, []string{`--set:1:1: a thing has no key "nam"`, `did you mean "name"?`}},
		{"a flag that is none", "name: x", []string{"name"}, []string{`--set:1:1: expected key=value, found "name"`, "write name=corner"}},
		{"all at once, in order", "nam: x\nopen: 0\nfloors: -1", nil, []string{
			`shop.yaml:1:1: a shop has no key "nam"`, "did you mean", "shop.yaml:2:7: open: expected a value above zero", "open:", "shop.yaml:3:9: floors:", "remove the minus sign"}},
		{"no YAML", "name: [x", nil, []string{"shop.yaml:1:7: ", ""}},
		{"empty", "# nothing", nil, []string{"shop.yaml: the file is empty", "write name: corner"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, ok, err := readShop(tt.text, tt.set...)
			m, is := errors.AsType[*strictyaml.Mistakes](err)
			if !is || ok && tt.set == nil && !strings.Contains(tt.name, "twice") {
				t.Fatalf("read, ok %v: %v", ok, err)
			}
			var got []string
			for _, k := range m.List {
				place := k.File
				if k.Line > 0 {
					place += fmt.Sprintf(":%d:%d", k.Line, k.Col)
				}
				got = append(got, place+": "+k.Msg, k.Hint)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("expected %q, found %q", tt.want, got)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("expected %q, found %q", want, got[i])
				}
			}
		})
	}
}

// stars hides a word.
type stars struct{}

func (stars) Text(s string) string      { return strings.ReplaceAll(s, "hunter2", "***") }
func (stars) SameWidth(s string) string { return strings.ReplaceAll(s, "hunter2", "*******") }

func TestMistakesHideSecrets(t *testing.T) {
	src := shopGrammar.Source("shop.yaml", "name: x\npaint: hunter2 # here\n")
	var s shop
	if src.Decoder(nil).Decode(src.Parse(), &s, "a shop") {
		t.Error("read whole")
	}
	const want = `shop.yaml:2:8: paint: expected red or green, found "***"
    paint: ******* # here
           ^~~~~~~
    hint: known values: red, green`
	if got := src.Err(stars{}).Error(); got != want {
		t.Errorf("expected\n%s\nfound\n%s", want, got)
	}
}

// FuzzDecode looks for panics, for mistakes outside of the file, and for files that
// are read whole with mistakes, or not whole without.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"name: x\nopen: 5s\n", "a: &a [*a]\n", "? [a]\n: !!binary x\n", "name: |\n  a ${WHO}\n", "name: \"a\\\n  b ${NO}\"", "things: [&x {name: a}, {<<: *x}]",
		"\ufeffname: x\r\n", "signs: { a: ${x}, b: $$ }", "labels: { a: {{ b }} }", "- - - a", "name: x\n---\nname: y\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 16<<10 {
			t.Skip("the YAML library takes time by the square of the size")
		}
		_, ok, err := readShop(text)
		if err == nil {
			if !ok {
				t.Error("not read whole, and no mistake is told")
			}
			return
		}
		m, is := errors.AsType[*strictyaml.Mistakes](err)
		if !is || len(m.List) == 0 {
			t.Fatalf("expected *Mistakes, found %T: %v", err, err)
		}
		lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n") + 1
		for _, k := range m.List {
			if k.Line < 0 || k.Line > lines {
				t.Errorf("line %d of %d: %+v", k.Line, lines, k)
			}
			if k.Line > 0 && (k.Col < 1 || k.Len < 1) {
				t.Errorf("column %d, %d characters: a mistake with a line has both: %+v", k.Col, k.Len, k)
			}
			if k.Msg == "" || k.Hint == "" {
				t.Errorf("no text, or no hint: %+v", k)
			}
		}
		m.Render(io.Discard, true)
	})
}

// Keys of a registry stand among those of the struct, each with a value of its own.
func TestKeysOfARegistry(t *testing.T) {
	type stall struct {
		Name string           `json:"name" doc:"what it is called"`
		Open time.Duration    `json:"open" default:"8h" doc:"how long it is open"`
		Sold strictyaml.Keyed `keys:"wares"`
	}
	g := &strictyaml.Grammar{Keys: map[string][]strictyaml.Key{"wares": {
		{Name: "sign", Doc: "a text", New: func() any { return new(price) }},
		{Name: "ware", Doc: "a price", New: func() any { return new(price) }},
	}}}
	for _, tt := range []struct{ name, text, want string }{
		{"both", "name: a\nware: { sum: 3 }\nsign: 4\n", "sign 4, ware 3"},
		{"none", "name: a\n", "sign unset, ware unset"},
		{"a slip", "wrae: 3\n", `hint: did you mean "ware"?`},
		{"a key below that is not there", "ware: { smu: 3 }\n", `hint: did you mean "sum"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := g.Source("stall.yaml", tt.text)
			d := src.Decoder(nil)
			var one, other stall
			d.Decode(src.Parse(), &one, "a stall")
			g.SetDefaults(&other)
			var found []string
			for i, v := range one.Sold.Values() {
				says := "unset"
				if d.Set(v.Ptr) {
					says = fmt.Sprint(v.Ptr.(*price).Sum)
				}
				found = append(found, v.Name+" "+says)
				if other.Sold.Values()[i].Ptr == v.Ptr {
					t.Errorf("two stalls share their %s", v.Name)
				}
			}
			got := strings.Join(found, ", ")
			if err := src.Err(nil); err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}
