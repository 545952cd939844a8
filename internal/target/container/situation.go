package container

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"

	"github.com/seed-1574e9de/ordeal/chaos"
)

// situation is all of a container that must be the same after a restart. It is
// journalled.
type situation struct {
	// Host addresses by port and protocol.
	Ports      map[string][]string     `json:"ports,omitempty"`
	Networks   map[string]endpoint     `json:"networks,omitempty"`
	Policy     container.RestartPolicy `json:"policy"`
	Limits     json.RawMessage         `json:"limits,omitempty"`
	Healthy    bool                    `json:"healthy,omitempty"`
	Neighbours []neighbour             `json:"neighbours,omitempty"`
}

// endpoint is a container's place in a network.
type endpoint struct {
	IPv4    string   `json:"ipv4,omitempty"`
	IPv6    string   `json:"ipv6,omitempty"`
	Fixed   bool     `json:"fixed,omitempty"` // the addresses are those it was told to have
	Named   bool     `json:"named,omitempty"` // the scenario has one of them
	Aliases []string `json:"aliases,omitempty"`
}

func situationOf(r container.InspectResponse) (situation, error) {
	s := situation{Policy: r.HostConfig.RestartPolicy, Healthy: wasHealthy(r)}
	var err error
	if s.Limits, err = json.Marshal(r.HostConfig.Resources); err != nil {
		return s, err
	}
	if r.NetworkSettings == nil {
		return s, nil
	}
	s.Ports = make(map[string][]string)
	for port, bindings := range r.NetworkSettings.Ports {
		for _, b := range bindings {
			s.Ports[string(port)] = append(
				s.Ports[string(port)],
				net.JoinHostPort(b.HostIP, b.HostPort),
			)
		}
		slices.Sort(s.Ports[string(port)])
	}
	s.Networks = make(map[string]endpoint)
	for name, e := range r.NetworkSettings.Networks {
		if e == nil {
			continue
		}
		own := endpoint{
			IPv4:    e.IPAddress,
			IPv6:    e.GlobalIPv6Address,
			Aliases: slices.Sorted(slices.Values(e.Aliases)),
		}
		own.Fixed = e.IPAMConfig != nil &&
			(e.IPAMConfig.IPv4Address != "" || e.IPAMConfig.IPv6Address != "")
		s.Networks[name] = own
	}
	return s, nil
}

// Situation implements chaos.Restorer.
func (c *Container) Situation(ctx context.Context) (json.RawMessage, error) {
	r, err := c.inspect(ctx)
	if err != nil {
		return nil, err
	}
	s, err := situationOf(r)
	if err != nil {
		return nil, err
	}
	if s.Neighbours, err = c.neighbours(ctx); err != nil {
		return nil, err
	}
	for name, e := range s.Networks {
		e.Named = c.engine.named(e.IPv4) || c.engine.named(e.IPv6)
		s.Networks[name] = e
	}
	c.engine.queue.know(c.id, s.Networks)
	return json.Marshal(s)
}

// Restore implements chaos.Restorer.
func (c *Container) Restore(
	ctx context.Context,
	raw json.RawMessage,
) (done, notes []string, err error) {
	var before situation
	if err := json.Unmarshal(raw, &before); err != nil {
		return nil, nil, fmt.Errorf("reading how container %s was: %w", c.name, err)
	}
	r, err := c.inspect(ctx)
	if err != nil {
		return nil, nil, err
	}
	if done, err = c.resetPolicy(ctx, r, before.Policy); err != nil {
		return done, nil, err
	}
	for _, n := range before.Neighbours {
		what, err := c.engine.restoreNeighbour(ctx, n, cmp.Or(n.Of, c.id))
		if err != nil {
			return done, nil, err
		}
		if what != "" {
			done = append(done, what)
		}
	}
	if before.Healthy && c.prober == nil {
		if err := c.await(ctx, needsOf(r).health+margin, c.healthy); err != nil {
			return done, nil, err
		}
	}
	if r, err = c.inspect(ctx); err != nil {
		return done, nil, err
	}
	now, err := situationOf(r)
	if err != nil {
		return done, nil, err
	}
	lost, moved := c.differences(before, now)
	if len(lost) > 0 {
		return done, nil, fmt.Errorf("%w: %s", chaos.ErrNotAsBefore, strings.Join(lost, "; "))
	}
	return done, moved, nil
}

