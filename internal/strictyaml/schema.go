package strictyaml

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Schema is a JSON Schema or a part of one.
type Schema map[string]any

// NodeSchema is a type of the file that describes its forms itself.
type NodeSchema interface {
	NodeSchema(g *Grammar, f Field) Schema
}

// Schema returns the JSON Schema of files that are read into what ptr points to, for
// editors.
func (g *Grammar) Schema(title string, ptr any) []byte {
	root := g.Object(ptr, false)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = title
	root["$defs"] = Schema{
		"variable": Schema{
			"type":        "string",
			"pattern":     `\$\{`,
			"description": "a value from the environment: ${VAR} or ${VAR:-default}",
		},
		"duration": Either(
			Schema{"type": "string", "pattern": `^([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h|d))+$`},
			Schema{"const": 0},
		),
		"rate": Either(
			Schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+[kKMG]?/(s|m|min|h)$`},
		),
		"fraction": Either(Schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+ *%$`}),
		"bytes": Either(
			Schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+([KMGT]iB|[kKMGT]?B)$`},
		),
		"count": Either(
			Schema{"type": "integer", "minimum": 0},
			Schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+[kKMG]$`},
		),
		"number": Either(
			Schema{"type": "number", "minimum": 0},
			Schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+[kKMG]$`},
		),
		"truth": Either(Schema{"type": "boolean"}),
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic("strictyaml: the schema could not be written: " + err.Error())
	}
	return b.Bytes()
}

// Ref is a definition of the schema: duration, rate, fraction, bytes, count, number
// or truth.
func Ref(name string) Schema { return Schema{"$ref": "#/$defs/" + name} }

// Either allows any of the forms, and a variable in place of each.
func Either(forms ...Schema) Schema {
	return Schema{"anyOf": append(forms, Ref("variable"))}
}

// ListOf is a list of values.
func ListOf(s Schema) Schema { return Schema{"type": "array", "items": s} }

// MapOf is a mapping of any keys to values.
func MapOf(s Schema) Schema { return Schema{"type": "object", "additionalProperties": s} }

// AnyText is a text, and what is read as the text it is written with.
func AnyText() Schema { return Schema{"type": []string{"string", "number", "boolean"}} }

// Closed is a mapping of which every key is known.
func Closed(properties Schema, required ...string) Schema {
	s := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// Object describes the struct that ptr points to. With all, each key that is not
// omitempty is required.
func (g *Grammar) Object(ptr any, all bool) Schema {
	properties, required := g.Properties(ptr, all)
	return Closed(properties, required...)
}

// Properties describes the keys of the struct that ptr points to, and lists those
// that must be there.
func (g *Grammar) Properties(ptr any, all bool) (properties Schema, required []string) {
	properties = Schema{}
	for _, f := range g.Fields(ptr) {
		s := g.fieldSchema(f)
		if f.Doc != "" {
			s["description"] = f.Doc
		}
		if f.Default != "" {
			s["default"] = defaultOf(f)
		}
		properties[f.Key] = s
		if f.Required || all && !f.Optional {
			required = append(required, f.Key)
		}
	}
	return properties, required
}

// defaultOf returns a default as it would stand in JSON.
func defaultOf(f Field) any {
	if json.Valid([]byte(f.Default)) {
		return json.RawMessage(f.Default)
	}
	return f.Default
}

func (g *Grammar) fieldSchema(f Field) Schema {
	if s, ok := f.Value.Addr().Interface().(NodeSchema); ok {
		return s.NodeSchema(g, f)
	}
	if len(f.Enum) > 0 {
		return Either(Schema{"enum": f.Enum})
	}
	t := f.Value.Type()
	switch t.Kind() {
	case reflect.Struct:
		return g.Object(f.Value.Addr().Interface(), false)
	case reflect.Map:
		return MapOf(AnyText())
	case reflect.Slice:
		if isPairs(t) {
			return MapOf(AnyText())
		}
		return g.listSchema(t.Elem(), f)
	case reflect.String:
		s := Schema{"type": "string"}
		if f.Required {
			s["minLength"] = 1
		}
		return s
	case reflect.Bool:
		return Ref("truth")
	}
	switch unitOf(f) {
	case unitDuration:
		return Ref("duration")
	case UnitRate:
		return Ref("rate")
	case UnitFraction:
		return Ref("fraction")
	case UnitBytes:
		return Ref("bytes")
	}
	if t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32 {
		return Ref("number")
	}
	return Ref("count")
}

func (g *Grammar) listSchema(elem reflect.Type, f Field) Schema {
	e := Field{Key: f.Key, Value: reflect.New(elem).Elem()}
	s := ListOf(g.fieldSchema(e))
	if elem.Kind() == reflect.String {
		s = ListOf(AnyText())
	}
	if f.Required {
		s["minItems"] = 1
	}
	return s
}
