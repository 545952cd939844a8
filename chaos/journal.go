package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/filelock"
	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// Journal keeps what has to be undone even if the run dies before. Its methods may be called from
// any goroutine.
type Journal interface {
	// Add returns when the entry would survive a crash of the machine.
	Add(Entry) error
	// Remove forgets an entry; one that is not there is no error.
	Remove(id string) error
}

// ReadableJournal is a journal that can be read back.
type ReadableJournal interface {
	Journal
	// Entries returns what was added and not removed, oldest first, and an error
	// for what cannot be read.
	Entries() ([]Entry, error)
	// Lock keeps other heals from an entry until unlock is called, and waits
	// while another has it. There is nothing to unlock, and no error, if the
	// entry is gone.
	Lock(ctx context.Context, id string) (unlock func(), err error)
}

// Entry is one undo: all that a fresh process needs to do it.
type Entry struct {
	ID      string          `json:"id"` // letters, digits, dot, dash and underscore
	Run     string          `json:"run"`
	Owner   owner.Owner     `json:"owner"`
	Fault   string          `json:"fault"` // its name in the scenario
	Kind    string          `json:"kind"`
	Spec    json.RawMessage `json:"spec"`
	Target  Ref             `json:"target"`
	State   State           `json:"state"`
	Before  json.RawMessage `json:"before,omitempty"` // what a Witness saw before the fault
	Remedy  string          `json:"remedy"`           // what people do if ordeal cannot
	Created time.Time       `json:"created"`
}

// compact removes the blanks that the indented file has in raw values: their makers get them back
// byte for byte, and may compare them.
func (e *Entry) compact() {
	for _, raw := range []*json.RawMessage{&e.Spec, &e.Target.Data, (*json.RawMessage)(&e.State), &e.Before} {
		var b bytes.Buffer
		if len(*raw) > 0 && json.Compact(&b, *raw) == nil {
			*raw = b.Bytes()
		}
	}
}

// FileJournal keeps each entry in a file of its own, readable by its owner
// alone. Several processes may share a directory.
type FileJournal struct{ dir string }

var _ ReadableJournal = (*FileJournal)(nil)

// OpenJournal opens the journal in dir, which is made if it is not there.
func OpenJournal(dir string) (*FileJournal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the journal of undos: %w", err)
	}
	return &FileJournal{dir}, nil
}

const (
	entrySuffix = ".json"
	tempPattern = ".new-*"
	// A temporary file this old belongs to nobody: writing one takes milliseconds.
	tempLife = time.Hour
)

func (j *FileJournal) path(id string) (string, error) {
	if id == "" || id[0] == '.' ||
		strings.ContainsFunc(id, func(r rune) bool { return !idRune(r) }) {
		return "", fmt.Errorf(
			"expected a journal id of letters, digits, dots, dashes and underscores, found %q",
			id,
		)
	}
	return filepath.Join(j.dir, id+entrySuffix), nil
}

func idRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' ||
		r == '-' ||
		r == '_'
}

// Add implements Journal.
func (j *FileJournal) Add(e Entry) error {
	path, err := j.path(e.ID)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the undo of %s down: %w", e.Fault, err)
	}
	if err := j.write(path, b); err != nil {
		return fmt.Errorf("writing the undo of %s down: %w", e.Fault, err)
	}
	return nil
}

func (j *FileJournal) write(path string, b []byte) (err error) {
	f, err := os.CreateTemp(j.dir, tempPattern) // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return j.sync()
}

// sync makes names in the directory survive a crash.
func (j *FileJournal) sync() error {
	d, err := os.Open(j.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Remove implements Journal.
func (j *FileJournal) Remove(id string) error {
	path, err := j.path(id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err // the path is said already
		}
		return fmt.Errorf(
			"the record %s of an undo that is done cannot be removed: %w; remove it by hand",
			path,
			err,
		)
	}
	if err := j.sync(); err != nil {
		return fmt.Errorf("removing the record %s of an undo that is done: %w", path, err)
	}
	return nil
}

// Lock implements ReadableJournal. The lock is one of the file itself, so it goes when
// the process does.
func (j *FileJournal) Lock(ctx context.Context, id string) (unlock func(), err error) {
	path, err := j.path(id)
	if err != nil {
		return nil, err
	}
	for {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the journal of undos: %w", err)
		}
		locked, err := filelock.Exclusive(f)
		if err != nil {
			// A file system without locks: undoing the same twice does no harm.
			return func() { f.Close() }, nil
		}
		if locked && j.is(path, f) {
			return func() { f.Close() }, nil
		}
		f.Close()
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf(
				"another ordeal is at work on it, and was not done in time: %w",
				context.Cause(ctx),
			)
		case <-time.After(lockEvery):
		}
	}
}

// lockEvery is how often the lock of an entry is tried again while another process has it.
const lockEvery = 20 * time.Millisecond

// is says whether a path still leads to an open file. It does not if the process that had the lock
// before has removed it.
func (j *FileJournal) is(path string, f *os.File) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	then, err := f.Stat()
	return err == nil && os.SameFile(now, then)
}

// Entries implements ReadableJournal.
func (j *FileJournal) Entries() ([]Entry, error) {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the journal of undos: %w", err)
	}
	var (
		out  []Entry
		errs []error
	)
	for _, f := range files {
		path := filepath.Join(j.dir, f.Name())
		if strings.HasPrefix(f.Name(), strings.TrimSuffix(tempPattern, "*")) {
			// Cut off before it was in force: nothing was broken under it.
			if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > tempLife {
				os.Remove(path)
			}
			continue
		}
		id, ok := strings.CutSuffix(f.Name(), entrySuffix)
		if !ok || f.IsDir() {
			continue
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // undone by another process just now
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading the journal of undos: %w", err))
			continue
		}
		var e Entry
		if err := json.Unmarshal(b, &e); err != nil {
			errs = append(
				errs,
				fmt.Errorf(
					"the undo in %s cannot be read: %w; look at what it names, put it right by "+
						"hand, and remove the file",
					path,
					err,
				),
			)
			continue
		}
		if e.ID != id {
			errs = append(
				errs,
				fmt.Errorf(
					"the undo in %s says that its id is %q: put right by hand what it names, and remove the file",
					path,
					e.ID,
				),
			)
			continue
		}
		e.compact()
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return out, errors.Join(errs...)
}