// Reset implements chaos.Resetter.
func (c *Container) Reset(ctx context.Context, raw json.RawMessage) (done []string, err error) {
	var before situation
	if err := json.Unmarshal(raw, &before); err != nil {
		return nil, fmt.Errorf("reading how container %s was: %w", c.name, err)
	}
	r, err := c.inspect(ctx)
	if err != nil {
		return nil, err
	}
	return c.resetPolicy(ctx, r, before.Policy)
}

// resetPolicy gives a container the restart policy back that Kill has suspended.
func (c *Container) resetPolicy(
	ctx context.Context,
	r container.InspectResponse,
	before container.RestartPolicy,
) (done []string, err error) {
	if samePolicy(r.HostConfig.RestartPolicy, before) {
		return nil, nil
	}
	if err := c.setPolicy(ctx, before); err != nil {
		return nil, fmt.Errorf(
			"giving container %s its restart policy %s back: %w",
			c.name,
			before.Name,
			err,
		)
	}
	return []string{fmt.Sprintf("has its restart policy %s back", before.Name)}, nil
}

// differences says what is not as it was: lost is what should be the same, moved what is different
// and was never promised to stay.
func (c *Container) differences(before, now situation) (lost, moved []string) {
	for _, port := range slices.Sorted(maps.Keys(before.Ports)) {
		for _, at := range before.Ports[port] {
			if !slices.Contains(now.Ports[port], at) {
				lost = append(
					lost,
					fmt.Sprintf(
						"container %s published %s at %s, and does so at %s now: publish it on "+
							"a fixed port and create the container anew",
						c.name,
						port,
						at,
						orNone(now.Ports[port]),
					),
				)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Networks)) {
		had := before.Networks[name]
		has, there := now.Networks[name]
		if !there {
			lost = append(
				lost,
				fmt.Sprintf(
					"container %s is no longer in the network %s: docker network connect %s %s",
					c.name,
					name,
					name,
					c.name,
				),
			)
			continue
		}
		for _, alias := range had.Aliases {
			if !slices.Contains(has.Aliases, alias) {
				lost = append(
					lost,
					fmt.Sprintf(
						"container %s has lost its name %s in the network %s: disconnect it and "+
							"connect it with --alias %s",
						c.name,
						alias,
						name,
						alias,
					),
				)
			}
		}
		if c.own || had.IPv4 == has.IPv4 && had.IPv6 == has.IPv6 {
			continue // what the run starts is known by its name alone
		}
		text := fmt.Sprintf(
			"container %s had the address %s in the network %s, and has %s now",
			c.name,
			had.addresses(),
			name,
			has.addresses(),
		)
		asked := had.Fixed || had.Named
		// The default bridge gives no fixed addresses and no names. So a container that publishes
		// ports there is reached by its ports.
		bridged := name == network.NetworkBridge && len(before.Ports) > 0
		switch {
		case !asked && bridged:
			moved = append(
				moved,
				text+", which nobody has asked for: it is reached by its published ports",
			)
		case !asked && c.engine.movesAddresses():
			moved = append(moved, text)
		case name == network.NetworkBridge:
			lost = append(
				lost,
				text+": start the containers of that network in the order in which they had "+
					"been started, or put it into a network of your own, where it has a name "+
					"and can have a fixed address (--ip)",
			)
		default:
			lost = append(
				lost,
				text+": start the containers of that network in the order in which they had "+
					"been started, or give it a fixed address (--ip)",
			)
		}
	}
	if len(before.Limits) > 0 && !sameJSON(before.Limits, now.Limits) {
		lost = append(
			lost,
			fmt.Sprintf(
				"the limits of container %s have changed: see docker inspect %s, and put them right with docker update",
				c.name,
				c.name,
			),
		)
	}
	if !samePolicy(before.Policy, now.Policy) {
		lost = append(
			lost,
			fmt.Sprintf(
				"container %s had the restart policy %s: docker update --restart %s %s",
				c.name,
				before.Policy.Name,
				before.Policy.Name,
				c.name,
			),
		)
	}
	return lost, moved
}

// sameJSON compares values, as what comes out of a journal may have other blanks.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, a) != nil || json.Compact(&y, b) != nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(x.Bytes(), y.Bytes())
}

