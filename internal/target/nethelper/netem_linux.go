package nethelper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/roundtrip"
)

// netemHandle is the handle (major number) that marks a queueing discipline as
// ordeal's.
const netemHandle = 0x0dea

// netem delays all that leaves the namespace, with the kernel's own queueing
// discipline at the root of every interface but lo. That is every answer and
// every SYN-ACK; unlike with the proxy it is also what the target itself sends
// to others.
type netem struct{}

// Limits of a netem queue, in packets. What a queue cannot hold is dropped, so
// it has to hold what passes within the delay. Nobody knows that beforehand:
// 50,000 packets a second are 600 Mbit/s of full packets.
const (
	netemPackets  = 50_000 // a second
	netemMinLimit = 1_000
	netemMaxLimit = 1_000_000
)

// netemLimit is the queue's length for a delay: rate × delay × 1.5.
func netemLimit(delay time.Duration) uint32 {
	n := int64(netemPackets * delay.Seconds() * 1.5)
	return uint32(min(max(n, netemMinLimit), netemMaxLimit))
}

// netemEffect is a network condition that netem can do.
type netemEffect struct {
	name string // of the fault
	set  func(*netlink.NetemQdiscAttrs, chaos.NetCondition)
	// proof shows that it acts.
	proof func(chaos.NetCondition) roundtrip.Proof
}

// netemEffects lists what netem can do: a row for each network fault.
func netemEffects() []netemEffect {
	return []netemEffect{
		{
			name: "latency",
			set: func(a *netlink.NetemQdiscAttrs, c chaos.NetCondition) {
				a.Latency = uint32(c.Latency.Delay.Microseconds())
				a.Jitter = uint32(c.Latency.Jitter.Microseconds())
			},
			proof: func(c chaos.NetCondition) roundtrip.Proof {
				return roundtrip.Grown(c.Latency.Delay, c.Latency.Jitter)
			},
		},
	}
}

func netemQdisc(link int, c chaos.NetCondition) *netlink.Netem {
	attrs := netlink.NetemQdiscAttrs{Limit: netemLimit(c.Slower())}
	for _, e := range netemEffects() {
		e.set(&attrs, c)
	}
	return netlink.NewNetem(netlink.QdiscAttrs{
		LinkIndex: link, Handle: netlink.MakeHandle(netemHandle, 0), Parent: netlink.HANDLE_ROOT,
	}, attrs)
}

// foreignRoot returns the root queueing discipline that somebody put there, nil
// if there is none: those that the kernel puts there by itself have no handle.
func foreignRoot(qdiscs []netlink.Qdisc) netlink.Qdisc {
	for _, q := range qdiscs {
		a := q.Attrs()
		if a.Parent == netlink.HANDLE_ROOT && a.Handle != 0 &&
			a.Handle != netlink.MakeHandle(netemHandle, 0) {
			return q
		}
	}
	return nil
}

func (*netem) apply(ctx context.Context, p Params, _ func() error) (string, error) {
	links, err := outerLinks()
	if err != nil {
		return "", err
	}
	for _, l := range links {
		qdiscs, err := netlink.QdiscList(l)
		if err != nil {
			return "", fmt.Errorf("listing queueing disciplines of %s: %w", l.Attrs().Name, err)
		}
		if q := foreignRoot(qdiscs); q != nil {
			return "", fmt.Errorf(
				"%s already has a queueing discipline, %s: not replacing what is not ordeal's",
				l.Attrs().Name,
				q.Type(),
			)
		}
	}
	nothing := chaos.NetCondition{Latency: chaos.Latency{Delay: time.Microsecond}}
	for _, l := range links {
		if err := netlink.QdiscReplace(netemQdisc(l.Attrs().Index, nothing)); err != nil {
			if errors.Is(err, unix.ENOENT) {
				return "", errors.New("the kernel has no sch_netem")
			}
			return "", fmt.Errorf("adding netem to %s: %w", l.Attrs().Name, err)
		}
	}
	// Measured with an empty netem in place, so that before and after differ in
	// the delay alone.
	gateway, err := neighbour(links)
	if err != nil {
		return "", err
	}
	round := func(ctx context.Context) ([]time.Duration, error) {
		var trips []time.Duration
		for range knocks {
			trip, err := knock(ctx, gateway)
			if err != nil {
				return nil, err
			}
			trips = append(trips, trip)
		}
		return trips, nil
	}
	var proofs []roundtrip.Proof
	for _, e := range netemEffects() {
		if slices.Contains(p.Condition.Names(), e.name) {
			proofs = append(proofs, e.proof(p.Condition))
		}
	}
	return roundtrip.Prove(ctx, round, func() error {
		for _, l := range links {
			want := netemQdisc(l.Attrs().Index, p.Condition)
			if err := netlink.QdiscReplace(want); err != nil {
				return fmt.Errorf("adding netem to %s: %w", l.Attrs().Name, err)
			}
			if err := checkNetem(l, want); err != nil {
				return err
			}
		}
		return nil
	}, proofs...)
}

