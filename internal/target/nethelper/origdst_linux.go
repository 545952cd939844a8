package nethelper

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of the kernel's
// netfilter headers; both are 80.
const soOriginalDst = 80

// originalDst returns where a redirected connection was going.
func originalDst(c net.Conn) (netip.AddrPort, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("expected a TCP connection, found %T", c)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var dst netip.AddrPort
	var sockErr error
	v4 := tcp.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().Is4()
	err = raw.Control(func(fd uintptr) {
		if v4 {
			// The address fits into the sixteen bytes that this call reads: family
			// (2), port (2), address (4), padding (8).
			var m *unix.IPv6Mreq
			if m, sockErr = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, soOriginalDst); sockErr == nil {
				b := m.Multiaddr
				dst = netip.AddrPortFrom(
					netip.AddrFrom4([4]byte(b[4:8])),
					binary.BigEndian.Uint16(b[2:4]),
				)
			}
			return
		}
		var m *unix.IPv6MTUInfo // begins with a sockaddr_in6
		if m, sockErr = unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, soOriginalDst); sockErr == nil {
			port := *(*[2]byte)(unsafe.Pointer(&m.Addr.Port))
			addr := netip.AddrFrom16(m.Addr.Addr)
			if addr.IsLinkLocalUnicast() {
				addr = addr.WithZone(strconv.FormatUint(uint64(m.Addr.Scope_id), 10))
			}
			dst = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port[:]))
		}
	})
	if err == nil {
		err = sockErr
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("where was %s going: %w", c.RemoteAddr(), err)
	}
	return dst, nil
}
