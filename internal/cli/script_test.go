package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-1574e9de/ordeal/internal/target/container/dockertest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ordeal": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command line as a user does: each script has a folder,
// a state directory and processes of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params(t, "testdata/script"))
}

// TestWholeScripts run shipped scenarios as they stand, with services that are
// this program too. Under the race detector several such systems at once are more
// than a small machine carries: their services fall behind the load, rightly
// fail their rules, and say nothing of races; the other scripts run the same code.
func TestWholeScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the scripts run whole scenarios")
	}
	t.Parallel()
	testscript.Run(t, params(t, "testdata/whole"))
}

// TestDockerScripts are those that need an engine. Images are made of a static
// program, which the test's own need not be, so it is built as users have it.
func TestDockerScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the scripts run whole scenarios on containers")
	}
	t.Parallel()
	dockertest.Need(t)
	testscript.Run(t, static(t, "testdata/docker"))
}

// TestPodmanScripts hold podman's API to what the Docker scripts hold the engine
// to, as far as its users need.
func TestPodmanScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP in short mode: the scripts run whole scenarios on containers")
	}
	t.Parallel()
	host := dockertest.Podman(t)
	p := static(t, "testdata/podman")
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		if err := setup(e); err != nil {
			return err
		}
		e.Setenv("DOCKER_HOST", host)
		return nil
	}
	// Its scripts are parallel tests, which go on when this function has ended: the
	// service must not end before them.
	t.Run("scripts", func(t *testing.T) { testscript.Run(t, p) })
}

// static are the parameters of scripts that run ordeal as users have it: a static
// program, of which images can be made.
func static(t *testing.T, dir string) testscript.Params {
	bin := t.TempDir()
	program := filepath.Join(bin, "ordeal")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", program, "../../cmd/ordeal")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building ordeal: %v\n%s", err, out)
	}
	p := params(t, dir)
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("STATIC", program)
		e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
		return setup(e)
	}
	return p
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
			"taken":     taken,
			"shop":      serveShop,
		},
	}
}

// TestShippedScenariosAreRun holds the promise that each scenario that is
// shipped is a test: some script runs it.
func TestShippedScenariosAreRun(t *testing.T) {
	shipped, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(shipped) == 0 {
		t.Fatalf("found %v, %v", shipped, err)
	}
	scripts, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, script := range scripts {
		b, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, file := range shipped {
		if name := "relax $ROOT/scenarios/" + filepath.Base(file) + " "; !strings.Contains(all.String(), name) {
			t.Errorf("no script runs %s: expected a line with %q", file, name)
		}
	}
}
