package scenario

import (
	"fmt"
	"slices"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

func (b *builder) chaos(seed uint64) []chaos.Plan {
	var out []chaos.Plan
	var sure []chaos.Planned
	files := map[string]*faultFile{}
	names := map[string]*node{}
	end, known := b.load()
	for i := range b.file.Chaos {
		f, before := &b.file.Chaos[i], b.fails
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
		p := chaos.Plan{
			Name: f.Name, Kind: f.kind.Name, At: f.At, Hold: f.hold,
			Services: f.target.Service, Pick: chaos.Pick(f.target.Pick), Spec: f.spec,
		}
		out = append(out, p)
		if !b.broken[f] && b.fails == before {
			files[f.Name] = f
			sure = append(sure, chaos.Planned{Plan: p, Targets: b.surelyHit(p, seed)})
		}
	}
	for _, o := range chaos.Overlaps(sure) {
		f := files[o.Then.Name]
		at := b.where(&f.target.Service, f.n)
		if i := slices.Index(f.target.Service, o.Target); i >= 0 {
			at = b.where(&f.target.Service[i], at)
		}
		b.failf(at.span, o.Hint(), "%s", o)
	}
	return out
}

// known is a target whose name the file tells.
type known string

func (k known) Name() string   { return string(k) }
func (k known) Ref() chaos.Ref { return chaos.Ref{Name: string(k)} }

// surelyHit returns the targets that the fault will hit, as far as the file
// alone tells: a service that the run starts is one target of the same name. How
// many containers a selector finds, and so which of them are picked, is known in
// the run only; that all of them are hit is known here, and then the service
// stands for them.
func (b *builder) surelyHit(p chaos.Plan, seed uint64) []chaos.Target {
	var candidates []chaos.Target
	found := false
	for _, name := range p.Services {
		candidates = append(candidates, known(name))
		s := b.file.Services.named(name)
		found = found || s != nil && b.set(&s.Container) && !b.set(&s.Container.Builtin) && !b.set(&s.Container.Image)
	}
	if found && p.Pick.Count == 0 && (p.Pick.Fraction == 0 || p.Pick.Fraction == 1) {
		return candidates
	}
	if found {
		return nil
	}
	targets, err := chaos.Choose(p, candidates, seed)
	if err != nil {
		return nil // a mistake of its own
	}
	return targets
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