func (e endpoint) addresses() string {
	return orNone(
		slices.DeleteFunc([]string{e.IPv4, e.IPv6}, func(s string) bool { return s == "" }),
	)
}

func orNone(in []string) string {
	if len(in) == 0 {
		return "none"
	}
	return strings.Join(in, " and ")
}

func samePolicy(a, b container.RestartPolicy) bool {
	return a == b || a.IsNone() && b.IsNone()
}

// movingPorts says which of a container's ports would be published elsewhere
// after a restart, as the engine chooses where.
func movingPorts(name string, r container.InspectResponse) error {
	if r.NetworkSettings == nil {
		return nil
	}
	var errs []error
	for port, now := range r.NetworkSettings.Ports {
		asked := r.HostConfig.PortBindings[port]
		chosen := len(asked) == 0 // with --publish-all
		for _, b := range asked {
			chosen = chosen || b.HostPort == "" || b.HostPort == "0" ||
				strings.Contains(b.HostPort, "-")
		}
		if !chosen || len(now) == 0 {
			continue
		}
		at := net.JoinHostPort(now[0].HostIP, now[0].HostPort)
		errs = append(
			errs,
			fmt.Errorf(
				"container %s publishes %s on a host port that the engine chose, %s, and would "+
					"be at another one after a restart: "+
					"publish it on a fixed port (-p %s:%s), or pause it instead",
				name,
				port,
				now[0].HostPort,
				at,
				port,
			),
		)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// Warnings implements chaos.Warner.
func (c *Container) Warnings(
	ctx context.Context,
	needs chaos.Capability,
	spec chaos.Spec,
) []string {
	if needs != chaos.CapKill {
		return nil
	}
	signal := "SIGKILL"
	if s, ok := spec.(chaos.Signaller); ok {
		signal = s.SignalSent()
	}
	r, err := c.inspect(ctx)
	if err != nil {
		return nil // the fault's Prepare reports the same error
	}
	var out []string
	if signal != "SIGKILL" && ignores(r, signal) {
		out = append(
			out,
			fmt.Sprintf(
				"container %s ignores %s, so that the fault will have no effect: use SIGKILL, "+
					"or a signal that it handles",
				c.name,
				signal,
			),
		)
	}
	if c.cannotTell(r) {
		out = append(
			out,
			fmt.Sprintf(
				"it cannot be seen from here when container %s serves again after a kill: it runs "+
					"elsewhere or in a virtual machine, so its sockets cannot be seen, and its engine "+
					"accepts connections before it serves; give the service a ready check",
				c.name,
			),
		)
	}
	if c.engine.podman && c.engine.actsAfter(r, signal) {
		out = append(
			out,
			fmt.Sprintf(
				"podman follows the restart policy of container %s, %s, after %s, and only from "+
					"version 5 on can it be suspended: use SIGKILL, after which the policy does "+
					"not act",
				c.name,
				r.HostConfig.RestartPolicy.Name,
				signal,
			),
		)
	}
	near, err := c.neighbours(ctx)
	if err != nil {
		return out
	}
	names := map[string]string{"": c.name}
	for _, n := range near {
		names[n.ID] = n.Name
		fate := "when that is killed"
		if n.Of != "" {
			fate = fmt.Sprintf("when %s is killed, as that is started again too", c.name)
		}
		out = append(
			out,
			fmt.Sprintf(
				"container %s uses %s of %s: it %s %s, and is started again with it",
				n.Name,
				n.Shares,
				names[n.Of],
				n.fate(),
				fate,
			),
		)
	}
	var lost []string
	for dir := range r.HostConfig.Tmpfs {
		lost = append(lost, dir)
	}
	for _, m := range r.Mounts {
		if m.Type == mount.TypeTmpfs && !slices.Contains(lost, m.Destination) {
			lost = append(lost, m.Destination)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		out = append(
			out,
			fmt.Sprintf(
				"container %s keeps %s in memory (tmpfs): what is there is lost when it is killed",
				c.name,
				strings.Join(lost, ", "),
			),
		)
	}
	return out
}
