//go:build unix

package fast

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// peer looks at what the other end of an idle socket has done, without waiting
// and without an allocation.
type peer struct {
	raw   syscall.RawConn // nil: cannot be looked at
	look  func(fd uintptr)
	turn  func(fd uintptr) bool
	polls [1]unix.PollFd
	still bool

	write func() bool // of the present ask
	fresh bool
	trust bool
	asked bool
}

func (p *peer) init(raw syscall.RawConn) {
	p.raw = raw
	p.look = func(fd uintptr) { p.still = p.poll(fd) }
	p.turn = func(fd uintptr) bool {
		if p.asked {
			return true // there is something to read
		}
		p.still = p.trust || p.poll(fd)
		if !p.still && !p.fresh {
			return true
		}
		p.asked = true
		return !p.write() || !p.still
	}
}

func (p *peer) poll(fd uintptr) bool {
	for {
		p.polls[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		// It does not wait, but a signal of the runtime, which stops goroutines by
		// them, may come just then.
		if n, err := unix.Poll(p.polls[:], 0); err != unix.EINTR {
			return n == 0 && err == nil
		}
	}
}

// quiet is true if the other end has neither closed nor said anything, as far
// as can be seen.
func (p *peer) quiet() bool {
	if p.raw == nil {
		return true
	}
	p.still = false
	return p.raw.Control(p.look) == nil && p.still
}

// ask calls write once the other end was seen to be quiet, and waits until
// there is something to read. A fresh connection is written to in any case.
// Without asked, write was not called, either as the other end was not quiet or
// for err; with asked, err is of the waiting.
//
// The look costs nothing this way. A read begins by trying, finds nothing, as
// the answer to what was just written takes its time, and only then waits for
// the socket; here the look stands for the trying, and nothing that comes after
// it is missed: the wait was prepared before it. So a request takes as many
// system calls as a bare write and read. With trust it is left out, and there is
// one less.
func (p *peer) ask(write func() bool, fresh, trust bool) (asked bool, err error) {
	if p.raw == nil {
		write()
		return true, nil
	}
	p.write, p.fresh, p.trust, p.asked = write, fresh, trust, false
	err = p.raw.Read(p.turn)
	return p.asked, err
}
