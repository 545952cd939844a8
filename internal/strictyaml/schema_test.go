package strictyaml_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// The schema and the decoder agree.
func TestSchema(t *testing.T) {
	text := shopGrammar.Schema("a shop", &shop{})
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("shop.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("shop.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		good       bool
	}{
		{"only what must be there", `{"name": "x"}`, true},
		{"everything", `{"name": "x", "open": "3h", "floors": 2, "tax": "7%", "paint": "red", "labels": {"a": 1},
			"things": [{"name": "ball", "price": 3}], "signs": {"z": "a"}}`, true},
		{"variables", `{"name": "x", "open": "${HOURS}", "paint": "${WHO}", "floors": "${WHO:-3}"}`, true},
		{"nothing", `{}`, false},
		{"an unknown key", `{"name": "x", "flors": 2}`, false},
		{"no unit", `{"name": "x", "open": 5}`, false},
		{"another colour", `{"name": "x", "paint": "blue"}`, false},
		{"a thing without a name", `{"name": "x", "things": [{"price": 3}]}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); (err == nil) != tt.good {
				t.Errorf("the schema says %v", err)
			}
			if _, ok, err := readShop(tt.text); tt.good && !strings.Contains(tt.text, "${") && !ok {
				t.Errorf("the decoder says %v", err)
			} else if !tt.good && ok {
				t.Error("the decoder reads it")
			}
		})
	}
}

func TestJSON(t *testing.T) {
	g := &strictyaml.Grammar{TemplateEnd: func(s string, at int) int {
		if end := strings.Index(s[at:], "}}"); end > 0 {
			return at + end + 2
		}
		return 0
	}}
	for _, tt := range []struct{ yaml, want string }{
		{"b: 1\na: [x, null, true, ~]", `{"b":1,"a":["x",null,true,null]}`},
		{"[1e3, .5, +1, 0x1F, '1e3']", `[1e3,0.5,1,31,"1e3"]`},
		{"{ text: \"<&>\", empty: [], none: {} }", `{"text":"<&>","empty":[],"none":{}}`},
		{"- ${N}\n- \"${N}\"\n- a${N}", `[7,"7","a7"]`},
		{"[{{ .n }}, \"{{ .n }}\", a {{ .n }}]", `[{{ .n }},"{{ .n }}","a {{ .n }}"]`},
	} {
		src := g.Source("x.yaml", tt.yaml)
		root := src.Parse()
		if root == nil {
			t.Fatal(src.Err(nil))
		}
		d := src.Decoder(func(strictyaml.Variable) (value string, keep, ok bool) { return "7", false, true })
		got, ok := d.JSON(root, "late")
		if !ok || got != tt.want {
			t.Errorf("%s: expected %s, found %s (%v)", tt.yaml, tt.want, got, src.Err(nil))
		}
	}
}
