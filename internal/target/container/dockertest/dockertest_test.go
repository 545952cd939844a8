package dockertest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/target/container/dockertest"
)

const needy = "ORDEAL_TEST_NEEDY"

// TestNeedy is run by TestNeed in a process of its own.
func TestNeedy(t *testing.T) {
	if os.Getenv(needy) == "" {
		return
	}
	dockertest.Need(t)
}

// TestNeed shows that a missing engine never passes in silence: it is a named
// skip with a reason, and a failure where an engine is required.
func TestNeed(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, required string
		want           []string
		fails          bool
	}{
		{"an engine would be good", "", []string{"--- SKIP: TestNeedy", "SKIP needs a Docker engine", "nosuch.sock"}, false},
		{"an engine is required", "1", []string{"--- FAIL: TestNeedy", "ORDEAL_REQUIRE_DOCKER=1, and a Docker engine is needed", "nosuch.sock"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(exe, "-test.run=^TestNeedy$", "-test.v")
			cmd.Env = append(os.Environ(), needy+"=1", "DOCKER_HOST=unix:///nosuch.sock", "ORDEAL_REQUIRE_DOCKER="+tt.required)
			out, err := cmd.CombinedOutput()
			if (err != nil) != tt.fails {
				t.Errorf("expected a failure: %v; found %v", tt.fails, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("expected %q in the output", want)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
