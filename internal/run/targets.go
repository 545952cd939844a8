package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// takeTimeout is how long other runs are waited for that look who is at which target.
const takeTimeout = 10 * time.Second

// take makes sure that no other run of this state folder is at what this one puts under load or
// breaks, as each would be in the other's figures.
func (r *runner) take(ctx context.Context, me owner.Owner) error {
	touched, err := r.touched(me)
	if err != nil {
		return err
	}
	turn, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	busy, err := r.folder.Take(turn, r.claim, touched, r.opt.Share)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range busy {
		what := fmt.Sprintf("run %s (process %d of %s, since %s)", b.ID, b.Owner.PID,
			b.Owner.Host, b.Started.Local().Format(time.TimeOnly))
		at, _, _ := strings.Cut(b.Target, nowhereElse)
		switch {
		case !b.Lives:
			r.progress("warning: %s may be at %s too: whether it is over cannot be seen from here",
				what, at)
		case r.opt.Share:
			r.progress("warning: %s is at %s too, and each is in the other's figures", what, at)
		default:
			errs = append(errs, fmt.Errorf("%s is at %s too, and each would be in the other's "+
				"figures: wait until it is over, or run with --share", what, at))
		}
	}
	return errors.Join(errs...)
}

// nowhereElse begins where a target is that every machine has under the same name.
const nowhereElse = " in "

// touched names what the run puts under load or breaks, such that another run on the same names
// it alike: host:port of where connections go, sockets, and what services find.
func (r *runner) touched(me owner.Owner) ([]string, error) {
	var out []string
	ways := r.attack.Connections
	for _, u := range protocols.Origins(&r.attack) {
		network, to := ways.Where(wire.Address(u))
		if network == "unix" {
			if abs, err := filepath.Abs(to); err == nil {
				to = abs
			}
			out = append(out, "the socket "+to+nowhereElse+here(me))
			continue
		}
		out = append(out, hostPort(to, me))
	}
	for _, s := range r.plan.Services {
		if c, ok := s.Settings.(target.Carrier); ok {
			to, err := target.Expand(c.Upstream(), r.services.addr)
			if err != nil {
				return nil, fmt.Errorf("service %s: %w", s.Name, err)
			}
			out = append(out, hostPort(to, me))
		}
		for _, t := range r.services.targets[s.Name] {
			if found, ok := t.(target.Found); ok && found.Identity() != "" {
				out = append(out, found.Identity())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// hostPort is an address in one spelling. Those of this machine itself are told apart from
// other machines'.
func hostPort(address string, me owner.Owner) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		host = ip.String()
		if ip == netip.MustParseAddr("127.0.0.1") || ip.IsUnspecified() ||
			ip == netip.IPv6Loopback() {
			host = "localhost"
		} else if ip.IsLoopback() {
			return net.JoinHostPort(host, port) + nowhereElse + here(me)
		}
	}
	if host == "localhost" {
		return net.JoinHostPort(host, port) + nowhereElse + here(me)
	}
	return net.JoinHostPort(host, port)
}

// here is the network that this process is in, which a container has of its own.
func here(me owner.Owner) string {
	space, _ := os.Readlink("/proc/self/ns/net") // "" where there are none
	return cmp.Or(me.Boot, me.Host) + "/" + space
}
