package nethelper

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
)

// asHelper makes the test binary a helper: namespaces belong to threads, and the
// helper has many.
const asHelper = "ORDEAL_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(asHelper) != "" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// pair is two namespaces joined by a cable: a target with a server, and a
// client.
type pair struct {
	target, client netns.NsHandle
}

const (
	targetV4, clientV4 = "10.99.0.1", "10.99.0.2"
	targetV6, clientV6 = "fd00:99::1", "fd00:99::2"
)

func newPair(t *testing.T) *pair {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("ORDEAL_REQUIRE_DOCKER") == "1" {
			t.Fatal("needs root to make network namespaces")
		}
		t.Skip("SKIP needs root to make network namespaces")
	}
	p := &pair{}
	onThread(t, func() error {
		var err error
		if p.client, err = netns.New(); err != nil {
			return err
		}
		if p.target, err = netns.New(); err != nil { // and stays in it
			return err
		}
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(p.client)}
		if err := netlink.LinkAdd(veth); err != nil {
			return fmt.Errorf("adding a veth pair: %w", err)
		}
		if err := address(targetV4, targetV6); err != nil {
			return err
		}
		if err := netns.Set(p.client); err != nil {
			return err
		}
		return address(clientV4, clientV6)
	})
	t.Cleanup(func() {
		p.target.Close()
		p.client.Close()
	})
	return p
}

func address(v4, v6 string) error {
	for _, name := range []string{"lo", "eth0"} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if name == "eth0" {
			for _, a := range []string{v4 + "/24", v6 + "/64"} {
				addr, err := netlink.ParseAddr(a)
				if err != nil {
					return err
				}
				addr.Flags = unix.IFA_F_NODAD
				if err := netlink.AddrAdd(l, addr); err != nil {
					return fmt.Errorf("adding address %s: %w", a, err)
				}
			}
		}
		if err := netlink.LinkSetUp(l); err != nil {
			return err
		}
	}
	return nil
}

// onThread runs f on a thread of its own that may change its namespace and is
// thrown away.
func onThread(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// in runs f inside a namespace.
func in(t *testing.T, ns netns.NsHandle, f func() error) {
	t.Helper()
	onThread(t, func() error {
		if err := netns.Set(ns); err != nil {
			return err
		}
		return f()
	})
}

// serve starts a server in a namespace that answers each line with itself; a
// line that is a duration, after that long.
func (p *pair) serve(t *testing.T, ns netns.NsHandle, addr string) {
	t.Helper()
	var ln net.Listener
	in(t, ns, func() (err error) {
		ln, err = net.Listen("tcp", addr)
		return err
	})
	porttest.Serve(t, ln, func(c net.Conn) {
		for r := bufio.NewReader(c); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if pause, err := time.ParseDuration(strings.TrimSpace(line)); err == nil {
				time.Sleep(pause)
			}
			io.WriteString(c, line)
		}
	})
}

// caller is a client's connection.
type caller struct {
	net.Conn
	r *bufio.Reader
}

func (p *pair) dial(t *testing.T, ns netns.NsHandle, addr string) *caller {
	t.Helper()
	var c net.Conn
	in(t, ns, func() (err error) {
		c, err = net.DialTimeout("tcp", addr, 5*time.Second)
		return err
	})
	t.Cleanup(func() { c.Close() })
	return &caller{c, bufio.NewReader(c)}
}

// ask sends a line and returns how long its answer took.
func (c *caller) ask(line string) (time.Duration, error) {
	start := time.Now()
	c.SetDeadline(start.Add(10 * time.Second))
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return 0, err
	}
	got, err := c.r.ReadString('\n')
	if err == nil && got != line+"\n" {
		err = fmt.Errorf("expected %q back, found %q", line, got)
	}
	return time.Since(start), err
}

func (c *caller) mustAsk(t *testing.T, line string) time.Duration {
	t.Helper()
	d, err := c.ask(line)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// helper is one in a child process inside the target's namespace.
type helper struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	msgs   *Messages
	stderr strings.Builder
	beats  chan struct{} // closed to stop the heartbeat
}

func (p *pair) helper(t *testing.T, args ...string) *helper {
	t.Helper()
	h := &helper{cmd: exec.Command("/proc/self/exe", args...), beats: make(chan struct{})}
	h.cmd.Env = append(os.Environ(), asHelper+"=1")
	h.cmd.Stderr = &h.stderr
	var err error
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.msgs = NewMessages(out)
	in(t, p.target, h.cmd.Start)
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-h.beats:
				return
			case <-time.After(BeatEvery):
				io.WriteString(h.in, LineBeat+"\n")
			}
		}
	})
	t.Cleanup(func() {
		h.cmd.Process.Kill()
		close(h.beats)
		beating.Wait()
		h.in.Close()
		h.cmd.Wait()
		if h.stderr.Len() > 0 {
			t.Logf("the helper's stderr: %s", &h.stderr)
		}
	})
	return h
}

func (h *helper) expect(t *testing.T, event string) Message {
	t.Helper()
	m, err := h.msgs.Next()
	if err != nil {
		t.Fatalf("expected %s, found %v; stderr: %s", event, err, &h.stderr)
	}
	if m.Event != event {
		t.Fatalf("expected %s, found %+v", event, m)
	}
	return m
}

// impair starts a helper and returns once traffic is impaired.
func (p *pair) impair(t *testing.T, params Params) (*helper, Message) {
	t.Helper()
	params.ID, params.Mechanism = t.Name(), "nft-proxy"
	if params.Deadline == 0 {
		params.Deadline = time.Minute
	}
	h := p.helper(t, params.Args()...)
	h.expect(t, EventReady)
	io.WriteString(h.in, LineApply+"\n")
	h.expect(t, EventCarrying)
	io.WriteString(h.in, LineReset+"\n")
	m := h.expect(t, EventApplied)
	if m.Mechanism != Proxy || !strings.HasPrefix(m.Evidence, "round trip ") {
		t.Fatalf("expected a proof of %+v by %s, found %+v", params.Condition, Proxy, m)
	}
	return h, m
}

// mustBeClean fails the test if something of ordeal is in the target's namespace.
func (p *pair) mustBeClean(t *testing.T) {
	t.Helper()
	in(t, p.target, func() error {
		found, err := tableExists()
		if err == nil && found {
			err = errors.New("the nftables table is still there")
		}
		return err
	})
}

// mustBeFast passes if the answers of a fresh connection come at once: the best of
// several, so that a busy machine does not matter.
func (p *pair) mustBeFast(t *testing.T, addr string, delay time.Duration) {
	t.Helper()
	best := time.Hour
	for range 10 {
		if best = min(best, p.dial(t, p.client, addr).mustAsk(t, "hi")); best < delay/2 {
			return
		}
	}
	t.Errorf("expected answers without the delay of %s, the best of ten took %s", delay, best)
}
