package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// JSON prints the plan, indented, the same bytes for the same plan. Secrets
// are ***.
func (p *Plan) JSON() ([]byte, error) {
	q := *p
	q.Attack = masked(p.Attack)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(&q); err != nil {
		return nil, fmt.Errorf("printing the plan: %w", err)
	}
	// What is known to be secret goes first: a value under a secret name that has a blank
	// or & in it would be taken to end there.
	return redactJSON(
		b.Bytes(),
		func(s string) string { return secret.MaskLiteral(p.Redact(s)) },
	), nil
}

// redactJSON puts every text in a JSON document through redact, but for keys.
func redactJSON(in []byte, redact func(string) string) []byte {
	var out bytes.Buffer
	for i := 0; i < len(in); i++ {
		if in[i] != '"' {
			out.WriteByte(in[i])
			continue
		}
		end := i + 1
		for in[end] != '"' {
			if in[end] == '\\' {
				end++
			}
			end++
		}
		quoted := in[i : end+1]
		i = end
		var s string
		isKey := end+1 < len(in) && in[end+1] == ':'
		if !isKey && json.Unmarshal(quoted, &s) == nil {
			if r := redact(s); r != s {
				strictyaml.WriteJSONText(&out, r)
				continue
			}
		}
		out.Write(quoted)
	}
	return out.Bytes()
}
