package verdict

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// needsCPU is what to do where the generator had too little CPU.
const needsCPU = "lower the rate, give it more CPU, or take engine fast"

const (
	// takenShare is what others must have taken of the generator's cores to be
	// named, where nothing of these was left.
	takenShare = 0.10
	// portsShare is the share of local ports from which on it is hard to find a
	// free one.
	portsShare = 0.90
)

// bottleneck names what the generator ran short of where it was late by so much, and
// what to do. What it says begins with a semicolon, or is empty.
func bottleneck(u *timeline.Usage, delay time.Duration) (what, do string) {
	var found []string
	add := func(remedy, format string, args ...any) {
		found = append(found, fmt.Sprintf(format, args...))
		if do == "" {
			do = remedy
		}
	}
	if u.CPU.Max >= timeline.Saturated {
		add(
			needsCPU,
			"used %s%s of its CPU (%s)",
			upTo(u.CPU),
			quantity.FormatPercent(u.CPU.Max),
			coresOf(u),
		)
	}
	if u.Busy.Max >= timeline.Saturated {
		others := func() {
			if u.Others.Max >= takenShare {
				add(
					"give it cores of its own, or lower the rate",
					"lost up to %s of its cores to other processes",
					quantity.FormatPercent(u.Others.Max),
				)
			}
		}
		steal := func() {
			if u.Steal.Max >= takenShare {
				add(
					"run it on a machine that is less shared, or lower the rate",
					"lost up to %s of its cores to other machines of the host (steal)",
					quantity.FormatPercent(u.Steal.Max),
				)
			}
		}
		if u.Steal.Max > u.Others.Max { // what weighs most says what to do
			steal()
			others()
		} else {
			others()
			steal()
		}
	}
	// Pauses that could make a good part of the lateness.
	if u.GCPause > 0 && u.GCPause >= delay/4 {
		add(
			"raise GOGC, or lower max_in_flight",
			"had GC pauses up to %s",
			quantity.FormatDuration(u.GCPause),
		)
	}
	if u.RunQueue > 0 && u.RunQueue >= delay/4 {
		add(
			"lower the rate or give it more CPU",
			"had work that waited up to %s for a core (p99 of the run queue)",
			quantity.FormatDuration(u.RunQueue),
		)
	}
	if len(found) == 0 {
		return "", ""
	}
	return "; it " + strings.Join(found, ", "), do
}

// heldUp says how many arrivals the generator itself held up, why as far as that is
// known, and what to do.
func heldUp(b *bias, v *View, tl *timeline.Timeline) (what, do string) {
	if what = fmt.Sprintf("the generator held up %d of %d arrivals", b.delayed, v.Stats.Judged()); b.delayed == 0 {
		what = "the generator was catching up"
	}
	var how []string
	if b.late >= leastCause {
		how = append(how, "it was up to "+quantity.FormatDuration(b.late)+" late")
	}
	if b.still > 0 {
		longest := time.Duration(0)
		for _, s := range tl.Standstills.Intersect(v.windows) {
			longest = max(longest, s.Len())
		}
		how = append(
			how,
			fmt.Sprintf(
				"it stood still for %s in all, %s at the longest",
				quantity.FormatDuration(b.still),
				quantity.FormatDuration(longest),
			),
		)
	}
	if len(how) > 0 {
		what += " (" + strings.Join(how, ", ") + ")"
	}
	why, do := bottleneck(v.usage(tl), max(b.late, leastCause))
	switch {
	case do != "":
	case b.still > 0:
		do = "give it a core that nothing else uses (taskset, a CPU reservation, a runner that is less shared)"
	default:
		do = "lower the rate or give it more CPU"
	}
	return what + why, do
}

// leastCause is the delay below which nobody need know what it came from.
const leastCause = time.Millisecond

// localFailures says that arrivals failed on the generator's own machine, for
// want of what, and what to do.
func localFailures(n, of uint64, u *timeline.Usage) (what, remedy string) {
	var found, do []string
	if u.MaxFiles > 0 && float64(u.Files) >= timeline.Saturated*float64(u.MaxFiles) {
		found = append(
			found,
			fmt.Sprintf("out of file descriptors, %d of %d", min(u.Files, u.MaxFiles), u.MaxFiles),
		)
		do = append(do, "raise ulimit -n or lower max_in_flight")
	}
	if u.MaxPorts > 0 && float64(u.Ports) >= portsShare*float64(u.MaxPorts) {
		found = append(
			found,
			fmt.Sprintf("out of local ports, %d of %d", min(u.Ports, u.MaxPorts), u.MaxPorts),
		)
		do = append(
			do,
			"keep connections alive, lower the rate, or widen net.ipv4.ip_local_port_range",
		)
	}
	if len(found) == 0 {
		found = append(found, "out of ports, files or memory")
		do = append(do, "the text of the errors of kind local says of which")
	}
	what = fmt.Sprintf("%d of %d arrivals failed on the generator's own machine (%s), "+
		"which says nothing of the target", n, of, strings.Join(found, "; "))
	return what, strings.Join(do, "; ")
}

func coresOf(u *timeline.Usage) string {
	return fmt.Sprintf(
		"%s of %s cores",
		quantity.FormatCount(math.Round(min(u.CPU.Max, 1)*u.Cores*10)/10),
		quantity.FormatCount(math.Round(u.Cores*10)/10),
	)
}

// upTo is put before the greatest of a share that was mostly less.
func upTo(s timeline.Share) string {
	if s.Mean >= timeline.Saturated {
		return ""
	}
	return "up to "
}
