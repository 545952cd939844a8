package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// runsDir is where run directories are made that are not sent elsewhere.
const runsDir = "runs"

// ownName is what newRunDir calls run directories: by their time, so that their names are in
// its order.
var ownName = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-`)

// Keep removes runs from runs/, the oldest first, until n of them are left, and returns which. It
// never touches what is not wholly a run's, what is in use, and those that were just made.
func Keep(n int, made []string) (removed []string, err error) {
	entries, err := os.ReadDir(runsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("earlier runs cannot be removed: %w", err)
	}
	var runs []string // oldest first
	for _, e := range entries {
		if e.IsDir() && ownName.MatchString(e.Name()) && isRun(filepath.Join(runsDir, e.Name())) {
			runs = append(runs, filepath.Join(runsDir, e.Name()))
		}
	}
	var errs []error
	for _, dir := range runs[:max(0, len(runs)-n)] {
		if slices.Contains(made, dir) {
			continue
		}
		switch gone, err := remove(dir); {
		case err != nil:
			errs = append(errs, fmt.Errorf("the earlier run in %s cannot be removed: %w", dir, err))
		case gone:
			removed = append(removed, dir)
		}
	}
	return removed, errors.Join(errs...)
}

// isRun says whether a directory is that of a run, or was to be removed and is not wholly gone,
// and holds nothing but what a run has written.
func isRun(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	is, foreign, err := contents(dir, entries)
	return err == nil && is && len(foreign) == 0
}

// remove removes a run directory; false if it is in use.
func remove(dir string) (bool, error) {
	held, err := hold(dir)
	if errors.Is(err, errInUse) || errors.Is(err, fs.ErrNotExist) { // another one removes it
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer held.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	if err := removeRun(dir, entries); err != nil {
		return false, err
	}
	// By itself, which fails if something came to be there meanwhile.
	return true, os.Remove(dir)
}
