package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if at := os.Getenv(crashVar); at != "" {
		crashingRun(at, os.Getenv("DIR"))
	}
	goleak.VerifyTestMain(m)
}

// world is one thing outside that can be broken; it stays as it is while the
// instances of fake that stand for it come and go.
type world struct {
	mu       sync.Mutex
	alive    bool
	lives    int // how many times it was started
	paused   bool
	impaired map[string]NetCondition

	deaf        bool          // nothing that is done has an effect
	failAfter   error         // what breaks it takes effect, and then returns this
	takes       time.Duration // from being told to break until it is broken
	startTakes  time.Duration
	drains      time.Duration // how long it takes to end of a signal other than SIGKILL
	stuck       int           // how many tries to undo fail; -1: all
	stuckWith   error         // with this
	returns     bool          // it comes back by itself
	prepareErr  error
	onBreak     func() // at the moment at which it is told to break
	deadline    time.Duration
	breaks      []time.Time
	undos       int
	undoContext error // of the context, when it is told to undo
}

func newWorld() *world { return &world{alive: true, impaired: map[string]NetCondition{}} }

// intact says whether nothing is broken.
func (w *world) intact() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive && !w.paused && len(w.impaired) == 0
}

func (w *world) look() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.alive, w.paused, maps.Clone(w.impaired))
}

// fake is a target that can suffer everything.
type fake struct {
	*world
	name, kind string
}

var (
	_ Killer   = fake{}
	_ Pauser   = fake{}
	_ Impairer = fake{}
)

func newFake(name string) fake { return fake{newWorld(), name, "process"} }

func (f fake) Name() string { return f.name }
func (f fake) Ref() Ref     { return Ref{Kind: f.kind, Name: f.name} }

func (f fake) doBreak(ctx context.Context, apply func()) error {
	f.mu.Lock()
	if f.onBreak != nil {
		f.onBreak()
	}
	f.breaks = append(f.breaks, time.Now())
	takes, deaf, fail := f.takes, f.deaf, f.failAfter
	f.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !deaf {
		apply()
	}
	return fail
}

func (f fake) doUndo(ctx context.Context, takes time.Duration, apply func()) error {
	f.mu.Lock()
	f.undos++
	f.undoContext = ctx.Err()
	stuck := f.stuck != 0
	if f.stuck > 0 {
		f.stuck--
	}
	f.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if stuck {
		if f.stuckWith != nil {
			return f.stuckWith
		}
		return errors.New("it is stuck")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	apply()
	return nil
}

func (f fake) Killable(context.Context) error { return f.prepareErr }

func (f fake) Kill(ctx context.Context, signal string) error {
	if f.drains > 0 && signal != "SIGKILL" {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.breaks = append(f.breaks, time.Now())
		life := f.lives
		time.AfterFunc(f.drains, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.alive = f.alive && f.lives != life
		})
		return nil
	}
	return f.doBreak(ctx, func() {
		if f.alive = f.returns; f.alive {
			f.lives++
		}
	})
}

func (f fake) Life(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.alive {
		return "", nil
	}
	return fmt.Sprint("life ", f.lives), nil
}

func (f fake) Start(ctx context.Context) error {
	return f.doUndo(ctx, f.startTakes, func() {
		if !f.alive {
			f.alive, f.lives = true, f.lives+1
		}
	})
}

func (f fake) Pause(ctx context.Context) error {
	return f.doBreak(ctx, func() { f.paused = true })
}

func (f fake) Unpause(ctx context.Context) error {
	return f.doUndo(ctx, 0, func() { f.paused = false })
}

func (f fake) Paused(context.Context) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paused, f.prepareErr
}

func (f fake) Impairable(context.Context, NetCondition) error { return f.prepareErr }

func (f fake) Impair(ctx context.Context, id string, s NetCondition, deadline time.Duration) (Proof, error) {
	err := f.doBreak(ctx, func() { f.impaired[id] = s; f.deadline = deadline })
	if err == nil && f.deaf {
		err = errors.New("the round trip is as quick as before")
	}
	return Proof{Mechanism: "link", Evidence: "round trip 1ms → 100ms"}, err
}

func (f fake) Clear(ctx context.Context, id string) (Proof, error) {
	err := f.doUndo(ctx, 0, func() { delete(f.impaired, id) })
	return Proof{Mechanism: "link", Evidence: "round trip 1ms again"}, err
}

// memJournal is a journal in memory.
type memJournal struct {
	mu      sync.Mutex
	entries map[string]Entry
	added   []Entry
	fail    error
}

func newMemJournal() *memJournal { return &memJournal{entries: map[string]Entry{}} }

func (j *memJournal) Add(e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	if _, ok := j.entries[e.ID]; ok {
		return fmt.Errorf("the id %s is there already", e.ID)
	}
	j.entries[e.ID] = e
	j.added = append(j.added, e)
	return nil
}

func (j *memJournal) Remove(id string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.entries, id)
	return nil
}

func (j *memJournal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.entries)
}

// edged is a target that takes time to prepare its disturbance and to clean up
// after it, and says so.
type edged struct{ fake }

func (e edged) Impair(ctx context.Context, id string, s NetCondition, d time.Duration) (Proof, error) {
	time.Sleep(2 * time.Second)
	DisturbanceStarted(ctx)
	return e.fake.Impair(ctx, id, s, d)
}

func (e edged) Clear(ctx context.Context, id string) (Proof, error) {
	p, err := e.fake.Clear(ctx, id)
	DisturbanceEnded(ctx)
	time.Sleep(3 * time.Second)
	return p, err
}

// numb is a target that can suffer nothing.
type numb struct{ kind string }

func (n numb) Name() string              { return "numb-1" }
func (n numb) Ref() Ref                  { return Ref{Kind: n.kind, Name: "numb-1"} }
func (n numb) Instead(Capability) string { return "a numb " + n.kind + " feels nothing" }
