//go:build unix

package fast

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// connCheck finds out whether the server has closed an idle connection or sent something
// on it. It does not block and does not allocate.
type connCheck struct {
	raw   syscall.RawConn // nil: cannot be looked at
	look  func(fd uintptr)
	turn  func(fd uintptr) bool
	polls [1]unix.PollFd
	still bool

	write func() bool // of the present writeIfOpen
	fresh bool
	trust bool
	wrote bool
}

func (p *connCheck) init(raw syscall.RawConn) {
	p.raw = raw
	p.look = func(fd uintptr) { p.still = p.poll(fd) }
	p.turn = func(fd uintptr) bool {
		if p.wrote {
			return true // there is something to read
		}
		p.still = p.trust || p.poll(fd)
		if !p.still && !p.fresh {
			return true
		}
		p.wrote = true
		return !p.write() || !p.still
	}
}

func (p *connCheck) poll(fd uintptr) bool {
	for {
		p.polls[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		// It does not wait, but a signal of the runtime, which stops goroutines by
		// them, may come just then.
		if n, err := unix.Poll(p.polls[:], 0); err != unix.EINTR {
			return n == 0 && err == nil
		}
	}
}

// isOpen is true if the server has neither closed the connection nor sent anything on it,
// as far as the socket shows.
func (p *connCheck) isOpen() bool {
	if p.raw == nil {
		return true
	}
	p.still = false
	return p.raw.Control(p.look) == nil && p.still
}

// writeIfOpen checks the connection, calls write, and waits until there is something to
// read. A fresh connection is written to in any case. Without wrote, write was not called:
// the connection is not open, or err says why. With wrote, err is of the waiting.
//
// The check costs no system call of its own. A read first tries to read, finds nothing
// yet, and only then waits for the socket. Here the check stands in for that first try.
// Nothing that comes after it is missed, as the wait was prepared before. So a request
// takes as many system calls as a bare write and read; with trust, one less.
func (p *connCheck) writeIfOpen(write func() bool, fresh, trust bool) (wrote bool, err error) {
	if p.raw == nil {
		write()
		return true, nil
	}
	p.write, p.fresh, p.trust, p.wrote = write, fresh, trust, false
	err = p.raw.Read(p.turn)
	return p.wrote, err
}
