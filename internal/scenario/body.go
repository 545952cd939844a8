package scenario

import "github.com/seed-1574e9de/ordeal/internal/strictyaml"

// jsonBody is any YAML value, as JSON text.
type jsonBody struct {
	text string
}

func (j *jsonBody) DecodeNode(d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field) (ok bool) {
	j.text, ok = d.JSON(n, f.Vars)
	return ok
}

func (j *jsonBody) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{}
}
