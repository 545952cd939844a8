package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// overlaps finds targets that would be told to die or freeze while another
// fault has them dead or frozen already: the later fault could not be injected,
// and undoing one would undo the other. Network faults may overlap with all.
func overlaps(faults []*injection) error {
	exclusive := func(f *injection) bool {
		k, _ := KindByName(f.Plan.Kind)
		return k.Needs == Die || k.Needs == Freeze
	}
	ordered := slices.Clone(faults)
	slices.SortStableFunc(ordered, func(a, b *injection) int { return cmp.Compare(a.Plan.At, b.Plan.At) })
	var errs []error
	for i, first := range ordered {
		for _, then := range ordered[i+1:] {
			if !exclusive(first) || !exclusive(then) {
				continue
			}
			until := "until the end"
			if first.Plan.Hold > 0 {
				end := first.Plan.At + first.Plan.Hold
				if then.Plan.At >= end {
					continue
				}
				until = "until " + roundTime(end)
			}
			for _, t := range then.Targets {
				if slices.ContainsFunc(first.Targets, func(o Target) bool { return o.Name() == t.Name() }) {
					errs = append(errs, fmt.Errorf("fault %s: it hits %s at %s, which fault %s (%s) has %s: move one of them, or pick other targets",
						then.Plan.Name, t.Name(), roundTime(then.Plan.At), first.Plan.Name, first.Plan.Kind, until))
				}
			}
		}
	}
	return errors.Join(errs...)
}
