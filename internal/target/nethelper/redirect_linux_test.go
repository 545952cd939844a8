package nethelper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const testDelay = 200 * time.Millisecond

func TestRedirect(t *testing.T) {
	for _, host := range []string{targetV4, targetV6} {
		t.Run(host, func(t *testing.T) {
			p := newPair(t)
			addr := net.JoinHostPort(host, "8080")
			p.serve(t, p.target, addr)
			p.mustBeFast(t, addr, testDelay)

			h, _ := p.impair(t, Params{Condition: slow(testDelay, 50*time.Millisecond)})
			c := p.dial(t, p.client, addr)
			if d := c.mustAsk(t, "hi"); d < 2*(testDelay-50*time.Millisecond) {
				t.Errorf("expected the first answer after opening and answer were delayed, found it after %s", d)
			}
			for range 3 {
				if d := c.mustAsk(t, "hi"); d < testDelay-50*time.Millisecond {
					t.Errorf("expected a delayed answer, found it after %s", d)
				}
			}
			// Loopback traffic inside the namespace stays as it is.
			best := time.Hour
			local := p.dial(t, p.target, addr)
			for range 10 {
				best = min(best, local.mustAsk(t, "hi"))
			}
			if best > testDelay/2 {
				t.Errorf("expected loopback traffic to be left alone, the best of ten took %s", best)
			}

			io.WriteString(h.in, LineRevert+"\n")
			h.expect(t, EventCleared)
			m := h.expect(t, EventReverted)
			if m.Stats == nil || m.Stats.Conns != 1 || !m.Stats.Impaired {
				t.Errorf("expected one delayed connection in the counts, without the probes; found %+v", m.Stats)
			}
			p.mustBeClean(t)
			p.mustBeFast(t, addr, testDelay)
			if err := h.cmd.Wait(); err != nil {
				t.Errorf("expected exit code 0, found %v", err)
			}
		})
	}
}

func TestRedirect_openConnections(t *testing.T) {
	p := newPair(t)
	addr := net.JoinHostPort(targetV4, "8080")
	p.serve(t, p.target, addr)
	upstream := net.JoinHostPort(clientV4, "9090")
	p.serve(t, p.client, upstream)

	idle := p.dial(t, p.client, addr)
	idle.mustAsk(t, "hi")
	outbound := p.dial(t, p.target, upstream) // the target as somebody's client
	outbound.mustAsk(t, "hi")
	busy := p.dial(t, p.client, addr)
	busy.mustAsk(t, "hi")
	answer := make(chan error, 1)
	go func() {
		_, err := busy.ask("1500ms") // the answer comes when traffic is impaired
		answer <- err
	}()
	time.Sleep(200 * time.Millisecond)

	h, _ := p.impair(t, Params{Condition: slow(testDelay, 0)})
	if err := <-answer; err != nil {
		t.Errorf("expected the answer that was under way to arrive, found %v", err)
	}
	for name, c := range map[string]*caller{"idle": idle, "busy": busy} {
		if d, err := c.ask("hi"); err == nil {
			t.Errorf("expected the %s connection from before to be reset at its next request, found an answer after %s", name, d)
		} else if !errors.Is(err, unix.ECONNRESET) && err != io.EOF {
			t.Errorf("expected the %s connection from before to be reset, found %v", name, err)
		}
	}
	if _, err := outbound.ask("hi"); err != nil {
		t.Errorf("expected the target's own connection to live on, found %v", err)
	}
	p.dial(t, p.target, upstream).mustAsk(t, "hi")

	// A connection that is waiting for its answer when the fault ends gets it.
	late := p.dial(t, p.client, addr)
	late.mustAsk(t, "hi")
	go func() {
		_, err := late.ask("500ms")
		answer <- err
	}()
	time.Sleep(200 * time.Millisecond)
	io.WriteString(h.in, LineRevert+"\n")
	h.expect(t, EventCleared)
	h.expect(t, EventReverted)
	if err := <-answer; err != nil {
		t.Errorf("expected an answer across the revert, found %v", err)
	}
	if _, err := outbound.ask("hi"); err != nil {
		t.Errorf("expected the target's own connection to live on after the revert, found %v", err)
	}
	p.mustBeClean(t)
	p.mustBeFast(t, addr, testDelay)
}

// Until the load has left its connections they are not reset, and what they are used for is
// answered; those that were opened since go through the proxy.
func TestRedirect_leaving(t *testing.T) {
	p := newPair(t)
	addr := net.JoinHostPort(targetV4, "8080")
	p.serve(t, p.target, addr)
	old := p.dial(t, p.client, addr)
	old.mustAsk(t, "hi")
	h := p.helper(t, Params{
		ID: t.Name(), Condition: slow(testDelay, 0), Deadline: time.Minute, Mechanism: "nft-proxy",
	}.Args()...)
	h.expect(t, EventReady)
	io.WriteString(h.in, LineApply+"\n")
	h.expect(t, EventCarrying)
	since := p.dial(t, p.client, addr)
	since.mustAsk(t, "hi")
	old.mustAsk(t, "hi")
	io.WriteString(h.in, LineReset+"\n")
	h.expect(t, EventApplied)
	if d := since.mustAsk(t, "hi"); d < testDelay {
		t.Errorf("expected the answer on a connection opened since to be delayed, found it after %s", d)
	}
	if _, err := old.ask("hi"); !errors.Is(err, unix.ECONNRESET) && err != io.EOF {
		t.Errorf("expected the connection from before to be reset by now, found %v", err)
	}
	io.WriteString(h.in, LineRevert+"\n")
	h.expect(t, EventCleared)
	h.expect(t, EventReverted)
	p.mustBeClean(t)
}

