package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ORDEAL_STATE_DIR", filepath.Join(e.WorkDir, "state"))
			e.Setenv("ROOT", root)
			return nil
		},
	})
}
