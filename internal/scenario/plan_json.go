package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// JSON prints the plan, indented, the same bytes for the same plan. Secrets
// are ***.
func (p *Plan) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		return nil, fmt.Errorf("printing the plan: %w", err)
	}
	// What is known to be secret goes first: a value under a secret name that has a blank
	// or & in it would be taken to end there.
	return redactJSON(b.Bytes(), p.Masked), nil
}

// Recorded is what a printed plan says of a run that is to be judged again.
type Recorded struct {
	Name     string
	Seed     uint64
	Rules    []PlannedRule // not compiled
	Stages   []string
	Requests []string
	Flows    []string
	Faults   []string
}

// ReadPlan reads a plan that JSON printed.
func ReadPlan(text []byte) (*Recorded, error) {
	type named []struct{ Name string }
	var p struct {
		Schema  int
		Name    string
		Seed    uint64
		Attack  struct{ Stages, Requests, Flows named }
		Chaos   named
		Verdict []PlannedRule
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("expected the plan of a run: %w", err)
	}
	if p.Schema != planSchema {
		return nil, fmt.Errorf("expected a plan of schema %d, found %d: "+
			"use the version of ordeal that wrote it", planSchema, p.Schema)
	}
	names := func(all named) (out []string) {
		for _, x := range all {
			out = append(out, x.Name)
		}
		return out
	}
	return &Recorded{
		Name: p.Name, Seed: p.Seed, Rules: p.Verdict,
		Stages: names(p.Attack.Stages), Requests: names(p.Attack.Requests),
		Flows: names(p.Attack.Flows), Faults: names(p.Chaos),
	}, nil
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
