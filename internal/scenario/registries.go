package scenario

import (
	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// keysOfRegistries are the keys that stand for entries of a registry.
func keysOfRegistries(all []attack.Protocol) map[string][]strictyaml.Key {
	return map[string][]strictyaml.Key{"protocols": protocolKeys(all), "sources": sourceKeys()}
}

func httpVersions() []string { return []string{"auto", "http1", "http2", "h2c"} }

func processes() []string { return []string{string(arrivals.Uniform), string(arrivals.Poisson)} }

func engines() []string {
	out := []string{httpx.AutoEngine}
	for _, e := range protocols.Engines() {
		out = append(out, e.Name)
	}
	return out
}

func shapeNames() []string {
	var out []string
	for _, s := range arrivals.Shapes() {
		out = append(out, s.Name)
	}
	return out
}

func kindNames() []string {
	var out []string
	for _, k := range chaos.Kinds() {
		out = append(out, k.Name)
	}
	return out
}

// holdKeys lists the keys that say how long a fault lasts, each once.
func holdKeys() []string {
	var out []string
	seen := map[string]bool{}
	for _, k := range chaos.Kinds() {
		if !seen[k.Hold] {
			seen[k.Hold] = true
			out = append(out, k.Hold)
		}
	}
	return out
}
