package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Names returns the names of the network faults that the condition consists of, in
// the order of its fields; none of a condition that does nothing.
func (c NetCondition) Names() []string {
	var names []string
	for name, v := range c.parts() {
		if !v.IsZero() {
			names = append(names, name)
		}
	}
	return names
}

// String names what the condition consists of.
func (c NetCondition) String() string { return strings.Join(c.Names(), " and ") }

// Only says why a mechanism that can do the named conditions cannot do this one; nil if it can.
func (c NetCondition) Only(can []string) error {
	for _, name := range c.Names() {
		if !slices.Contains(can, name) {
			return fmt.Errorf("it cannot do %s, only %s", name, strings.Join(can, ", "))
		}
	}
	return nil
}

// Validate says what is wrong with the condition, nil if nothing. One that does
// nothing is a mistake.
func (c NetCondition) Validate() error {
	if len(c.Names()) == 0 {
		return errors.New("expected a network condition that does something, found none")
	}
	var errs []error
	for _, v := range c.parts() {
		if v.IsZero() {
			continue
		}
		part := reflect.New(v.Type())
		part.Elem().Set(v)
		errs = append(
			errs,
			part.Interface().(interface{ Validate() fielderr.List }).Validate().Err(),
		)
	}
	return errors.Join(errs...)
}

// Slower is how much later the condition can make an answer.
func (c NetCondition) Slower() time.Duration {
	var sum time.Duration
	for _, v := range c.parts() {
		if s, ok := v.Interface().(slower); ok {
			sum += s.slower()
		}
	}
	return sum
}

// slower is a part of a condition that makes answers late.
type slower interface{ slower() time.Duration }

// parts iterates over the fields, by the names of the faults.
func (c NetCondition) parts() func(yield func(string, reflect.Value) bool) {
	return func(yield func(string, reflect.Value) bool) {
		v := reflect.ValueOf(c)
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if !yield(name, v.Field(i)) {
				return
			}
		}
	}
}

// cleanupMargin is the time for the undo: if no process is left to clear it, traffic stays impaired
// for as long as the fault is meant to last, and cleanupMargin.
const cleanupMargin = time.Minute

// bindNet binds a network fault to a target.
func bindNet(k Kind, c NetCondition, t Target, id string, hold time.Duration) (Fault, error) {
	n, ok := t.(Impairer)
	if !ok {
		return nil, unfit(k, t)
	}
	return &netFault{
		condition: c,
		name:      t.Name(),
		id:        id,
		target:    n,
		deadline:  hold + cleanupMargin,
	}, nil
}

// netFault is a network fault of any kind, bound to one target.
type netFault struct {
	condition NetCondition
	name, id  string
	target    Impairer
	deadline  time.Duration
}

// netState has more than the id, which is all that the undo needs: people read it in the journal.
type netState struct {
	ID string `json:"id"`
	NetCondition
}

func (f *netFault) Prepare(ctx context.Context) (State, error) {
	if p, ok := f.target.(ImpairChecker); ok {
		if err := p.Impairable(ctx, f.condition); err != nil {
			return nil, fmt.Errorf(
				"the traffic of %s cannot be put under %s: %w",
				f.name,
				f.condition,
				err,
			)
		}
	}
	return json.Marshal(netState{f.id, f.condition})
}

func (f *netFault) Inject(ctx context.Context, _ State) (Proof, error) {
	p, err := f.target.Impair(ctx, f.id, f.condition, f.deadline)
	if err != nil {
		return p, fmt.Errorf("putting %s under %s: %w", f.name, f.condition, err)
	}
	return p, nil
}

func (f *netFault) Revert(ctx context.Context, s State) (Proof, error) {
	var st netState
	if err := json.Unmarshal(s, &st); err != nil {
		return Proof{}, fmt.Errorf("reading what was done to the traffic of %s: %w", f.name, err)
	}
	p, err := f.target.Clear(ctx, st.ID)
	if err != nil {
		return p, fmt.Errorf("clearing the traffic of %s: %w", f.name, err)
	}
	return p, nil
}
