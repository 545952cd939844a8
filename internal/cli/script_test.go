package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-1574e9de/ordeal/internal/docker/dockertest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ordeal": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command line as a user does: each script has a folder,
// a state directory and processes of its own.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the scripts run whole scenarios")
	}
	testscript.Run(t, params(t, "testdata/script"))
}

// TestDockerScripts are those that need an engine.
func TestDockerScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the scripts run whole scenarios")
	}
	dockertest.Need(t)
	p := params(t, "testdata/docker")
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		// Images are made of a static program, which the test's own need not be.
		bin := filepath.Join(e.WorkDir, "static")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			return err
		}
		if err := build(context.Background(), filepath.Join(bin, "ordeal")); err != nil {
			return err
		}
		e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
		return setup(e)
	}
	testscript.Run(t, p)
}

func params(t *testing.T, dir string) testscript.Params {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ORDEAL_STATE_DIR", filepath.Join(e.WorkDir, "state"))
			e.Setenv("ROOT", root)
			for _, name := range []string{"HOME", "DOCKER_HOST", "DOCKER_CONFIG"} {
				if v := os.Getenv(name); v != "" {
					e.Setenv(name, v)
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"relax":     relax,
			"supervise": supervise,
			"nothing":   nothing,
			"stray":     stray,
		},
	}
}
