package scenario

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/chaos"
)

// Schema returns the JSON Schema of the scenario file, for editors. It is made
// from the structs and registries that the decoder reads by.
func Schema() []byte {
	root := objectSchema(reflect.New(reflect.TypeFor[scenarioFile]()).Elem(), false)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "ordeal scenario"
	root["$defs"] = schema{
		"variable": schema{"type": "string", "pattern": `\$\{`, "description": "a value from the environment: ${VAR} or ${VAR:-default}"},
		"duration": either(schema{"type": "string", "pattern": `^([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h|d))+$`}, schema{"const": 0}),
		"rate":     either(schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+[kKMG]?/(s|m|min|h)$`}),
		"fraction": either(schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+ *%$`}),
		"bytes":    either(schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+([KMGT]iB|[kKMGT]?B)$`}),
		"count":    either(schema{"type": "integer", "minimum": 0}, schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+[kKMG]$`}),
		"number":   either(schema{"type": "number", "minimum": 0}, schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+[kKMG]$`}),
		"truth":    either(schema{"type": "boolean"}),
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic("scenario: the schema could not be written: " + err.Error())
	}
	return b.Bytes()
}

type schema map[string]any

// schemaNode is a type of the file that describes its forms itself.
type schemaNode interface {
	schema(f field) schema
}

func ref(name string) schema { return schema{"$ref": "#/$defs/" + name} }

// either allows any of the forms, and a variable in place of each.
func either(forms ...schema) schema {
	return schema{"anyOf": append(forms, ref("variable"))}
}

func listOf(s schema) schema { return schema{"type": "array", "items": s} }

func mapOf(s schema) schema { return schema{"type": "object", "additionalProperties": s} }

var scalarText = schema{"type": []string{"string", "number", "boolean"}}

// closed is a mapping of which every key is known.
func closed(properties schema, required ...string) schema {
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// objectSchema describes a struct of the file.
func objectSchema(v reflect.Value, allRequired bool) schema {
	properties, required := propertiesOf(v, allRequired)
	return closed(properties, required...)
}

func propertiesOf(v reflect.Value, allRequired bool) (schema, []string) {
	properties, required := schema{}, []string(nil)
	for _, f := range fieldsOf(v) {
		s := fieldSchema(f)
		if f.doc != "" {
			s["description"] = f.doc
		}
		if f.fallback != "" {
			s["default"] = defaultOf(f)
		}
		properties[f.key] = s
		if f.required || allRequired && !f.optional {
			required = append(required, f.key)
		}
	}
	return properties, required
}

// defaultOf returns a default as it would stand in JSON.
func defaultOf(f field) any {
	if json.Valid([]byte(f.fallback)) {
		return json.RawMessage(f.fallback)
	}
	return f.fallback
}

func fieldSchema(f field) schema {
	if s, ok := f.value.Addr().Interface().(schemaNode); ok {
		return s.schema(f)
	}
	if len(f.enum) > 0 {
		return either(schema{"enum": f.enum})
	}
	switch t := f.value.Type(); {
	case t == fieldsType:
		return mapOf(scalarText)
	case t == durationType:
		return ref("duration")
	case t == rateType:
		return ref("rate")
	case t.Kind() == reflect.Struct:
		return objectSchema(f.value, false)
	case t.Kind() == reflect.Map:
		return mapOf(scalarText)
	case t.Kind() == reflect.Slice:
		return listSchema(t.Elem(), f)
	case t.Kind() == reflect.String:
		s := schema{"type": "string"}
		if f.required {
			s["minLength"] = 1
		}
		return s
	case t.Kind() == reflect.Bool:
		return ref("truth")
	case f.unit == "%":
		return ref("fraction")
	case f.unit == "bytes":
		return ref("bytes")
	case t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32:
		return ref("number")
	}
	return ref("count")
}

func listSchema(elem reflect.Type, f field) schema {
	e := field{key: f.key, value: reflect.New(elem).Elem()}
	s := listOf(fieldSchema(e))
	if elem.Kind() == reflect.String {
		s = listOf(scalarText)
	}
	if f.required {
		s["minItems"] = 1
	}
	return s
}

func (s *servicesFile) schema(field) schema {
	one := objectSchema(reflect.New(reflect.TypeFor[serviceFile]()).Elem(), false)
	one["oneOf"] = []schema{
		{"required": []string{"builtin"}}, {"required": []string{"process"}}, {"required": []string{"container"}}, {"required": []string{"link"}},
	}
	out := mapOf(one)
	out["propertyNames"] = schema{"pattern": serviceName.String()}
	return out
}

func (s *stageFile) schema(field) schema {
	var forms []schema
	for _, k := range arrivals.Shapes() {
		properties, required := propertiesOf(reflect.ValueOf(&stageHead{}).Elem(), false)
		one := stageFile{kind: k}
		settings, flat, allRequired := one.settings()
		shape := reflect.ValueOf(settings).Elem()
		if flat {
			own, ownRequired := propertiesOf(shape, allRequired)
			for key, p := range own {
				properties[key] = p
			}
			required = append(required, ownRequired...)
		} else {
			own := objectSchema(shape, allRequired)
			own["description"] = k.Doc
			properties[k.Name] = own
			required = append(required, k.Name)
		}
		if one.lastsByItself() {
			required = slices.DeleteFunc(required, func(key string) bool { return key == "for" })
		}
		form := closed(properties, required...)
		form["description"] = k.Doc
		forms = append(forms, form)
	}
	return schema{"anyOf": forms}
}

func (s *faultFile) schema(field) schema {
	var forms []schema
	for _, k := range chaos.Kinds() {
		properties, required := propertiesOf(reflect.ValueOf(&faultHead{}).Elem(), false)
		own, ownRequired := propertiesOf(reflect.ValueOf(&faultTarget{}).Elem(), false)
		settings, settingsRequired := propertiesOf(reflect.ValueOf(k.New()).Elem(), false)
		for key, p := range settings {
			own[key] = p
		}
		kind := closed(own, append(ownRequired, settingsRequired...)...)
		kind["description"] = k.Doc
		properties[k.Name] = kind
		hold := ref("duration")
		hold["description"] = "how long the fault lasts; left out: until the end"
		properties[k.Hold] = hold
		form := closed(properties, append(required, k.Name)...)
		form["description"] = k.Doc
		forms = append(forms, form)
	}
	return schema{"anyOf": forms}
}

func (s *serviceNames) schema(field) schema {
	return schema{"anyOf": []schema{{"type": "string", "minLength": 1}, {"type": "array", "items": schema{"type": "string"}, "minItems": 1}}}
}

func (p *pickFile) schema(field) schema {
	return either(schema{"type": "integer", "minimum": 1}, schema{"const": "all"}, schema{"type": "string", "pattern": `^[0-9]*\.?[0-9]+ *%$`})
}

func (s *statuses) schema(field) schema {
	one := either(schema{"type": "integer", "minimum": 100, "maximum": 599}, schema{"enum": statusClasses})
	return schema{"anyOf": []schema{one, listOf(one)}}
}

func (j *jsonBody) schema(field) schema { return schema{} }

func (x *expectJSON) schema(field) schema {
	path := schema{"type": "string", "pattern": `^\$`}
	values := schema{"type": "object", "propertyNames": path, "minProperties": 1}
	paths := listOf(path)
	paths["minItems"] = 1
	return schema{"anyOf": []schema{values, paths, path}}
}

func (r *rulesFile) schema(field) schema {
	rule := objectSchema(reflect.New(reflect.TypeFor[ruleFile]()).Elem(), false)
	return schema{"anyOf": []schema{{"const": defaultScorecard}, listOf(schema{"anyOf": []schema{{"type": "string", "minLength": 1}, rule}})}}
}
