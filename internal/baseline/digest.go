package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// localPort is that of an address of this machine, which may be free by chance.
var localPort = regexp.MustCompile(`(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+`)

// Digests are what a plan.json sends and what it breaks: names, rules, the names of files and the
// ports of this machine left out.
func Digests(plan []byte) (load, faults string, err error) {
	var p struct {
		Services []struct {
			Name string `json:"name"`
		} `json:"services"`
		Setup    []map[string]any `json:"setup"`
		Attack   map[string]any   `json:"attack"`
		Arrivals any              `json:"arrivals"`
		Chaos    []map[string]any `json:"chaos"`
	}
	if err := json.Unmarshal(plan, &p); err != nil {
		return "", "", fmt.Errorf("expected the plan of a run: %w", err)
	}
	if p.Attack == nil {
		return "", "", fmt.Errorf("expected the plan of a run, found none of its load")
	}
	delete(p.Attack, "engine_why")
	for _, list := range []string{"stages", "requests", "flows"} {
		for _, x := range objects(p.Attack[list]) {
			unnamed(x)
			for _, step := range objects(x["steps"]) {
				unnamed(step)
			}
		}
	}
	of := []any{p.Attack, p.Arrivals}
	if p.Setup != nil { // the data that the load meets are made by it
		for _, step := range p.Setup {
			unnamed(step)
			if request, ok := step["request"].(map[string]any); ok {
				unnamed(request)
			}
		}
		of = append(of, p.Setup)
	}
	if load, err = digest(of...); err != nil {
		return "", "", err
	}
	var services []string
	for _, s := range p.Services {
		services = append(services, s.Name)
	}
	for _, f := range p.Chaos {
		delete(f, "name")
		names, _ := f["services"].([]any)
		for i, name := range names { // which of them it is, whatever it is called
			if text, ok := name.(string); ok {
				if k := slices.Index(services, text); k >= 0 {
					names[i] = k
				}
			}
		}
	}
	faults, err = digest(p.Chaos)
	return load, faults, err
}

func objects(list any) []map[string]any {
	all, _ := list.([]any)
	var out []map[string]any
	for _, x := range all {
		if o, ok := x.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// unnamed takes its name out of a stage, a request or a flow, and those of its files, whose content
// has a digest of its own.
func unnamed(x map[string]any) {
	delete(x, "name")
	for _, key := range []string{"data", "targets"} {
		if file, ok := x[key].(map[string]any); ok && file["sha256"] != nil {
			delete(file, "file")
		}
	}
}

// digest is the same for the same values: keys of objects are sorted.
func digest(of ...any) (string, error) {
	b, err := json.Marshal(of)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(localPort.ReplaceAll(b, []byte("$1")))
	return hex.EncodeToString(sum[:]), nil
}
