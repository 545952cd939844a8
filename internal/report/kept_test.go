package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Runs that an earlier version recorded are judged as it judged them. What is new in a
// summary is left out of the comparison.
func TestKeptRecordings(t *testing.T) {
	files, err := filepath.Glob("../../testdata/recordings/*/summary.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("expected at least 5 recordings, found %d (%v)", len(files), err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tl, err := record.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			kept := keptSummary(t, dir, tl)
			got := judgedAgain(t, tl, kept)
			if diff := cmp.Diff(kept.all, within(got, kept.all)); diff != "" {
				t.Errorf("judged otherwise (-then +now):\n%s", diff)
			}
		})
	}
}

type kept struct {
	all   any
	rules []verdict.Input
	Seed  uint64 `json:"seed"`
	Exit  int    `json:"exit_code"`
}

func keptSummary(t *testing.T, dir string, tl *timeline.Timeline) kept {
	t.Helper()
	names := verdict.Names{Requests: tl.Requests, Flows: tl.Flows, End: tl.Duration}
	for _, s := range tl.Stages {
		names.Stages = append(names.Stages, s.Name)
	}
	for _, f := range tl.Faults {
		names.Faults = append(names.Faults, f.Name)
	}
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var k kept
	var named struct {
		Rules []struct {
			KPI, Name string
			Severity  verdict.Severity
		}
	}
	for _, into := range []any{&k.all, &k, &named} {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range named.Rules {
		rule, mistake := verdict.Compile(r.KPI, names)
		if mistake != nil {
			t.Fatalf("%s: %v", r.KPI, mistake)
		}
		k.rules = append(k.rules, verdict.Input{KPI: r.KPI, Name: r.Name, Severity: r.Severity, Rule: rule})
	}
	return k
}

// judgedAgain is the summary of a recording, as it is written today.
func judgedAgain(t *testing.T, tl *timeline.Timeline, k kept) any {
	t.Helper()
	judged, err := verdict.Judge(k.rules, tl)
	if err != nil {
		t.Fatal(err)
	}
	run := &report.Run{Name: tl.Name, Seed: k.Seed, Engine: "fast", Report: judged, Timeline: tl, ExitCode: k.Exit}
	var b bytes.Buffer
	if err := report.WriteSummary(&b, run); err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// within is what of v has a place in like.
func within(v, like any) any {
	switch like := like.(type) {
	case map[string]any:
		m, ok := v.(map[string]any)
		if !ok {
			return v
		}
		out := map[string]any{}
		for k, l := range like {
			if inner, ok := m[k]; ok {
				out[k] = within(inner, l)
			}
		}
		return out
	case []any:
		list, ok := v.([]any)
		if !ok || len(list) != len(like) {
			return v
		}
		out := make([]any, len(list))
		for i := range list {
			out[i] = within(list[i], like[i])
		}
		return out
	}
	return v
}
