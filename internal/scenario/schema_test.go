package scenario

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

const schemaFile = "../../schema/scenario.schema.json"

func TestSchemaIsUpToDate(t *testing.T) { golden(t, schemaFile, Schema()) }

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value is what an editor makes of a file.
func value(n *strictyaml.Node) any {
	switch n.Kind {
	case strictyaml.Text:
		return n.Text
	case strictyaml.Number:
		if _, err := strconv.ParseFloat(n.Text, 64); err == nil {
			return json.Number(n.Text)
		}
		return n.Text
	case strictyaml.Bool:
		return n.Text == "true"
	case strictyaml.List:
		out := []any{}
		for _, i := range n.Items {
			out = append(out, value(i))
		}
		return out
	case strictyaml.Map:
		out := map[string]any{}
		for _, e := range n.Entries {
			out[e.Key.Text] = value(e.Value)
		}
		return out
	}
	return nil
}

func parsed(t *testing.T, src []byte) any {
	t.Helper()
	c := grammar.Source("x.yaml", string(src))
	root := c.Parse()
	if root == nil {
		t.Fatal(c.Err(nil))
	}
	return value(root)
}

func TestSchemaAcceptsWhatTheDecoderAccepts(t *testing.T) {
	s := compiled(t)
	check := func(name string, src []byte) {
		t.Run(name, func(t *testing.T) {
			if err := s.Validate(parsed(t, src)); err != nil {
				t.Error(err)
			}
		})
	}
	for _, file := range filesIn(t, "good") {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check(filepath.Base(file), src)
	}
	check("starter", []byte(Template()))
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, name := range []string{"unknown-key", "wrong-unit", "wrong-type", "negative", "values-missing", "stages", "faults", "services", "nothing-there", "many", "flows", "users", "trace", "nothing-to-send", "nothing-in-lists"} {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join(testdata, "bad", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if s.Validate(parsed(t, src)) == nil {
				t.Error("expected the schema to refuse it")
			}
		})
	}
}

// Editors show descriptions: every key has one.
func TestSchemaDescribesEveryKey(t *testing.T) {
	var root any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok {
				for key, p := range properties {
					if p, ok := p.(map[string]any); ok && p["description"] == nil {
						t.Errorf("%s.%s has no description", path, key)
					}
				}
			}
			for key, x := range v {
				walk(path+"."+key, x)
			}
		case []any:
			for i, x := range v {
				walk(path+"."+strconv.Itoa(i), x)
			}
		}
	}
	walk("", root)
}
