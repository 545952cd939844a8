// Package filelock holds advisory locks on open files (flock). The kernel lets
// a lock go when its process ends, however it ends, and shows it in all
// containers of a machine that share the file: so it tells whether a process
// lives that cannot be seen.
package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Exclusive tries to lock a file for this process alone, until the file is
// closed; false if another holds a lock on it.
func Exclusive(f *os.File) (bool, error) { return try(f, unix.LOCK_EX) }

// Shared tries to lock a file beside others that do the same; false if another
// has it for itself alone.
func Shared(f *os.File) (bool, error) { return try(f, unix.LOCK_SH) }

func try(f *os.File, how int) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}
