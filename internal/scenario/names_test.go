package scenario_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

func TestPlanNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "list.txt"), []byte("GET http://172.17.0.7/a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := `name: x
services:
  hop: { link: { upstream: "172.17.0.3:80" } }
  job: { process: { command: [job, --at=172.17.0.4] } }
target: http://172.17.0.21:8080/1.172.17.0.5
attack:
  connections: { connect_to: { "shop.test:80": "[fd00::2]:80" } }
  requests: [ { name: r, targets: { file: list.txt } } ]
  stages: [ { name: s, rate: 1/s, for: 1s } ]
`
	p, err := scenario.Parse(filepath.Join(dir, "x.yaml"), []byte(src), os.LookupEnv, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"172.17.0.3": true, "172.17.0.4": true, "172.17.0.21": true, "172.17.0.7": true, "fd00::2": true,
		"172.17.0.2": false, "172.17.0.5": false, "72.17.0.3": false, "fd00::": false, "172.17.0.8": false,
	} {
		if got := p.Names(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}
