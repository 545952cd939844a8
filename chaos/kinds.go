package chaos

import (
	"context"
	"fmt"
	"time"
)

// Kinds lists every kind of fault, sorted by name.
func Kinds() []Kind {
	return []Kind{
		killKind,
		latencyKind,
		pauseKind,
	}
}

// KindByName finds a kind.
func KindByName(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// Need is something that a target can suffer.
type Need string

// What targets can suffer, and the interface that stands for it.
const (
	Die    Need = "die"    // Killer
	Freeze Need = "freeze" // Pauser
	Net    Need = "net"    // NetShaper
)

// hints say, for each kind of target, what it cannot suffer and what to do
// instead. What is not listed, it can.
var hints = map[string]map[Need]string{
	ContainerTarget: {},
	ProcessTarget: {
		Net: "the traffic of a process cannot be bent: put a link in front of it (a service with listen: and upstream:) and name the link here",
	},
	LinkTarget: {
		Die:    "a link cannot be killed: name the service behind it, or bend the link with latency",
		Freeze: "a link cannot be paused: name the service behind it, or bend the link with latency",
	},
}

// CanHit says whether a kind of fault can hit a kind of target (the Kind of a
// Ref), and if not, what to do instead.
func CanHit(kind, target string) (hint string, ok bool) {
	k, ok := KindByName(kind)
	if !ok {
		return fmt.Sprintf("there is no fault %q", kind), false
	}
	not, ok := hints[target]
	if !ok {
		return fmt.Sprintf("there is no target of the kind %q", target), false
	}
	hint, cannot := not[k.Needs]
	return hint, !cannot
}

// unfit is the error of a Bind to a target that lacks what the fault needs.
func unfit(k Kind, t Target) error {
	if hint, ok := CanHit(k.Name, t.Ref().Kind); !ok {
		return fmt.Errorf("%s cannot hit %s: %s", k.Name, t.Name(), hint)
	}
	return fmt.Errorf("%s cannot hit %s: this %s cannot suffer it", k.Name, t.Name(), t.Ref().Kind)
}

// remedy says how people undo a fault on a target.
func remedy(k Kind, t Target) string {
	if r, ok := t.(Remedier); ok {
		if s := r.Remedy(k.Name); s != "" {
			return s
		}
	}
	return fmt.Sprintf(k.Undo, t.Name())
}

// lookTimeout is how long a target may take to say what it is like, when people
// are to be told what to do.
const lookTimeout = 5 * time.Second

// remedyNow is remedy for a target on which an undo has failed; otherwise is what
// it says of one that is as the fault had left it. What was killed and runs is not
// to be started: something else about it is not as it was.
func remedyNow(ctx context.Context, k Kind, t Target, otherwise string) string {
	killer, ok := t.(Killer)
	if !ok || k.Needs != Die {
		return otherwise
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if life, err := killer.Life(ctx); err != nil || life == "" {
		return otherwise
	}
	return fmt.Sprintf("%s runs: put right what the error says of it", t.Name())
}
