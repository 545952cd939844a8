package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// NetCondition is what network faults do to the traffic towards a target: a field for
// each kind of network fault, under its name. A zero field does nothing.
type NetCondition struct {
	Latency Latency `json:"latency,omitzero"`
}

// Capability is something that can be done to a target.
type Capability string

// What can be done to targets, and the interface that stands for it.
const (
	CapKill    Capability = "kill"    // Killer
	CapPause   Capability = "pause"   // Pauser
	CapNetwork Capability = "network" // Impairer
)

// Suffers says whether a fault can hit a target, and otherwise what to do instead. not has the
// capabilities that the target lacks, with what to do instead. conditions are the network
// conditions that it can be put under. what is how messages call the target: a container.
func Suffers(
	f Kind, not map[Capability]string, conditions []string, what string,
) (instead string, ok bool) {
	if instead, lacks := not[f.Needs]; lacks {
		return instead, false
	}
	if f.Needs == CapNetwork && !slices.Contains(conditions, f.Name) {
		return fmt.Sprintf("the traffic of %s cannot be put under %s, only under %s",
			what, f.Name, strings.Join(conditions, ", ")), false
	}
	return "", true
}

// Limited is a target that lacks capabilities, and knows what to do instead.
type Limited interface {
	// Instead is for a capability that the target lacks; "" for others.
	Instead(c Capability) string
}

// unfit is the error of a Bind to a target that lacks what the fault needs.
func unfit(k Kind, t Target) error {
	if l, ok := t.(Limited); ok {
		if instead := l.Instead(k.Needs); instead != "" {
			return fmt.Errorf("%s cannot hit %s: %s", k.Name, t.Name(), instead)
		}
	}
	return fmt.Errorf("%s cannot hit %s: it cannot be done to a %s", k.Name, t.Name(), t.Ref().Kind)
}

// remedy says how people undo a fault on a target.
func remedy(k Kind, t Target) string {
	if r, ok := t.(Remedier); ok {
		if s := r.Remedy(k.Needs); s != "" {
			return s
		}
	}
	return fmt.Sprintf(k.Undo, t.Name())
}

// needless begins the remedies that need nobody to do anything. Remedies stand in the journal as
// texts; journals of earlier versions say "nothing: " there.
const needless = "nothing to do: "

// isNeedless says whether a remedy begins so.
func isNeedless(remedy string) bool { return strings.HasPrefix(remedy, "nothing") }

// Needless is the remedy where nobody needs to do anything; why is the reason.
func Needless(why string) string { return needless + why }

// advise says what people do about faults whose undo failed, by the remedies for their targets.
func advise(remedies []string) string {
	var byHand, out []string
	for _, r := range remedies {
		if isNeedless(r) {
			out = append(out, r)
		} else {
			byHand = append(byHand, r)
		}
	}
	if len(byHand) > 0 {
		out = append([]string{"run ordeal heal, or by hand: " + strings.Join(byHand, "; ")}, out...)
	}
	return strings.Join(out, "; ")
}

// lookTimeout is how long a target may take to say what state it is in, when people are to be told
// what to do.
const lookTimeout = 5 * time.Second

// remedyNow is the remedy for a target on which an undo has failed. If the target is as the fault
// left it, that is otherwise. A target that was killed and runs again need not be started:
// something else about it is not as it was.
func remedyNow(ctx context.Context, k Kind, t Target, otherwise string) string {
	killer, ok := t.(Killer)
	if !ok || k.Needs != CapKill {
		return otherwise
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if life, err := killer.Life(ctx); err != nil || life == "" {
		return otherwise
	}
	return fmt.Sprintf("%s runs, so put right what the error says", t.Name())
}
