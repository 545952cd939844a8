package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// again judges a run directory, with outputs in a folder of their own.
func again(t *testing.T, a run.Again) (code run.ExitCode, screen string, err error) {
	t.Helper()
	var b bytes.Buffer
	a.Env, a.Stdout, a.Stderr = os.LookupEnv, &b, &b
	code, err = run.Judge(a)
	return code, b.String(), err
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Judged again by its own rules, a run has the verdict and the exit code that it had, and the
// same files but for the field that says so, however it ended.
func TestJudgedAgainIsTheSame(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	var meanwhile atomic.Pointer[func()]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := meanwhile.Load(); f != nil {
			(*f)()
		}
		if r.URL.Path == "/bad" {
			http.Error(w, "no", http.StatusTeapot)
		}
	}))
	defer srv.Close()
	const head = "name: night & <day>\nattack:\n  late_budget: 10m\n  timeout: 2s\n"
	stages := "  stages: [{ name: s, rate: 100/s, for: 400ms }, { name: t, rate: 50/s, for: 200ms, judged: false }]\n"
	get := func(path string) string { return fmt.Sprintf("  requests: [{ name: a, get: %q }]\n", srv.URL+path) }
	for _, c := range []struct {
		name, scenario string
		want           run.ExitCode
		meanwhile      string // interrupt, or the file that cannot be written
	}{
		{"passes", head + get("/") + stages + `
verdict: [p50 < 5m, { kpi: error_rate <= 100%, name: "a | name", severity: warn }, every(1s).rps > 0/s, 'stage("t").p50 < 1m']
`, run.ExitPass, ""},
		{"only measures", head + get("/") + stages, run.ExitPass, ""},
		{"fails", head + get("/bad") + stages + "verdict: [error_rate < 1%, p50 < 5m]\n", run.ExitFail, ""},
		{"too few samples", head + get("/") + stages + "verdict: [p99.9 < 1m]\n", run.ExitInconclusive, ""},
		{"window", head + get("/") + stages + "verdict: ['window(0s, 1s).p50 < 1m']\n", run.ExitPass, ""},
		{"observed", head + get("/") + stages + fmt.Sprintf(`
observe:
  probes: [{ name: health, get: %q, every: 200ms }, { name: shut, get: %q, every: 200ms, expect: { status: 418 } }]
  metrics: [{ name: one, command: [echo, "1"], every: 1s }, { name: lies, command: [echo, nonsense], every: 1s }]
verdict: ['probe("health").failures == 0', 'probe("shut").uptime > 0%%', 'metric("one").max < 2', { kpi: 'metric("lies").max < 2', severity: warn }]
`, srv.URL+"/", srv.URL+"/bad"), run.ExitPass, ""},
		{"observed in vain", head + "  ready: /bad\n  ready_timeout: 300ms\n" + get("/") + stages + fmt.Sprintf(`
target: %s
observe: { probes: [{ name: health, get: %q, every: 200ms }] }
verdict: ['probe("health").failures == 0']
`, srv.URL, srv.URL+"/"), run.ExitBroken, ""},
		{"was not ready", head + "  ready: /bad\n  ready_timeout: 300ms\n" + get("/") + stages +
			"target: " + srv.URL + "\nverdict: [p50 < 5m, 'stage(\"t\").p50 < 1m']\n", run.ExitBroken, ""},
		{"an output could not be written", head + get("/") + stages + "verdict: [p50 < 5m]\n", run.ExitBroken, "junit.xml"},
		{"interrupted", head + get("/") + stages + "verdict: [p50 < 5m]\n", run.ExitInterrupted, "interrupt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, out := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "out")
			soft, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			act := func() {
				switch c.meanwhile {
				case "interrupt":
					interrupt()
				case "junit.xml":
					_ = os.MkdirAll(filepath.Join(dir, c.meanwhile), 0o755)
				}
			}
			meanwhile.Store(&act)
			code, err := run.Run(soft, t.Context(), load(t, c.scenario), run.Options{
				Version: "v1", Out: dir, Stdout: io.Discard, Stderr: io.Discard,
			})
			if code != c.want {
				t.Fatalf("exit %d, %v; want %d", code, err, c.want)
			}
			code, screen, err := again(t, run.Again{Dir: dir, Out: out})
			if code != c.want || err != nil {
				t.Fatalf("judged again: exit %d, %v; want %d\n%s", code, err, c.want, screen)
			}
			then, now := read(t, dir, "summary.json"), read(t, out, "summary.json")
			if !strings.Contains(now, "\n  \"judged_again\": true,\n") {
				t.Errorf("the summary does not say that it was judged again:\n%s", now)
			}
			if now = strings.Replace(now, "  \"judged_again\": true,\n", "", 1); now != then {
				t.Errorf("then\n%s\nnow\n%s", then, now)
			}
			if c.meanwhile != "junit.xml" {
				if then, now := read(t, dir, "junit.xml"), read(t, out, "junit.xml"); now != then {
					t.Errorf("then\n%s\nnow\n%s", then, now)
				}
			}
			// Twice into one folder, and never into one that holds anything else.
			if code, _, err := again(t, run.Again{Dir: dir, Out: out}); code != c.want || err != nil {
				t.Errorf("into the same folder: exit %d, %v", code, err)
			}
			before := read(t, dir, "summary.json")
			if code, _, err := again(t, run.Again{Dir: dir, Out: dir}); code != run.ExitUsage || err == nil {
				t.Errorf("over the run itself: exit %d, %v", code, err)
			}
			if read(t, dir, "summary.json") != before {
				t.Error("the run's summary was changed")
			}
		})
	}
}

