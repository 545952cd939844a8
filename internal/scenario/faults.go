package scenario

import (
	"fmt"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

func (b *builder) chaos() []chaos.Plan {
	var out []chaos.Plan
	names := map[string]*node{}
	end, known := b.load()
	for i := range b.file.Chaos {
		f := &b.file.Chaos[i]
		b.unique(names, f.Name, "fault", b.where(&f.Name, f.n))
		if at, ok := b.places[&f.At]; ok && known && f.At >= end {
			b.failf(at.span, "let it begin earlier, or make the load longer", "at: the load ends after %s, so that this fault would never be seen", quantity.FormatDuration(end))
		}
		if known && f.hold > 0 && f.At < end && f.At+f.hold > end {
			key := "for"
			if f.kind.Hold != "" {
				key = f.kind.Hold
			}
			b.failf(b.where(&f.At, f.n).span, fmt.Sprintf("make it shorter or the load longer, or leave %s out: the fault then lasts to the end", key),
				"the fault lasts until %s, and the load ends after %s", quantity.FormatDuration(f.At+f.hold), quantity.FormatDuration(end))
		}
		b.targets(f)
		if f.spec == nil {
			continue
		}
		out = append(out, chaos.Plan{
			Name: f.Name, Kind: f.kind.Name, At: f.At, Hold: f.hold,
			Services: f.target.Service, Pick: chaos.Pick(f.target.Pick), Spec: f.spec,
		})
	}
	return out
}

// targets checks that the services of a fault are there, can be broken this
// way, and are as many as the fault wants to hit.
func (b *builder) targets(f *faultFile) {
	var names []string
	for _, s := range b.file.Services {
		names = append(names, s.name)
	}
	seen := map[string]bool{}
	most := 0 // of targets; containers can be any number
	for i, name := range f.target.Service {
		at := b.where(&f.target.Service[i], f.n)
		s := b.file.Services.named(name)
		switch {
		case seen[name]:
			b.failf(at.span, "remove one of the two", "the service %q is listed twice", name)
			continue
		case s == nil:
			hint := suggest(name, "service", names)
			if len(names) == 0 {
				hint = "name what to break under services:"
			}
			b.failf(at.span, hint, "there is no service %q", shorten(name))
			continue
		}
		seen[name] = true
		kind := s.target(b.decoder)
		if kind == "" || f.kind.Name == "" {
			continue // already a mistake of its own
		}
		if hint, ok := chaos.CanHit(f.kind.Name, kind); !ok {
			b.failf(at.span, hint, "%s cannot hit %q, which is a %s", f.kind.Name, name, kind)
		}
		if kind == chaos.ContainerTarget {
			most = -1
		}
		if most >= 0 {
			most++
		}
	}
	if pick, ok := b.places[&f.target.Pick]; ok && most > 0 && len(seen) == len(f.target.Service) && f.target.Pick.Count > most {
		b.failf(pick.span, "pick fewer, or list more services", "pick: expected at most %d, as there are no more to hit, found %d", most, f.target.Pick.Count)
	}
}

func (s servicesFile) named(name string) *namedService {
	for i := range s {
		if s[i].name == name {
			return &s[i]
		}
	}
	return nil
}

// target returns what kind of target a service is.
func (s *namedService) target(d *decoder) string {
	switch {
	case d.set(&s.Builtin), d.set(&s.Process):
		return chaos.ProcessTarget
	case d.set(&s.Container):
		return chaos.ContainerTarget
	case d.set(&s.Link):
		return chaos.LinkTarget
	}
	return ""
}
