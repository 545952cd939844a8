package run

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// stateDir is where undo records are kept across runs: $ORDEAL_STATE_DIR, else
// the user's state folder, else a folder of the user's own among the temporary
// files, so that a service account without a home can run too.
func stateDir() (string, error) {
	dir := os.Getenv("ORDEAL_STATE_DIR")
	if dir == "" {
		switch home, err := os.UserHomeDir(); {
		case os.Getenv("XDG_STATE_HOME") != "":
			dir = filepath.Join(os.Getenv("XDG_STATE_HOME"), "ordeal")
		case err == nil && home != "/" && home != "/nonexistent":
			dir = filepath.Join(home, ".local", "state", "ordeal")
		default:
			dir = filepath.Join(os.TempDir(), "ordeal-"+strconv.Itoa(os.Getuid()))
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("the folder for undo records cannot be made: %w; name another one in ORDEAL_STATE_DIR", err)
	}
	return dir, nil
}
