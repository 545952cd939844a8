package nethelper

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// States of a TCP socket in /proc/net/tcp.
const (
	tcpEstablished = 1
	tcpTimeWait    = 6
	tcpCloseWait   = 8
	tcpListen      = 10
)

// socket is a line of /proc/net/tcp or tcp6.
type socket struct {
	local, remote netip.AddrPort
	state         uint8
}

// Sockets are the TCP sockets of a network namespace at one moment.
type Sockets struct{ all []socket }

// SocketsOf lists those of the namespace that a process of this machine is in. Any
// user may ask.
func SocketsOf(pid int) (Sockets, error) {
	all, err := socketsIn(fmt.Sprintf("/proc/%d/net", pid))
	return Sockets{all}, err
}

// Listens says whether something listens at a port for connections from outside the
// namespace.
func (s Sockets) Listens(port uint16) bool {
	return s.has(port, tcpListen)
}

// Connected says whether a connection from outside the namespace to a port is open.
// One that only a proxy before the namespace holds is not in it.
func (s Sockets) Connected(port uint16) bool {
	return s.has(port, tcpEstablished, tcpCloseWait)
}

func (s Sockets) has(port uint16, states ...uint8) bool {
	return slices.ContainsFunc(s.all, func(s socket) bool {
		return s.local.Port() == port && !s.local.Addr().IsLoopback() &&
			slices.Contains(states, s.state)
	})
}

// socketsIn lists the sockets of a folder such as /proc/self/net.
func socketsIn(dir string) ([]socket, error) {
	var all []socket
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && name == "tcp6" {
			continue // no IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("listing sockets: %w", err)
		}
		s, err := parseSockets(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("listing sockets: %s: %w", f.Name(), err)
		}
		all = append(all, s...)
	}
	return all, nil
}

// parseSockets reads the format of /proc/net/tcp and tcp6: a heading, then
// "sl local rem st …" with addresses as hexadecimal words of the machine's byte
// order, and ports in network order.
func parseSockets(r io.Reader) ([]socket, error) {
	var out []socket
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		if n == 1 || strings.TrimSpace(s.Text()) == "" {
			continue
		}
		f := strings.Fields(s.Text())
		if len(f) < 4 {
			return nil, fmt.Errorf("expected a socket on line %d, found %q", n, s.Text())
		}
		local, err := parseHexAddr(f[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		remote, err := parseHexAddr(f[2])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		state, err := strconv.ParseUint(f[3], 16, 8)
		if err != nil {
			return nil, fmt.Errorf("line %d: expected a state, found %q", n, f[3])
		}
		out = append(out, socket{local, remote, uint8(state)})
	}
	return out, s.Err()
}

func parseHexAddr(s string) (netip.AddrPort, error) {
	addr, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(addr)
	if !ok || err != nil || (len(raw) != 4 && len(raw) != 16) {
		return netip.AddrPort{}, fmt.Errorf("expected a hexadecimal address and port, found %q", s)
	}
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("expected a hexadecimal port, found %q", s)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), nil
}
