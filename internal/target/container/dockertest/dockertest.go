// Package dockertest helps tests that need a Docker engine.
package dockertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/target/container"
)

// Program is the package of the program that images are made of in tests.
const Program = "github.com/seed-1574e9de/ordeal/internal/target/container/testdata/ordeal"

// require is the variable that turns a missing engine from a skip to a failure.
const require = "ORDEAL_REQUIRE_DOCKER"

// Need skips the test loudly if no engine answers, and fails it instead if
// ORDEAL_REQUIRE_DOCKER is 1.
func Need(t testing.TB) {
	t.Helper()
	e, err := container.Connect(t.Context())
	if err == nil {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Getenv(require) == "1" {
		t.Fatalf("%s=1, and a Docker engine is needed: %v", require, err)
	}
	t.Skipf("SKIP needs a Docker engine: %v", err)
}

var program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Binary builds Program, once for all tests of a package, and returns its path.
// The package's TestMain has to call Main, which removes it.
func Binary(t testing.TB) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "ordeal-test-"); program.err != nil {
			return
		}
		program.path = filepath.Join(program.dir, "ordeal")
		cmd := exec.Command(
			"go",
			"build",
			"-trimpath",
			"-ldflags",
			"-s -w",
			"-o",
			program.path,
			Program,
		)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		if out, err := cmd.CombinedOutput(); err != nil {
			program.err = fmt.Errorf("building %s: %w\n%s", Program, err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// Main runs a package's tests and removes what Binary built.
func Main(m *testing.M) int {
	code := m.Run()
	if program.dir != "" {
		os.RemoveAll(program.dir)
	}
	return code
}
