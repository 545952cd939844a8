package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/filelock"
	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// Run is what the folder knows of a run that is under way or died.
type Run struct {
	ID      string      `json:"run"`
	Owner   owner.Owner `json:"owner"`
	Started time.Time   `json:"started"`
	// Places are where it has or had things that outlive it, by their keys: see
	// target.Placed.
	Places map[string]json.RawMessage `json:"-"`
	// Targets are what it puts under load or breaks, from when it is about to.
	Targets []string `json:"-"`
	// Teardown is what it owes; nil: nothing, or that was told.
	Teardown *Teardown `json:"-"`

	// Locked says that the file system has locks. The file's own numbers are there
	// because a copy of it is locked by nobody.
	Locked bool   `json:"locked"`
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	path   string
}

// Claim is the record of the run that this process is.
type Claim struct {
	held *os.File // with the lock
	path string
}

// Claim writes down that a run is under way, and holds a lock on that until
// Release or the end of this process.
func (f *Folder) Claim(run string, me owner.Owner) (_ *Claim, err error) {
	defer func() {
		if err != nil {
			err = unusable(f.dir, err)
		}
	}()
	t, err := os.CreateTemp(f.runs(), tempPattern)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.Remove(t.Name())
		}
	}()
	// Held open for reading alone, so that it keeps no file system from being made
	// read-only. Locked before it has its name: nobody sees it without its lock.
	held, err := os.Open(t.Name())
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	c := &Claim{held: held, path: filepath.Join(f.runs(), run+".json")}
	// A file system without locks keeps nobody from running: heal then goes by
	// the process alone.
	locked, _ := filelock.Exclusive(held)
	r := Run{ID: run, Owner: me, Started: time.Now().UTC(), Locked: locked}
	r.Device, r.Inode, err = numbers(held)
	if err == nil {
		err = writeLine(t, r)
	}
	err = errors.Join(err, t.Close())
	if err == nil {
		err = os.Rename(t.Name(), c.path)
	}
	if err == nil {
		err = syncDir(f.runs())
	}
	if err != nil {
		held.Close()
		return nil, err
	}
	return c, nil
}

// writeLine appends to a file: what was written before survives a crash.
func writeLine(f *os.File, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Sync())
}

// Place writes down where the run is about to make things that outlive it. key names
// the sort of place; of two under one key, the later counts.
func (c *Claim) Place(key string, place json.RawMessage) error {
	f, err := os.OpenFile(c.path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		err = writeLine(f, map[string]json.RawMessage{key: place})
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return unusable(filepath.Dir(filepath.Dir(c.path)), err)
	}
	return nil
}

// Release forgets the run if all that it had made is gone, or else leaves the
// record for heal.
func (c *Claim) Release(clean bool) error {
	var err error
	if clean {
		err = forget(c.path)
	}
	return errors.Join(err, c.held.Close())
}

func forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unusable(filepath.Dir(filepath.Dir(path)), err)
	}
	return nil
}

// Forget removes the record of a run of which nothing is left.
func (r Run) Forget() error { return forget(r.path) }

// Runs returns the runs that are under way or died, oldest first, and an error
// for each record that cannot be read, which is kept.
func (f *Folder) Runs() ([]Run, error) {
	files, err := os.ReadDir(f.runs())
	if err != nil {
		return nil, unusable(f.dir, err)
	}
	var (
		out  []Run
		errs []error
	)
	for _, e := range files {
		path := filepath.Join(f.runs(), e.Name())
		if strings.HasPrefix(e.Name(), ".new-") {
			// Cut off before it had its name, and so before its run did anything.
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
				os.Remove(path)
			}
			continue
		}
		if !strings.HasSuffix(e.Name(), ".json") || e.IsDir() {
			continue
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // ended just now
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the record of a run cannot be read: %w", err))
			continue
		}
		r, err := parseRun(b)
		if err != nil {
			errs = append(errs, fmt.Errorf("the record of a run in %s cannot be read: %w; "+
				"look at the engine that it used for what carries the label ordeal.run, and "+
				"remove the file", path, err))
			continue
		}
		r.path = path
		out = append(out, r)
	}
	slices.SortFunc(
		out,
		func(a, b Run) int { return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID)) },
	)
	return out, errors.Join(errs...)
}

// parseRun reads the lines of a record. A last line that was cut off is as good
// as not written: nothing was made before it was.
func parseRun(b []byte) (Run, error) {
	var r Run
	first, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return r, errors.New("expected a line of JSON, found none that is whole")
	}
	if err := json.Unmarshal(first, &r); err != nil {
		return r, err
	}
	if r.ID == "" {
		return r, errors.New("expected the id of a run, found none")
	}
	for line := range bytes.Lines(rest) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var places map[string]json.RawMessage
		if err := json.Unmarshal(line, &places); err != nil {
			return r, err
		}
		if targets, ok := places[targetsKey]; ok {
			if err := json.Unmarshal(targets, &r.Targets); err != nil {
				return r, err
			}
			continue
		}
		if due, ok := places[teardownKey]; ok {
			if err := json.Unmarshal(due, &r.Teardown); err != nil {
				return r, err
			}
			continue
		}
		if r.Places == nil {
			r.Places = make(map[string]json.RawMessage)
		}
		maps.Copy(r.Places, places)
	}
	return r, nil
}

// Liveness says whether a run's process lives, by its id where that can be
// seen, else by its lock, which all containers of a machine see.
func (r Run) Liveness() (owner.Liveness, string) {
	l, why := r.Owner.Liveness()
	if l == owner.Unknown && r.Owner.SameBoot() {
		if locked := r.byLock(); locked != owner.Unknown {
			return locked, ""
		}
	}
	return l, why
}

// byLock goes by the lock that a run holds on its record for as long as it lives.
func (r Run) byLock() owner.Liveness {
	if !r.Locked {
		return owner.Unknown
	}
	f, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return owner.Dead // it ended well, just now
	}
	if err != nil {
		return owner.Unknown
	}
	defer f.Close()
	if dev, ino, err := numbers(f); err != nil || dev != r.Device || ino != r.Inode {
		return owner.Unknown
	}
	switch free, err := filelock.Shared(f); {
	case err != nil:
		return owner.Unknown
	case free:
		return owner.Dead
	}
	return owner.Alive
}

// numbers are those by which the machine knows an open file.
func numbers(f *os.File) (device, inode uint64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("%s: its file system has no numbers of files", f.Name())
	}
	return uint64(st.Dev), uint64(st.Ino), nil
}