// knocks is how many round trips make a round.
const knocks = 3

func (*netem) revert(_ context.Context, cleared func()) (Cleared, error) {
	if _, err := removeNetem(); err != nil {
		return Cleared{}, err
	}
	cleared()
	return Cleared{Evidence: "netem is gone from all interfaces"}, nil
}

// removeNetem deletes ordeal's queueing disciplines, verifies that they are
// gone, and returns the interfaces that had one.
func removeNetem() ([]string, error) {
	links, err := outerLinks()
	if err != nil {
		return nil, err
	}
	var had []string
	for _, l := range links {
		for verify := false; ; verify = true {
			q, err := ownQdisc(l)
			if err != nil {
				return had, err
			}
			if q == nil {
				break
			}
			if verify {
				return had, fmt.Errorf("netem is still on %s after it was deleted", l.Attrs().Name)
			}
			if err := netlink.QdiscDel(q); err != nil {
				return had, fmt.Errorf("deleting netem from %s: %w", l.Attrs().Name, err)
			}
			had = append(had, l.Attrs().Name)
		}
	}
	return had, nil
}

func ownQdisc(l netlink.Link) (netlink.Qdisc, error) {
	qdiscs, err := netlink.QdiscList(l)
	if err != nil {
		return nil, fmt.Errorf("listing queueing disciplines of %s: %w", l.Attrs().Name, err)
	}
	for _, q := range qdiscs {
		if q.Attrs().Handle == netlink.MakeHandle(netemHandle, 0) {
			return q, nil
		}
	}
	return nil, nil
}

// checkNetem reads the queueing discipline back.
func checkNetem(l netlink.Link, want *netlink.Netem) error {
	q, err := ownQdisc(l)
	if err != nil {
		return err
	}
	got, ok := q.(*netlink.Netem)
	if !ok {
		return fmt.Errorf("expected netem on %s, found %v", l.Attrs().Name, q)
	}
	// The kernel keeps times in ticks, which need not be whole microseconds.
	if diff := int64(got.Latency) - int64(want.Latency); diff > int64(want.Latency)/100 ||
		diff < -int64(want.Latency)/100 {
		return fmt.Errorf(
			"expected netem on %s with latency %d, found %d",
			l.Attrs().Name,
			want.Latency,
			got.Latency,
		)
	}
	return nil
}

// outerLinks lists the interfaces that are up, without lo.
func outerLinks() ([]netlink.Link, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("listing interfaces: %w", err)
	}
	var outer []netlink.Link
	for _, l := range all {
		if f := l.Attrs().Flags; f&net.FlagLoopback == 0 && f&net.FlagUp != 0 {
			outer = append(outer, l)
		}
	}
	return outer, nil
}

// neighbour is an address at the other end of an interface: the default
// gateway, which for a container is its host.
func neighbour(links []netlink.Link) (netip.Addr, error) {
	for _, l := range links {
		routes, err := netlink.RouteList(l, netlink.FAMILY_V4)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("listing routes of %s: %w", l.Attrs().Name, err)
		}
		for _, r := range routes {
			if gw, ok := netip.AddrFromSlice(r.Gw); ok {
				return gw.Unmap(), nil
			}
		}
	}
	return netip.Addr{}, errors.New(
		"no round trip out of the namespace could be measured: it has no gateway",
	)
}

// knock measures a round trip to a host by opening a connection to a port that
// nobody listens on: refused or opened, it was answered.
func knock(ctx context.Context, host netip.Addr) (time.Duration, error) {
	const discard = 9
	start := time.Now()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(host, discard).String())
	trip := time.Since(start)
	if err == nil {
		c.Close()
		return trip, nil
	}
	if errors.Is(err, unix.ECONNREFUSED) {
		return trip, nil
	}
	return 0, err
}
