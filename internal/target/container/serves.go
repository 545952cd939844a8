package container

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

// Serves implements chaos.Server, for a container without a readiness check. It returns the
// declared ports at which something in the container listens, where that can be seen, and the
// published addresses whose connections get to it.
func (c *Container) Serves(ctx context.Context) ([]string, error) {
	if c.prober != nil {
		return nil, nil // Start waits for the readiness check
	}
	r, err := c.inspect(ctx)
	if errors.Is(err, chaos.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	if s, seen := c.sockets(r); seen {
		for _, port := range declared(r) {
			if s.Listens(uint16(port.Int())) {
				out = append(out, "its own port "+string(port))
			}
		}
	}
	if !c.engine.local() {
		return out, ctx.Err()
	}
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for _, p := range hostAddrs(r) {
		wg.Go(func() {
			if c.serves(ctx, p.address) != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			out = append(out, "tcp://"+p.address)
		})
	}
	wg.Wait()
	slices.Sort(out)
	return out, ctx.Err()
}

// serves returns nil if a connection to a published address gets to the container.
func (c *Container) serves(ctx context.Context, address string) error {
	p, err := ready.NewProber(ready.Check{TCP: address}, ready.Options{Held: c.held})
	if err != nil {
		return err
	}
	return p.Ask(ctx)
}

// Behind returns a function that asks whether connections to an address of this machine get to the
// container; nil if the container does not publish the address.
func (c *Container) Behind(
	ctx context.Context,
	address string,
) (func(context.Context) error, error) {
	r, err := c.inspect(ctx)
	if err != nil || !c.engine.local() {
		return nil, err
	}
	at, ok := publishedAt(hostAddrs(r), address)
	if !ok {
		return nil, nil
	}
	return func(ctx context.Context) error { return c.serves(ctx, at.address) }, nil
}

// reaches is how long a connection may take from the engine's proxy to the container.
// Packets to one that has just been started can be lost while its network learns of
// it, and are sent again after 1 s and 3 s. What stays open for longer has got there,
// even if that cannot be seen, as in a sandbox with a network of its own.
const reaches = 4 * time.Second

// held returns nil if a new connection to an address is kept open, and gets to the
// container if it publishes that address and its sockets can be seen. The engine's
// proxy accepts at once, and holds the connection for as long as it tries to open
// its own.
func (c *Container) held(ctx context.Context, conn net.Conn, address string) error {
	if err := httpx.HeldOpen(ctx, conn); err != nil {
		return err
	}
	r, err := c.inspect(ctx)
	if err != nil {
		return err
	}
	p, ok := publishedAt(hostAddrs(r), address)
	if !ok {
		return nil
	}
	for end := time.Now().Add(reaches); ; {
		s, seen := c.sockets(r)
		switch {
		case !seen && c.engine.visible.Load():
			return errors.New("it has ended") // the engine may not know that yet
		case !seen, s.Connected(p.port), time.Now().After(end):
			return nil
		}
		if err := httpx.StillOpen(ctx, conn); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// sockets lists the TCP sockets of a container's network; seen is false if it has
// none, as it does not run, or they cannot be seen from here.
func (c *Container) sockets(r container.InspectResponse) (s nethelper.Sockets, seen bool) {
	if !isHere(r.State.Pid, r.ID) {
		return s, false
	}
	s, err := nethelper.SocketsOf(r.State.Pid)
	// isHere is asked again, as the pid may be another process's by now.
	if err != nil || !isHere(r.State.Pid, r.ID) {
		return s, false
	}
	c.engine.visible.Store(true)
	return s, true
}

// cannotTell says whether the container declares ports and there is no way to tell when it serves.
func (c *Container) cannotTell(r container.InspectResponse) bool {
	if c.prober != nil || health(r) != "" || !r.State.Running || len(declared(r)) == 0 {
		return false
	}
	_, seen := c.sockets(r)
	return !seen
}

// declared lists the TCP ports that a container publishes or its image exposes. Other ports on
// which it listens may be open for a moment only.
func declared(r container.InspectResponse) []nat.Port {
	var out []nat.Port
	add := func(p nat.Port) {
		if p.Proto() == "tcp" {
			out = append(out, p)
		}
	}
	if r.Config != nil {
		for p := range r.Config.ExposedPorts {
			add(p)
		}
	}
	if r.NetworkSettings != nil {
		for p := range r.NetworkSettings.Ports {
			add(p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// published is a TCP port of a container at an address of this machine.
type published struct {
	address string
	port    uint16 // in the container
}

// hostAddrs are where this machine reaches a container's published TCP ports.
func hostAddrs(r container.InspectResponse) []published {
	if r.NetworkSettings == nil {
		return nil
	}
	var out []published
	for port, bindings := range r.NetworkSettings.Ports {
		if port.Proto() != "tcp" {
			continue
		}
		for _, b := range bindings {
			host := b.HostIP
			switch a, err := netip.ParseAddr(host); {
			case host == "", err == nil && a.IsUnspecified() && a.Is4():
				host = "127.0.0.1"
			case err == nil && a.IsUnspecified():
				host = "::1"
			}
			// Engines say that they publish on [::] where this machine has no IPv6.
			if host == "::1" &&
				slices.ContainsFunc(
					bindings,
					func(o nat.PortBinding) bool { return o.HostIP == "0.0.0.0" && o.HostPort == b.HostPort },
				) {
				continue
			}
			out = append(out, published{net.JoinHostPort(host, b.HostPort), uint16(port.Int())})
		}
	}
	slices.SortFunc(out, func(a, b published) int {
		return cmp.Or(strings.Compare(a.address, b.address), cmp.Compare(a.port, b.port))
	})
	return slices.Compact(out)
}

// publishedAt finds an address among the published ones. All addresses of the loopback interface
// count as the same.
func publishedAt(all []published, address string) (published, bool) {
	for _, p := range all {
		if p.address == address || atHome(p.address) != "" && atHome(p.address) == atHome(address) {
			return p, true
		}
	}
	return published{}, false
}

// atHome is the port of an address of the loopback interface, "" of another one.
func atHome(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return port
	}
	return ""
}
