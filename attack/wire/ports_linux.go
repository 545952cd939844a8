package wire

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// manyPorts has the kernel take the local port as it connects and not already
// as the address is bound: only then can a port be in use for several servers
// at once, as it can be without a source address. On a kernel without the option there are fewer
// ports, so its error is ignored.
func manyPorts(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}
