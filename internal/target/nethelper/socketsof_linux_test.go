package nethelper_test

import (
	"net"
	"os/exec"
	"runtime"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

func TestSocketsOf(t *testing.T) {
	// A process of the namespace that this thread is in: other tests put threads elsewhere.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid := cmd.Process.Pid
	// Of an address that other machines could reach, as the loopback's do not count.
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(ln.Addr().(*net.TCPAddr).Port)
	s, err := nethelper.SocketsOf(pid)
	if err != nil || !s.Listens(port) || s.Connected(port) {
		t.Errorf("listens %v, connected %v, %v", s.Listens(port), s.Connected(port), err)
	}
	ln.Close()
	if s, err := nethelper.SocketsOf(pid); err != nil || s.Listens(port) {
		t.Errorf("closed, and it listens: %v, %v", s.Listens(port), err)
	}
	if _, err := nethelper.SocketsOf(1 << 30); err == nil {
		t.Error("no error for a process that is not there")
	}
}
