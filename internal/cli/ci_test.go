package cli

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// blocks are the fenced parts of docs/ci.md that a comment before them names: file: NAME and
// recipe: NAME.
func blocks(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	block := regexp.MustCompile("(?s)<!-- ([a-z]+: [^ ]+) -->\n```[a-z]+\n(.*?)```")
	for _, m := range block.FindAllStringSubmatch(string(b), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// recipe is what a recipe of docs/ci.md does, as far as it can be done without its CI system.
type recipe struct {
	commands []string // in order, without those that install ordeal
	files    []string // that the CI system is told to take
}

func githubRecipe(t *testing.T, text string) recipe {
	t.Helper()
	var w struct {
		Jobs map[string]struct {
			Steps []struct {
				Run, Uses string
				With      map[string]any
			}
		}
	}
	parseYAML(t, text, &w)
	r := recipe{}
	for _, j := range w.Jobs {
		for _, s := range j.Steps {
			if s.Run != "" {
				r.commands = append(r.commands, s.Run)
			}
			if path, ok := s.With["path"].(string); ok {
				r.files = append(r.files, path)
			}
		}
	}
	return r
}

func gitlabRecipe(t *testing.T, text string) recipe {
	t.Helper()
	var jobs map[string]struct {
		BeforeScript []string `yaml:"before_script"`
		Script       []string
		AfterScript  []string `yaml:"after_script"`
		AllowFailure struct {
			Codes []int `yaml:"exit_codes"`
		} `yaml:"allow_failure"`
		Artifacts struct {
			Paths   []string
			Reports map[string]string
		}
	}
	parseYAML(t, text, &jobs)
	r := recipe{}
	for _, j := range jobs {
		r.commands = append(append(append(r.commands, j.BeforeScript...), j.Script...), j.AfterScript...)
		r.files = append(r.files, j.Artifacts.Paths...)
		for _, f := range j.Artifacts.Reports {
			r.files = append(r.files, f)
		}
		if len(j.AllowFailure.Codes) != 1 || j.AllowFailure.Codes[0] != 3 {
			t.Errorf("expected the code of inconclusive runs to be allowed, found %v", j.AllowFailure.Codes)
		}
	}
	return r
}

func jenkinsRecipe(t *testing.T, text string) recipe {
	t.Helper()
	r := recipe{}
	for _, m := range regexp.MustCompile(`sh(?: '|\(returnStatus: true, script: ')([^']+)'`).FindAllStringSubmatch(text, -1) {
		r.commands = append(r.commands, m[1])
	}
	for _, m := range regexp.MustCompile(`(?:testResults|artifacts): '([^']+)'`).FindAllStringSubmatch(text, -1) {
		r.files = append(r.files, strings.TrimSuffix(m[1], "**"))
	}
	if strings.Count(text, "sh ")+strings.Count(text, "sh(") != len(r.commands) {
		t.Errorf("found %d commands, and not all that are there", len(r.commands))
	}
	return r
}

func parseYAML(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// shell runs a command as a CI system does, in a folder of its own, and returns its exit code.
func shell(t *testing.T, dir, command string, env ...string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "ORDEAL_STATE_DIR="+filepath.Join(dir, "..", "state")), env...)
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return 0, string(out)
}

// workspaceOf makes a folder with the scenarios of docs/ci.md, in which a rule is replaced.
func workspaceOf(t *testing.T, blocks map[string]string, old, rule string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repository")
	if err := os.MkdirAll(filepath.Join(dir, "night"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := 0
	for name, text := range blocks {
		name, ok := strings.CutPrefix(name, "file: ")
		if !ok {
			continue
		}
		files++
		// A busy machine is not what is tested.
		text = strings.Replace(text, "attack:\n", "attack:\n  late_budget: 10m\n  timeout: 60s\n", 1)
		text = regexp.MustCompile(`(p50|p95) < [0-9]s`).ReplaceAllString(text, "$1 < 60s")
		text = strings.Replace(text, old, rule, 1)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if files < 2 {
		t.Fatalf("expected the scenarios of docs/ci.md, found %d", files)
	}
	return dir
}

// installs says whether a command gets ordeal, which the test has already.
func installs(command string) bool { return strings.Contains(command, "go install ") }

// The recipes of docs/ci.md do what they say: each command, in order, with the scenario that
// stands there, and what the CI system takes is there afterwards. With a rule that fails, and
// with one that cannot be decided, the run has the exit code that the recipe goes by.
func TestCIRecipes(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the recipes run whole scenarios")
	}
	t.Parallel()
	all := blocks(t)
	for _, c := range []struct {
		name string
		read func(*testing.T, string) recipe
	}{{"github", githubRecipe}, {"gitlab", gitlabRecipe}, {"jenkins", jenkinsRecipe}} {
		r := c.read(t, all["recipe: "+c.name])
		if len(r.commands) < 3 || len(r.files) == 0 {
			t.Fatalf("%s: expected commands and files, found %+v", c.name, r)
		}
		for _, verdict := range []struct {
			name, rule string
			want       int
		}{{"pass", "error_rate < 5%", 0}, {"fail", "p50 < 1ns", 1}, {"inconclusive", "p99.99 < 1h", 3}} {
			t.Run(c.name+"/"+verdict.name, func(t *testing.T) {
				t.Parallel()
				dir := workspaceOf(t, all, "error_rate < 5%", verdict.rule)
				summary := filepath.Join(dir, "..", "summary.md")
				env := []string{"GITHUB_WORKSPACE=" + dir, "GITHUB_STEP_SUMMARY="}
				if c.name == "github" {
					env[1] += summary
				}
				ran := false
				for _, command := range r.commands {
					if installs(command) {
						continue
					}
					want := 0
					if strings.HasPrefix(command, "ordeal run ") {
						ran, want = true, verdict.want
					}
					code, out := shell(t, dir, command, env...)
					if code != want {
						t.Errorf("%s: exit %d, want %d\n%s", command, code, want, out)
					}
					if want != 0 && strings.Contains(command, "--annotate github") &&
						!strings.Contains(out, "\n::error file=night/shop.yaml,line=") {
						t.Errorf("the rule is not pointed at:\n%s", out)
					}
				}
				if !ran {
					t.Error("no command runs a scenario")
				}
				for _, f := range r.files {
					if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
						t.Errorf("what the CI system takes is not there: %v", err)
					}
				}
				if c.name == "github" {
					if b, err := os.ReadFile(summary); err != nil || !strings.Contains(string(b), "### "+strings.ToUpper(verdict.name)+": shop at night") {
						t.Errorf("the step's summary: %v\n%s", err, b)
					}
				}
			})
		}
	}
}

// What follows the recipes in docs/ci.md works too.
func TestCIMorningAfter(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the recipes run whole scenarios")
	}
	t.Parallel()
	all := blocks(t)
	dir := workspaceOf(t, all, "", "")
	for _, name := range []string{"several", "morning"} {
		text := all["recipe: "+name]
		if text == "" {
			t.Fatalf("docs/ci.md has no recipe %s", name)
		}
		for command := range strings.Lines(text) {
			if code, out := shell(t, dir, command); code != 0 {
				t.Errorf("%s: exit %d\n%s", command, code, out)
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "night.md"))
	for _, want := range []string{"### PASS: shop at night\n", "### PASS: shop, quickly\n"} {
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("night.md: %v; want %q in\n%s", err, want, b)
		}
	}
	var s struct{ Verdict string }
	b, err = os.ReadFile(filepath.Join(dir, "ordeal-runs/shop/summary.json"))
	if err := errors.Join(err, json.Unmarshal(b, &s)); err != nil || s.Verdict != "pass" {
		t.Errorf("the run's summary: %v, verdict %q", err, s.Verdict)
	}
}