// Recordings of earlier versions, which have neither plan nor run.json, are judged by rules that
// are given, as they were.
func TestKeptRecordingsAreJudgedByOtherRules(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/recordings/*/summary.json")
	if err != nil || len(dirs) < 5 {
		t.Fatalf("expected at least 5 recordings, found %d (%v)", len(dirs), err)
	}
	type rules struct {
		Verdict string
		Rules   []struct{ Name, KPI, Severity, Outcome, Observed string }
	}
	for _, summary := range dirs {
		dir := filepath.Dir(summary)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var then, now rules
			if err := json.Unmarshal([]byte(read(t, summary)), &then); err != nil {
				t.Fatal(err)
			}
			file := "verdict:\n"
			for _, r := range then.Rules {
				file += fmt.Sprintf("  - { kpi: %q, name: %q, severity: %s }\n", r.KPI, r.Name, r.Severity)
			}
			file = strings.ReplaceAll(file, `name: "", `, "")
			path, out := filepath.Join(t.TempDir(), "rules.yaml"), filepath.Join(t.TempDir(), "out")
			if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, screen, err := again(t, run.Again{Dir: dir, File: path, Out: out}); err != nil {
				t.Fatalf("%v\n%s", err, screen)
			}
			if err := json.Unmarshal([]byte(read(t, out, "summary.json")), &now); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(then.Rules, now.Rules) || then.Verdict != now.Verdict {
				t.Errorf("then %+v\nnow  %+v", then, now)
			}
			code, _, err := again(t, run.Again{Dir: dir})
			if code != run.ExitUsage || err == nil || !strings.Contains(err.Error(), "holds no plan.json") {
				t.Errorf("without rules: exit %d, %v", code, err)
			}
		})
	}
}

// Other rules than the run's own have their mistakes where they stand.
func TestJudgedByOtherRules(t *testing.T) {
	const dir = "../../testdata/recordings/faults"
	code, screen, err := again(t, run.Again{Dir: dir, Rules: []string{"p50 < 1h", "p50 > 1h"}})
	if code != run.ExitFail || err != nil {
		t.Errorf("exit %d, %v; want a rule that fails\n%s", code, err, screen)
	}
	for _, want := range []string{"judged again from its recording, by rules from --rule", "buckets of its histograms"} {
		if !strings.Contains(strings.Join(strings.Fields(screen), " "), want) {
			t.Errorf("want %q in\n%s", want, screen)
		}
	}
	for _, c := range []struct{ kpi, file, want string }{
		{kpi: `stage("stedy").p99 < 1s`, want: "--rule:1:7"},
		{kpi: `during("nothing").p99 < 1s`, want: "--rule:1:8"},
		{kpi: `request("nobody").p99 < 1s`, want: "--rule:1:9"},
		{kpi: `p99 < 5`, want: "--rule:1:7"},
		{kpi: `window(5h, 6h).p99 < 5s`, want: "--rule:1:"},
		{kpi: ``, want: "--rule:1:1"},
		{file: "verdict:\n  - p99 < 1s\n  - p99 < 5\n", want: "rules.yaml:3:"},
		{file: "name: x\nservices: { a: { builtin: nothing, nonsense: true } }\n", want: "no rules to judge by"},
		{file: "verdikt: [p99 < 1s]\n", want: `no key "verdikt"`},
		{file: "verdict:\n  - p99 < ${NOWHERE}\n", want: "the variable NOWHERE is not set"},
		{file: "- p99\n", want: "expected a scenario as a mapping"},
		{file: "", want: "rules.yaml"},
	} {
		t.Run(c.want, func(t *testing.T) {
			a := run.Again{Dir: dir, Rules: []string{c.kpi}}
			if c.kpi == "" && c.want != "--rule:1:1" {
				a.Rules, a.File = nil, filepath.Join(t.TempDir(), "rules.yaml")
				if err := os.WriteFile(a.File, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, _, err := again(t, a)
			if _, ok := errors.AsType[*strictyaml.Mistakes](err); !ok || code != run.ExitUsage ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("exit %d, %v; want a mistake that says %q", code, err, c.want)
			}
		})
	}
	// A scenario is read for its rules alone.
	file := filepath.Join(t.TempDir(), "night.yaml")
	whole := "name: x\ntarget: ${UNSET}\nattack: { requests: [{ name: a, data: gone.csv }] }\nverdict: [p50 < 1h]\n"
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, screen, err := again(t, run.Again{Dir: dir, File: file}); code != run.ExitPass || err != nil {
		t.Errorf("exit %d, %v\n%s", code, err, screen)
	}
}

// What is no run, or not the whole of one, is never judged to pass.
func TestJudgeBadInput(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	whole := filepath.Join(t.TempDir(), "whole")
	code, err := run.Run(t.Context(), t.Context(), load(t, fmt.Sprintf(`
name: whole
target: %s
attack:
  late_budget: 10m
  requests: [{ name: a, get: / }]
  stages: [{ name: s, rate: 100/s, for: 1100ms }]
verdict: [p50 < 5m, error_rate < 50%%]
`, srv.URL)), run.Options{Out: whole, Stdout: io.Discard, Stderr: io.Discard})
	if code != run.ExitPass || err != nil {
		t.Fatalf("exit %d, %v", code, err)
	}
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, n := range names {
				if err := os.RemoveAll(filepath.Join(dir, n)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	cut := func(name string, keep func(text string) string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			write(name, keep(read(t, dir, name)))(t, dir)
		}
	}
	half := func(s string) string { return s[:len(s)/2] }
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   run.ExitCode
		says   string
	}{
		{"nothing there", remove("."), run.ExitUsage, "there is no run directory"},
		{"an empty folder", remove("plan.json", "run.json", "timeline.jsonl", "intervals.hlog", "summary.json"), run.ExitUsage, "is no run directory"},
		{"no interval log", remove("intervals.hlog"), run.ExitInconclusive, "holds no intervals.hlog"},
		{"no timeline", remove("timeline.jsonl"), run.ExitInconclusive, "holds no timeline.jsonl"},
		{"no plan", remove("plan.json"), run.ExitUsage, "holds no plan.json"},
		{"another plan", cut("plan.json", func(s string) string { return strings.Replace(s, "p50 < 5m", "p50 < 9m", 1) }), run.ExitInconclusive, "not what the run wrote"},
		{"another run's recording", func(t *testing.T, dir string) {
			for _, f := range []string{"timeline.jsonl", "intervals.hlog"} {
				write(f, read(t, "../../testdata/recordings/faults", f))(t, dir)
			}
		}, run.ExitInconclusive, "not of one run"},
		{"a plan cut off", cut("plan.json", half), run.ExitInconclusive, "plan.json"},
		{"facts cut off", cut("run.json", half), run.ExitInconclusive, "run.json"},
		{"facts of a later version", write("run.json", `{"schema":7}`), run.ExitInconclusive, "schema"},
		{"a timeline of something else", write("timeline.jsonl", "{}\n"), run.ExitInconclusive, "timeline.jsonl:1"},
		{"an empty timeline", write("timeline.jsonl", ""), run.ExitInconclusive, "recorded nothing"},
		{"an interval log cut off", cut("intervals.hlog", half), run.ExitInconclusive, "intervals.hlog"},
		{"a folder for a file", func(t *testing.T, dir string) {
			remove("intervals.hlog")(t, dir)
			if err := os.Mkdir(filepath.Join(dir, "intervals.hlog"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, run.ExitInconclusive, "something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			c.damage(t, dir)
			code, screen, err := again(t, run.Again{Dir: dir})
			if code != c.want || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("exit %d, %v; want %d and %q\n%s", code, err, c.want, c.says, screen)
			}
		})
	}
	// However much of a file is there, what is missing is never taken for good.
	t.Run("cut anywhere", func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, file := range []string{"plan.json", "run.json", "timeline.jsonl", "intervals.hlog"} {
			text := read(t, whole, file)
			needed := strings.TrimSuffix(text, "\n")
			if file == "intervals.hlog" { // its last line is a sum, for other tools
				needed = needed[:strings.LastIndex(needed, "\n")]
			}
			for range 40 {
				dir := filepath.Join(t.TempDir(), "run")
				if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
					t.Fatal(err)
				}
				n := rng.IntN(len(needed))
				write(file, text[:n])(t, dir)
				code, screen, err := again(t, run.Again{Dir: dir})
				if code != run.ExitInconclusive || err == nil {
					t.Fatalf("%d of %d bytes of %s: exit %d, %v\n%s", n, len(text), file, code, err, screen)
				}
			}
		}
	})
	// A run that was killed is judged as far as it came, and its rules that hold do not make it
	// pass.
	t.Run("killed", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		remove("summary.json", "junit.xml", "report.txt")(t, dir)
		cut("run.json", func(s string) string { return s[:strings.Index(s, `,`+"\n  \"end\"")] + "\n}\n" })(t, dir)
		cut("timeline.jsonl", func(s string) string {
			return strings.Join(strings.SplitAfter(s, "\n")[:strings.Count(s, "\n")-1], "")
		})(t, dir)
		for _, kpi := range []string{"", "error_rate < 50%"} {
			a := run.Again{Dir: dir}
			if kpi != "" {
				a.Rules = []string{kpi}
			}
			code, screen, err := again(t, a)
			if code != run.ExitInconclusive || err != nil || !strings.Contains(screen, "was killed") {
				t.Errorf("exit %d, %v; want inconclusive, as it was killed\n%s", code, err, screen)
			}
		}
		if code, _, err := again(t, run.Again{Dir: dir, Rules: []string{"p50 > 5m"}}); code != run.ExitFail || err != nil {
			t.Errorf("a rule that fails: exit %d, %v", code, err)
		}
	})
}
