package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The keys that are a promise to users, in every run, whatever else is in it.
func TestSummaryShape(t *testing.T) {
	top := []string{"schema", "name", "seed", "engine", "verdict", "exit_code", "started", "duration", "totals", "latency", "service_time", "lag", "requests", "stages", "faults", "rules"}
	totals := []string{"planned", "done", "unsent", "errors", "rps", "error_rate", "availability"}
	latency := []string{"p50", "p90", "p95", "p99", "p99.9", "max", "mean"}
	fault := []string{"name", "kind", "targets", "mechanism", "planned", "effective", "reverted", "impact", "recovery", "verified"}
	rule := []string{"kpi", "severity", "outcome", "observed", "limit", "why"}

	for name, r := range runs() {
		var b bytes.Buffer
		if err := WriteSummary(&b, r); err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(b.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		has := func(where string, v any, keys []string) {
			m, ok := v.(map[string]any)
			if !ok {
				t.Errorf("%s: %s is no object: %v", name, where, v)
				return
			}
			for _, k := range keys {
				if _, ok := m[k]; !ok {
					t.Errorf("%s: %s has no key %q", name, where, k)
				}
			}
		}
		has("summary", s, top)
		has("totals", s["totals"], totals)
		for _, k := range []string{"latency", "service_time", "lag"} {
			has(k, s[k], latency)
		}
		for _, group := range []string{"requests", "stages"} {
			for k, v := range s[group].(map[string]any) {
				has(group+" "+k, v, append(slices.Clone(totals), "latency", "service_time", "lag"))
			}
		}
		for _, f := range s["faults"].([]any) {
			has("fault", f, fault)
		}
		for _, x := range s["rules"].([]any) {
			has("rule", x, rule)
		}
	}
}

// A run with nothing to remark has the promised keys and nothing else but
// interrupted, without which planned could not be accounted for.
func TestSummaryHasNothingElse(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSummary(&b, passed()); err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	keys := func(v any) []string { return slices.Sorted(maps.Keys(v.(map[string]any))) }
	want := []string{"duration", "engine", "exit_code", "faults", "generator", "lag", "latency", "name", "requests", "rules", "schema", "seed", "service_time", "stages", "started", "totals", "verdict"}
	if diff := cmp.Diff(want, keys(s)); diff != "" {
		t.Errorf("summary (-expected +found):\n%s", diff)
	}
	want = []string{"availability", "done", "error_rate", "errors", "interrupted", "planned", "rps", "unsent"}
	if diff := cmp.Diff(want, keys(s["totals"])); diff != "" {
		t.Errorf("totals (-expected +found):\n%s", diff)
	}
}
