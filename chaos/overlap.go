package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Overlap is a pair of faults on one target: Then would kill or pause it while First still
// holds it killed or paused. Then could not be injected, and undoing one would undo the
// other.
type Overlap struct {
	First, Then FaultPlan
	Target      string // its name
}

// Overlaps finds the first maxOverlaps overlaps. Network faults may overlap with any fault.
func Overlaps(faults []ScheduledFault) []Overlap {
	ordered := slices.Clone(faults)
	slices.SortStableFunc(
		ordered,
		func(a, b ScheduledFault) int { return cmp.Compare(a.Plan.At, b.Plan.At) },
	)
	var out []Overlap
	for i, first := range ordered {
		for _, then := range ordered[i+1:] {
			if over(first, then) {
				continue
			}
			for _, t := range contested(first, then) {
				if out = append(out, Overlap{first.Plan, then.Plan, t.Name()}); len(
					out,
				) == maxOverlaps {
					return out
				}
			}
		}
	}
	return out
}

const maxOverlaps = 1000

// over says whether a fault is meant to be over when another begins.
func over(first, then ScheduledFault) bool {
	return first.Plan.Hold > 0 && then.Plan.At >= first.Plan.At+first.Plan.Hold
}

// contested are the targets that only one of two faults can have at a time.
func contested(first, then ScheduledFault) []Target {
	exclusive := func(p ScheduledFault) bool {
		k, _ := KindByName(p.Plan.Kind)
		return k.Needs == CapKill || k.Needs == CapPause
	}
	if !exclusive(first) || !exclusive(then) {
		return nil
	}
	var out []Target
	for _, t := range then.Targets {
		if slices.ContainsFunc(first.Targets, func(o Target) bool { return o.Name() == t.Name() }) {
			out = append(out, t)
		}
	}
	return out
}

func (o Overlap) String() string {
	until := "until the end"
	if o.First.Hold > 0 {
		until = "until " + roundTime(o.First.At+o.First.Hold)
	}
	return fmt.Sprintf("fault %s: it hits %s at %s, but fault %s (%s) is in force there %s",
		o.Then.Name, o.Target, roundTime(o.Then.At), o.First.Name, o.First.Kind, until)
}

// Hint says what to do.
func (o Overlap) Hint() string {
	if k, ok := KindByName(o.First.Kind); ok && o.First.Hold == 0 && o.First.At < o.Then.At {
		return fmt.Sprintf(
			"end fault %s earlier with %s, or pick other targets",
			o.First.Name,
			k.Hold,
		)
	}
	return "move one of them, or pick other targets"
}

// overlaps is Overlaps as an error.
func overlaps(faults []*runningFault) error {
	planned := make([]ScheduledFault, len(faults))
	for i, f := range faults {
		planned[i] = f.ScheduledFault
	}
	var errs []error
	for _, o := range Overlaps(planned) {
		errs = append(errs, fmt.Errorf("%s: %s", o, o.Hint()))
	}
	return errors.Join(errs...)
}
