// Package state is the folder in which ordeal remembers, past its own death,
// what has to be undone.
//
//	journal/  a file for each fault in force, see chaos.FileJournal
//	runs/     a file for each run under way, locked by the run's process
//
// Several processes may use one folder at the same time: of one machine, of
// containers that share it, and of several machines.
package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Env names the folder, if it is set.
const Env = "ORDEAL_STATE_DIR"

// Folder is an opened state folder.
type Folder struct{ dir string }

// Path is where the state folder lies: $ORDEAL_STATE_DIR, else the user's state
// folder, else a folder of the user's own among the temporary files, so that a
// service account without a home can run too.
func Path() string {
	home, err := os.UserHomeDir()
	switch {
	case os.Getenv(Env) != "":
		return os.Getenv(Env)
	case os.Getenv("XDG_STATE_HOME") != "":
		return filepath.Join(os.Getenv("XDG_STATE_HOME"), "ordeal")
	case err == nil && home != "/" && home != "/nonexistent":
		return filepath.Join(home, ".local", "state", "ordeal")
	}
	return filepath.Join(os.TempDir(), "ordeal-"+strconv.Itoa(os.Getuid()))
}

// Open opens the state folder, makes what is missing of it, and refuses one that
// somebody else could write to: what stands in it is done.
func Open() (*Folder, error) {
	dir, err := filepath.Abs(Path())
	if err != nil {
		return nil, unusable(Path(), err)
	}
	made, err := makeDir(dir)
	if err != nil {
		return nil, unusable(dir, err)
	}
	if !made {
		if err := guarded(dir); err != nil {
			return nil, unusable(dir, err)
		}
	}
	f := &Folder{dir}
	for _, sub := range []string{f.Journal(), f.runs()} {
		if _, err := makeDir(sub); err != nil {
			return nil, unusable(dir, err)
		}
		if err := own(sub); err != nil {
			return nil, unusable(dir, err)
		}
	}
	return f, nil
}

// Dir is the folder's path.
func (f *Folder) Dir() string { return f.dir }

// Journal is the folder of undo records.
func (f *Folder) Journal() string { return filepath.Join(f.dir, "journal") }

func (f *Folder) runs() string { return filepath.Join(f.dir, "runs") }

// Writable says why nothing can be written to the folder so that it lasts; nil
// if it can. It writes as much as an undo record takes.
func (f *Folder) Writable() error {
	t, err := os.CreateTemp(f.Journal(), tempPattern)
	if err != nil {
		return unusable(f.dir, err)
	}
	defer os.Remove(t.Name())
	_, err = t.Write(make([]byte, 1<<10))
	if err := errors.Join(err, t.Sync(), t.Close()); err != nil {
		return unusable(f.dir, err)
	}
	return nil
}

// Turn waits until no other process heals by this folder, and keeps others from it
// until the function that it returns is called. wait is called once if there is
// another. Where that takes too long, or files cannot be locked, it lets the
// caller go on: doing the same twice does no harm, and only takes longer.
func (f *Folder) Turn(ctx context.Context, wait func()) (done func()) {
	return f.lock(ctx, "heal.lock", wait)
}

// tempPattern is of files that are not in force yet. It is the journal's too,
// which removes those that were left.
const tempPattern = ".new-*"

// unusable says what to do about a state folder that cannot be used.
func unusable(dir string, err error) error {
	// Without the path, which is said already.
	if p, ok := errors.AsType[*fs.PathError](err); ok && p.Path == dir {
		err = p.Err
	}
	return fmt.Errorf(
		"the state folder %s cannot be used: %w; without it a fault could not be undone after a crash: "+
			"make it a folder of your own that can be written to, or name another one in %s",
		dir,
		err,
		Env,
	)
}

// makeDir makes a folder, with those above it, for its owner alone, so that it
// survives a crash of the machine; false if it is there already.
func makeDir(dir string) (bool, error) {
	if _, err := os.Stat(dir); err == nil {
		return false, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	return true, syncDir(filepath.Dir(dir))
}

// guarded refuses a folder in which others may rename what is ordeal's. A sticky
// one, such as /tmp, keeps them from it.
func guarded(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("expected a folder, found a file")
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf(
			"expected that only its owner may write to it, found the mode %04o (chmod go-w %s)",
			info.Mode().Perm(),
			dir,
		)
	}
	return nil
}

// own refuses a folder that is another user's, and keeps others out of one's own.
func own(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("expected a folder at %s, found a %s", dir, kindOf(info.Mode()))
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf(
			"%s belongs to the user with id %d, and this is %d: run as that user",
			dir,
			st.Uid,
			os.Geteuid(),
		)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "file"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	}
	return "special file"
}

// syncDir makes names in a folder survive a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
