package scenario

import (
	"encoding/json"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
)

// The schema, from which the table of the reference is made, has the keys of the
// registry, in requests and in steps.
func TestSchemaOfANewProtocol(t *testing.T) {
	other := tcp.Protocol()
	other.Name, other.Doc = "knock", "what to knock at"
	type property struct {
		Description string
		Properties  map[string]json.RawMessage
	}
	type request struct {
		Items struct{ Properties map[string]property }
	}
	var root struct {
		Properties struct {
			Attack struct {
				Properties struct {
					Requests request
					Flows    struct {
						Items struct{ Properties struct{ Steps request } }
					}
				}
			}
		}
	}
	g := grammarOf(append([]attack.Protocol{other}, protocols.All()...))
	if err := json.Unmarshal(g.Schema("x", &scenarioFile{}), &root); err != nil {
		t.Fatal(err)
	}
	in := root.Properties.Attack.Properties
	for name, r := range map[string]request{
		"requests": in.Requests, "steps": in.Flows.Items.Properties.Steps,
	} {
		for _, key := range []string{"get", "tcp", "knock"} {
			if _, ok := r.Items.Properties[key]; !ok {
				t.Errorf("%s have no %s", name, key)
			}
		}
		p := r.Items.Properties["knock"]
		if p.Description != "in place of HTTP: what to knock at" || p.Properties["send"] == nil {
			t.Errorf("%s: found knock as %+v", name, p)
		}
	}
}