func TestRedirect_ends(t *testing.T) {
	addr := net.JoinHostPort(targetV4, "8080")
	tests := []struct {
		name     string
		deadline time.Duration
		end      func(*helper)
		why      string
	}{
		{"input closed", time.Minute, func(h *helper) { h.in.Close() }, "input closed"},
		{"SIGTERM", time.Minute, func(h *helper) { h.cmd.Process.Signal(unix.SIGTERM) }, "signal terminated"},
		{"deadline", 1500 * time.Millisecond, func(*helper) {}, "deadline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t)
			p.serve(t, p.target, addr)
			h, _ := p.impair(t, Params{Condition: slow(testDelay, 0), Deadline: tt.deadline})
			tt.end(h)
			h.expect(t, EventCleared)
			m := h.expect(t, EventReverted)
			if !strings.Contains(m.Why, tt.why) {
				t.Errorf("expected the reason %q, found %q", tt.why, m.Why)
			}
			if m.Stats == nil || m.Stats.Conns != 0 {
				t.Errorf("expected no connections in the counts, found %+v", m.Stats)
			}
			p.mustBeClean(t)
			p.mustBeFast(t, addr, testDelay)
		})
	}
}

// TestClean kills the helper itself: its rules stay and lead to a proxy that is
// gone. That is what clean is for.
func TestClean(t *testing.T) {
	p := newPair(t)
	addr := net.JoinHostPort(targetV4, "8080")
	p.serve(t, p.target, addr)
	h, _ := p.impair(t, Params{Condition: slow(testDelay, 0)})
	h.cmd.Process.Kill()
	h.cmd.Wait()
	in(t, p.client, func() error {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			c.Close()
			return errors.New("expected connections to be refused while the redirect leads nowhere: the test shows nothing")
		}
		return nil
	})

	if m := p.helper(t, "clean").expect(t, EventClean); len(m.Found) != 1 || !strings.Contains(m.Found[0], "inet ordeal") {
		t.Errorf("expected the table to be found, found %q", m.Found)
	}
	p.mustBeClean(t)
	p.mustBeFast(t, addr, testDelay)
	if m := p.helper(t, "clean").expect(t, EventClean); len(m.Found) != 0 {
		t.Errorf("expected nothing to clean the second time, found %q", m.Found)
	}
}

// TestStaleTable impairs a namespace in which a killed helper left its rules.
func TestStaleTable(t *testing.T) {
	p := newPair(t)
	addr := net.JoinHostPort(targetV4, "8080")
	p.serve(t, p.target, addr)
	h, _ := p.impair(t, Params{Condition: slow(testDelay, 0)})
	h.cmd.Process.Kill()
	h.cmd.Wait()
	h, _ = p.impair(t, Params{Condition: slow(testDelay, 0)})
	if d := p.dial(t, p.client, addr).mustAsk(t, "hi"); d < testDelay {
		t.Errorf("expected a delayed answer, found it after %s", d)
	}
	io.WriteString(h.in, LineRevert+"\n")
	h.expect(t, EventCleared)
	h.expect(t, EventReverted)
	p.mustBeClean(t)
}

// TestNetem shows the delay where the kernel has netem, and otherwise that its
// lack is told and nothing is left.
func TestNetem(t *testing.T) {
	p := newPair(t)
	addr := net.JoinHostPort(targetV4, "8080")
	p.serve(t, p.target, addr)
	in(t, p.target, func() error { // the client plays the host
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: net.ParseIP(clientV4)})
	})
	h := p.helper(t, Params{ID: "n", Condition: slow(testDelay, 0), Deadline: time.Minute, Mechanism: "netem"}.Args()...)
	h.expect(t, EventReady)
	io.WriteString(h.in, LineApply+"\n")
	m, err := h.msgs.Next()
	if err != nil {
		t.Fatal(err)
	}
	if m.Event == EventError {
		if !strings.Contains(m.Error, "netem") || m.Dirty {
			t.Fatalf("expected the lack of netem and nothing dirty, found %+v", m)
		}
		p.mustBeFast(t, addr, testDelay)
		t.Logf("this kernel cannot show more: %s", m.Error)
		return
	}
	if d := p.dial(t, p.client, addr).mustAsk(t, "hi"); d < testDelay {
		t.Errorf("expected a delayed answer, found it after %s", d)
	}
	io.WriteString(h.in, LineRevert+"\n")
	h.expect(t, EventCleared)
	h.expect(t, EventReverted)
	p.mustBeFast(t, addr, testDelay)
}

// TestNetem_foreign meets a queueing discipline that somebody else put there.
func TestNetem_foreign(t *testing.T) {
	p := newPair(t)
	in(t, p.target, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		attrs := netlink.QdiscAttrs{LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
		if err := netlink.QdiscAdd(&netlink.GenericQdisc{QdiscAttrs: attrs, QdiscType: "pfifo"}); err != nil {
			return fmt.Errorf("adding a pfifo: %w", err)
		}
		_, err = new(netem).apply(context.Background(), Params{Condition: slow(testDelay, 0)}, func() error { return nil })
		if err == nil || !strings.Contains(err.Error(), "pfifo") {
			return fmt.Errorf("expected a refusal that names pfifo, found %v", err)
		}
		if _, err := new(netem).revert(context.Background(), func() {}); err != nil {
			return err
		}
		qdiscs, err := netlink.QdiscList(l)
		if err == nil && foreignRoot(qdiscs) == nil {
			err = errors.New("the foreign queueing discipline is gone")
		}
		return err
	})
}
