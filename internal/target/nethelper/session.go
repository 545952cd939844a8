package nethelper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// revertTimeout bounds the undo. It has to leave room in the ten seconds that
// engines grant between SIGTERM and SIGKILL.
const revertTimeout = 8 * time.Second

// beatsMissed is the number of parts in which BeatTimeout is waited for. If the machine was paused,
// the helper has waited for one part and not for all of them: ordeal, which was paused too, has
// time left to say that it is alive.
const beatsMissed = 5

// session is the life of one helper that impairs traffic.
type session struct {
	params     Params
	in         io.Reader
	out        *output
	signals    <-chan os.Signal
	mechanisms []namedMechanism
}

// run returns the exit code once traffic is clear again.
func (s *session) run() int {
	ctx, stop := context.WithCancelCause(context.Background())
	var watching sync.WaitGroup
	asked, left := make(chan struct{}), make(chan struct{})
	watching.Go(func() {
		stop(s.watch(ctx, map[string]func(){
			LineApply: sync.OnceFunc(func() { close(asked) }),
			LineReset: sync.OnceFunc(func() { close(left) }),
		}))
	})
	defer watching.Wait()
	defer stop(nil)

	s.out.send(Message{Event: EventReady})
	name, m, evidence, refused, err := s.apply(ctx, asked, left)
	if err != nil {
		_, dirty := errors.AsType[dirtyError](err)
		s.out.send(Message{Event: EventError, Error: err.Error(), Dirty: dirty})
		if dirty {
			return exitDirty
		}
		return exitUnapplied
	}
	s.out.send(Message{Event: EventApplied, Mechanism: name, Evidence: evidence, Refused: refused})
	<-ctx.Done()
	cause := context.Cause(ctx)
	why := cause.Error()
	rest, err := revert(m, func() { s.out.send(Message{Event: EventCleared, Mechanism: name}) })
	if err != nil {
		s.out.send(
			Message{Event: EventError, Mechanism: name, Why: why, Error: err.Error(), Dirty: true},
		)
		return exitDirty
	}
	s.out.send(
		Message{
			Event:     EventReverted,
			Mechanism: name,
			Why:       why,
			Told:      cause == errTold,
			Evidence:  rest.Evidence,
			Stats:     rest.Traffic,
		},
	)
	return exitOK
}

// errTold is the reason to stop of a helper that was told to.
var errTold = errors.New("it was told to")

// watch returns the first reason to stop, and calls what on has for a line. It leaves the goroutine
// that reads the input behind if that cannot be interrupted: the process ends soon.
func (s *session) watch(ctx context.Context, on map[string]func()) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(s.in)
		for in.Scan() {
			select {
			case lines <- strings.TrimSpace(in.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	beat, missed := time.NewTimer(BeatTimeout/beatsMissed), 0
	defer beat.Stop()
	deadline := time.NewTimer(s.params.Deadline)
	defer deadline.Stop()
	for {
		select {
		case line, ok := <-lines:
			switch {
			case !ok:
				return errors.New("its input closed: ordeal is gone")
			case line == LineRevert:
				return errTold
			case line == LineBeat:
				missed = 0
				beat.Reset(BeatTimeout / beatsMissed)
			case on[line] != nil:
				on[line]()
			}
		case <-beat.C:
			if missed++; missed < beatsMissed {
				beat.Reset(BeatTimeout / beatsMissed)
				continue
			}
			return fmt.Errorf("no heartbeat for %s: ordeal is gone or stuck", BeatTimeout)
		case <-deadline.C:
			return fmt.Errorf("its deadline of %s passed", s.params.Deadline)
		case sig := <-s.signals:
			if sig != syscall.SIGPIPE {
				return fmt.Errorf("signal %s", sig)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dirtyError is a failed undo.
type dirtyError struct{ error }

func (e dirtyError) Unwrap() error { return e.error }

// errBefore is the reason to stop before anything was done.
func errBefore(ctx context.Context) error {
	return fmt.Errorf("stopped before traffic was impaired: %w", context.Cause(ctx))
}

// apply waits until it is asked to, and impairs traffic by the first mechanism that can be
// seen to work. Without the wait, ordeal would hear that the helper is ready only after
// connections were cut, and take them for errors of the target. A mechanism that carries
// connections itself waits until the load has left those from before.
func (s *session) apply(
	ctx context.Context, asked, left <-chan struct{},
) (name string, m mechanism, evidence string, refused []string, err error) {
	select {
	case <-asked:
	case <-ctx.Done():
		return "", nil, "", nil, errBefore(ctx)
	}
	for _, entry := range s.mechanisms {
		if s.params.Mechanism != "" && s.params.Mechanism != entry.name {
			continue
		}
		if err := s.params.Condition.Only(entry.can); err != nil {
			refused = append(refused, fmt.Sprintf("%s: %s", entry.name, err))
			continue
		}
		m := entry.make()
		limit, cancel := context.WithTimeoutCause(ctx, ApplyTimeout(s.params.Condition), errNoTime)
		evidence, err := m.apply(limit, s.params, func() error {
			s.out.send(Message{Event: EventCarrying, Mechanism: entry.name})
			select {
			case <-left:
				return nil
			case <-limit.Done():
				return fmt.Errorf(
					"waiting for the load to leave its connections: %w",
					context.Cause(limit),
				)
			}
		})
		cancel()
		if err == nil {
			return entry.name, m, evidence, refused, nil
		}
		if _, undo := revert(m, func() {}); undo != nil {
			return "", nil, "", nil, dirtyError{
				fmt.Errorf("%s: %w; and undoing what was begun failed: %w", entry.name, err, undo),
			}
		}
		if ctx.Err() != nil {
			return "", nil, "", nil, errBefore(ctx)
		}
		refused = append(refused, fmt.Sprintf("%s: %s", entry.name, err))
	}
	if len(refused) == 0 {
		return "", nil, "", nil, fmt.Errorf(
			"expected a mechanism that exists on this platform, found %q",
			s.params.Mechanism,
		)
	}
	return "", nil, "", nil, fmt.Errorf(
		"no way to impair the traffic works here: %s",
		strings.Join(refused, "; "),
	)
}

// revert has its own deadline: an undo is never cancelled.
func revert(m mechanism, cleared func()) (Cleared, error) {
	ctx, cancel := context.WithTimeout(context.Background(), revertTimeout)
	defer cancel()
	return m.revert(ctx, cleared)
}
