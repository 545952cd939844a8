package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// Labels that compose puts on its containers.
const (
	composeProject = "com.docker.compose.project"
	composeService = "com.docker.compose.service"
	composeOneOff  = "com.docker.compose.oneoff"
)

// Selector says which of the user's containers are meant: those that match all
// of its fields that are set. One without any field matches nothing.
type Selector struct {
	ID             string // whole, or its beginning, at least 4 characters
	Name           string // whole
	Label          string // key, or key=value
	ComposeProject string
	ComposeService string
}

func (s Selector) String() string {
	var parts []string
	for _, p := range [][2]string{{"id", s.ID}, {"name", s.Name}, {"label", s.Label}, {"compose project", s.ComposeProject}, {"compose service", s.ComposeService}} {
		if p[1] != "" {
			parts = append(parts, fmt.Sprintf("%s %q", p[0], p[1]))
		}
	}
	return strings.Join(parts, ", ")
}

// words are the texts in which a person may have made a typing mistake.
func (s Selector) words() []string {
	return slices.DeleteFunc(
		[]string{s.Name, s.Label, s.ComposeService, s.ComposeProject},
		func(w string) bool { return w == "" },
	)
}

// matches never matches what ordeal made for itself, nor compose's one-off
// containers, which are no replicas of a service.
func (s Selector) matches(c container.Summary) bool {
	if c.Labels[LabelRole] == RoleHelper || c.Labels[composeOneOff] == "True" {
		return false
	}
	key, value, hasValue := strings.Cut(s.Label, "=")
	got, hasKey := c.Labels[key]
	return (s.ID == "" || strings.HasPrefix(c.ID, strings.ToLower(s.ID))) &&
		(s.Name == "" || slices.Contains(c.Names, "/"+strings.TrimPrefix(s.Name, "/"))) &&
		(s.Label == "" || hasKey && (!hasValue || got == value)) &&
		(s.ComposeProject == "" || c.Labels[composeProject] == s.ComposeProject) &&
		(s.ComposeService == "" || c.Labels[composeService] == s.ComposeService)
}

// Find returns the user's containers that match a selector, sorted by name. It fails if there is
// none, with names that come near, and if one of them does not run.
func (e *Engine) Find(ctx context.Context, s Selector) ([]*Container, error) {
	if s == (Selector{}) {
		return nil, errors.New(
			"expected an id, a name, a label or a compose service to find containers by, found " +
				"none: no selector ever means every container",
		)
	}
	if s.ID != "" && len(s.ID) < 4 {
		return nil, fmt.Errorf("expected at least 4 characters of a container's id, found %q", s.ID)
	}
	limit, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := e.api.ContainerList(limit, container.ListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("listing containers at %s: %w", e.address, err)
	}
	slices.SortFunc(
		all,
		func(a, b container.Summary) int { return cmp.Compare(containerName(a), containerName(b)) },
	)
	var found []container.Summary
	for _, c := range all {
		if s.matches(c) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, nothingFound(s, all)
	}
	if s.ID != "" && len(found) > 1 {
		return nil, fmt.Errorf(
			"the id %q begins those of %d containers (%s): give more of it",
			s.ID,
			len(found),
			strings.Join(containerNames(found), ", "),
		)
	}
	var out []*Container
	var errs []error
	for _, c := range found {
		name := containerName(c)
		switch c.State {
		case container.StateRunning:
		case container.StatePaused:
			errs = append(errs, fmt.Errorf("container %s is paused: docker unpause %s", name, name))
			continue
		case container.StateRestarting:
			errs = append(
				errs,
				fmt.Errorf("container %s keeps restarting: see docker logs %s", name, name),
			)
			continue
		default:
			errs = append(
				errs,
				fmt.Errorf(
					"container %s does not run, it is %s: docker start %s",
					name,
					c.State,
					name,
				),
			)
			continue
		}
		out = append(
			out,
			&Container{
				engine: e,
				id:     c.ID,
				name:   name,
				addr:   publishedAddr(c.Ports, 0),
				ports:  c.Ports,
			},
		)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// PublishedAt is the address at which the host reaches a TCP port of a found container; "" if the
// container does not publish it. Port 0 means the only port that it publishes.
func (c *Container) PublishedAt(port int) string { return publishedAddr(c.ports, port) }

// publishedAddr is where the host reaches a container that publishes one TCP
// port, or the given one; "" if there is none or more than one to choose from.
func publishedAddr(ports []container.Port, private int) string {
	var addrs []string
	for _, p := range ports {
		if p.Type != "tcp" || p.PublicPort == 0 || private != 0 && int(p.PrivatePort) != private {
			continue
		}
		// Published on all addresses is published on loopback too.
		if p.IP == "0.0.0.0" || p.IP == "127.0.0.1" || p.IP == "" {
			addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", p.PublicPort))
		}
	}
	slices.Sort(addrs)
	if addrs = slices.Compact(addrs); len(addrs) == 1 || len(addrs) > 1 && private != 0 {
		return addrs[0]
	}
	return ""
}

// containerName is the name without its slash. Names with another slash are
// those of links.
func containerName(c container.Summary) string {
	for _, n := range c.Names {
		if n = strings.TrimPrefix(n, "/"); !strings.Contains(n, "/") {
			return n
		}
	}
	return shortID(c.ID)
}

func containerNames(cs []container.Summary) []string {
	var out []string
	for _, c := range cs {
		out = append(out, containerName(c))
	}
	return out
}

func shortID(id string) string { return id[:min(12, len(id))] }

// maxCandidates is how many names an error lists.
const maxCandidates = 8

// nothingFound names what comes near, or else what there is.
func nothingFound(s Selector, all []container.Summary) error {
	type candidate struct {
		text     string
		distance int
	}
	var near []candidate
	for _, c := range all {
		if c.Labels[LabelRole] == RoleHelper {
			continue
		}
		text := containerName(c)
		terms := []string{text}
		if p, sv := c.Labels[composeProject], c.Labels[composeService]; sv != "" {
			text += fmt.Sprintf(" (compose project %s, service %s)", p, sv)
			terms = append(terms, p, sv)
		}
		if c.State != container.StateRunning {
			text += " [" + c.State + "]"
		}
		best := 1 << 30
		for _, w := range s.words() {
			for _, t := range terms {
				d := suggest.Distance(w, t)
				if strings.Contains(strings.ToLower(t), strings.ToLower(w)) {
					d = 1
				}
				best = min(best, d)
			}
		}
		near = append(near, candidate{text, best})
	}
	slices.SortStableFunc(
		near,
		func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) },
	)
	close := func(c candidate) bool { return c.distance <= 3 }
	hint := "did you mean "
	if slices.ContainsFunc(near, close) {
		near = slices.DeleteFunc(near, func(c candidate) bool { return !close(c) })
	} else {
		hint = "there are: "
	}
	if len(near) == 0 {
		return fmt.Errorf("expected a container with %s, found no containers at all", s)
	}
	var texts []string
	for _, c := range near[:min(len(near), maxCandidates)] {
		texts = append(texts, c.text)
	}
	list := strings.Join(texts, ", ")
	if more := len(near) - maxCandidates; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	if strings.HasSuffix(hint, "mean ") {
		list += "?"
	}
	return fmt.Errorf("expected a container with %s, found none; %s%s", s, hint, list)
}
