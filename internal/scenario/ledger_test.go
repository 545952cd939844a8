package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
)

// What reads back goes where the load goes, by an engine of its own if the load has none; and only
// what a key needs of answers is looked at.
func TestResolveLedgers(t *testing.T) {
	addr := func(string) (string, bool) { return "127.0.0.1:4711", true }
	for _, tt := range []struct{ name, requests, read, engine, endpoint string }{
		{"by HTTP", `[{ name: w, post: /w }]`, `get: "/w/{{ .key }}"`, "fast", "127.0.0.1:4711"},
		{"a load without HTTP", `[{ name: w, tcp: { address: "${api.addr}", send: "x{{ seq }}" } }]`,
			`get: "http://127.0.0.1:81/{{ .key }}"`, "fast", "127.0.0.1:81"},
		{"by TLS, of which nobody asked", `[{ name: w, tcp: { address: "${api.addr}", send: "x{{ seq }}" } }]`,
			`get: "https://127.0.0.1:444/{{ .key }}"`, "http", "127.0.0.1:444"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse("s.yaml", []byte(`
name: n
services: { api: { builtin: api } }
target: http://${api.addr}
attack:
  requests: `+tt.requests+`
  stages: [{ name: s, rate: 1/s, for: 9s }]
ledger:
  - { name: l, write: w, key: { matches: "x" }, read: { `+tt.read+` } }
`), testEnv, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(attack.Parts{Body: true}, p.Attack.Requests[0].Watched); d != "" {
				t.Errorf("of the write is watched:\n%s", d)
			}
			reads, err := p.ResolveLedgers(addr)
			if err != nil {
				t.Fatal(err)
			}
			if got := reads.Requests[0].Spec.Endpoint(); reads.Engine != tt.engine || got != tt.endpoint {
				t.Errorf("read by %s from %s, want %s from %s", reads.Engine, got, tt.engine, tt.endpoint)
			}
			if err := reads.Validate().Err(); err != nil {
				t.Errorf("the plan of the reads: %v", err)
			}
		})
	}
	p, err := Parse("s.yaml", []byte(`
name: n
target: http://127.0.0.1:80
attack: { requests: [{ name: w, post: /w }], stages: [{ name: s, rate: 1/s, for: 9s }] }
ledger: [{ name: l, write: w, key: { json: $.id }, read: { get: "http://shop.example/{{ .key }}" } }]
`), testEnv, Options{})
	if err == nil {
		t.Errorf("a public host is read from: %+v", p.Ledger)
	}
}
