package baseline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultDir is the folder of accepted runs, from the working directory.
const DefaultDir = ".ordeal/baselines"

const suffix = ".json"

// Folder is where accepted runs are kept. Any number of processes may use it at once.
type Folder string

// Add puts a run into the folder, which is made if it is not there. The file is there whole or not
// at all; one of the same run is refused.
func (f Folder) Add(r *Run) (err error) {
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(string(f), ".part-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(part.Name())) }()
	_, err = part.Write(append(text, '\n'))
	err = errors.Join(err, part.Chmod(0o644), part.Sync(), part.Close())
	if err != nil {
		return err
	}
	path := filepath.Join(string(f), r.ID+suffix)
	// A link is made only if there is none, whoever else does the same just now.
	err = os.Link(part.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		err = claim(path, text)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the run was accepted before: %s; ordeal baseline drop %s takes it back",
			path, r.ID)
	}
	return err
}

// claim writes a file that is not there yet. For a moment others may see a part of it.
func claim(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// List reads all runs, the latest first. Files that cannot be read are left out, and errs says of
// each why. A folder that is not there has none.
func (f Folder) List() (runs []*Run, errs []error) {
	entries, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, []error{err}
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(string(f), e.Name())
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was dropped just now
		}
		var r *Run
		if err == nil {
			r, err = parse(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		runs = append(runs, r)
	}
	slices.SortFunc(runs, func(a, b *Run) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.ID, a.ID))
	})
	return runs, errs
}

// Find returns the run whose id begins so.
func (f Folder) Find(id string) (*Run, error) {
	runs, errs := f.List()
	var found []*Run
	for _, r := range runs {
		if r.ID == id {
			return r, nil
		}
		if strings.HasPrefix(r.ID, id) {
			found = append(found, r)
		}
	}
	switch {
	case id == "" || len(found) == 0:
		return nil, errors.Join(append(errs, fmt.Errorf("no accepted run %q in %s: "+
			"ordeal baseline list shows them", id, f))...)
	case len(found) > 1:
		return nil, fmt.Errorf("%d accepted runs in %s have an id that begins with %q: "+
			"write more of it", len(found), f, id)
	}
	return found[0], nil
}

// Drop removes a run.
func (f Folder) Drop(r *Run) error {
	return os.Remove(filepath.Join(string(f), r.ID+suffix))
}
