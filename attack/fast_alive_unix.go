//go:build unix

package attack

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// peer looks at what the other end of an idle socket has done, without waiting
// and without an allocation.
type peer struct {
	raw   syscall.RawConn // nil: cannot be looked at
	look  func(fd uintptr)
	polls [1]unix.PollFd
	still bool
}

func (p *peer) init(raw syscall.RawConn) {
	p.raw = raw
	p.look = func(fd uintptr) {
		p.polls[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		n, err := unix.Poll(p.polls[:], 0)
		p.still = n == 0 && err == nil
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
