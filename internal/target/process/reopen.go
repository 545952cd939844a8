package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// refData is what of a process stands in the journal.
type refData struct {
	ID string `json:"id"` // of the leader, as an owner.Owner
}

// Survivor is a process, or the rest of its group, that another process of
// ordeal had started and left behind.
type Survivor struct {
	name  string
	id    owner.Owner
	group int
}

var (
	_ chaos.Target = (*Survivor)(nil)
	_ chaos.Pauser = (*Survivor)(nil)
	_ chaos.Killer = (*Survivor)(nil)
)

// Reopen finds a process again by what the journal says of it. It returns
// chaos.ErrGone if nothing is left of it: the processes of a run end with it, so
// that is undone which was done to them.
func Reopen(ref chaos.Ref) (chaos.Target, error) {
	if ref.Kind != kindName {
		return nil, fmt.Errorf(
			"expected a process to find again, found the %s %s",
			ref.Kind,
			ref.Name,
		)
	}
	var d refData
	if err := json.Unmarshal(ref.Data, &d); err != nil {
		return nil, fmt.Errorf("reading which process %s was: %w", ref.Name, err)
	}
	id, err := owner.Parse(d.ID)
	if err != nil {
		return nil, fmt.Errorf("reading which process %s was: %w", ref.Name, err)
	}
	s := &Survivor{name: ref.Name, id: id, group: id.PID}
	left, err := s.left()
	if err != nil {
		return nil, err
	}
	if !left {
		return nil, chaos.ErrGone
	}
	return s, nil
}

// left says whether any of the group lives. The leader may be dead; the group
// keeps its number then, and no new process is given it. It says
// chaos.ErrElsewhere where numbers mean other processes than they did there.
func (s *Survivor) left() (bool, error) {
	here, err := owner.Current()
	if err != nil {
		return false, err
	}
	switch {
	case s.id.Boot != here.Boot:
		if l, why := s.id.Liveness(); l == owner.Unknown {
			return false, fmt.Errorf("%w: %s; heal it there", chaos.ErrElsewhere, why)
		}
		return false, nil // it ended with that boot
	case s.id.Space != here.Space:
		if owner.SpaceGone(s.id.Space) {
			return false, nil
		}
		return false, fmt.Errorf(
			"%w: it ran in another pid namespace (%s): run ordeal heal there, or as root on the "+
				"machine itself once that is gone",
			chaos.ErrElsewhere,
			s.id.Host,
		)
	}
	p, err := owner.Inspect(s.group)
	switch {
	case err != nil && !errors.Is(err, owner.ErrNoProcess):
		return false, err
	case err == nil && p.Start != s.id.Start:
		return false, nil // the number is another's now
	}
	ps, err := owner.Group(s.group)
	if err != nil {
		return false, err
	}
	for _, m := range ps {
		if !m.Ended() {
			return true, nil
		}
	}
	return false, nil
}

// Name implements chaos.Target.
func (s *Survivor) Name() string { return s.name }

// Ref implements chaos.Target.
func (s *Survivor) Ref() chaos.Ref {
	b, _ := json.Marshal(refData{s.id.String()}) // of a string: cannot fail
	return chaos.Ref{Kind: kindName, Name: s.name, Data: b}
}

// Pause implements chaos.Pauser.
func (s *Survivor) Pause(context.Context) error { return s.signal(syscall.SIGSTOP) }

// Unpause implements chaos.Pauser.
func (s *Survivor) Unpause(context.Context) error {
	if err := s.signal(syscall.SIGCONT); err != nil && !errors.Is(err, chaos.ErrGone) {
		return err
	}
	return nil
}

// Paused implements chaos.Pauser.
func (s *Survivor) Paused(context.Context) (bool, error) {
	left, err := s.left()
	if err != nil || !left {
		return false, err
	}
	return frozen(s.group)
}

// Killable implements chaos.Killer: nobody is left who could start it again.
func (s *Survivor) Killable(context.Context) error {
	return fmt.Errorf("%s was started by a run that is over", s.name)
}

// Kill implements chaos.Killer.
func (s *Survivor) Kill(_ context.Context, name string) error {
	sig, ok := signals[name]
	if !ok {
		return fmt.Errorf("%w: there is no signal %q here", chaos.ErrNotSent, name)
	}
	return s.signal(sig)
}

// Life implements chaos.Killer.
func (s *Survivor) Life(context.Context) (string, error) {
	left, err := s.left()
	if err != nil || !left {
		return "", err
	}
	return s.id.String(), nil
}

// Start implements chaos.Killer: one that runs is left as it is.
func (s *Survivor) Start(context.Context) error {
	left, err := s.left()
	if err != nil {
		return err
	}
	if !left {
		return chaos.ErrGone
	}
	return nil
}

func (s *Survivor) signal(sig syscall.Signal) error {
	left, err := s.left()
	if err != nil {
		return err
	}
	if !left {
		return chaos.ErrGone
	}
	if err := syscall.Kill(-s.group, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
