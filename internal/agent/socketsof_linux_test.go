package agent

import (
	"net"
	"os"
	"testing"
)

func TestSocketsOf(t *testing.T) {
	// Of an address that other machines could reach, as the loopback's do not count.
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(ln.Addr().(*net.TCPAddr).Port)
	s, err := SocketsOf(os.Getpid())
	if err != nil || !s.Listens(port) || s.Connected(port) {
		t.Errorf("listens %v, connected %v, %v", s.Listens(port), s.Connected(port), err)
	}
	ln.Close()
	if s, err := SocketsOf(os.Getpid()); err != nil || s.Listens(port) {
		t.Errorf("closed, and it listens: %v, %v", s.Listens(port), err)
	}
	if _, err := SocketsOf(1 << 30); err == nil {
		t.Error("no error for a process that is not there")
	}
}
