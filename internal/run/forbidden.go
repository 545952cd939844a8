package run

import (
	"errors"
	"fmt"
	"sync"

	"github.com/seed-1574e9de/ordeal/internal/allow"
)

// forbidden keeps the error of the first connection that was refused because it would have gone to
// a host that may not be put under load. Its zero value is ready.
type forbidden struct {
	mu    sync.Mutex
	first error
	stop  func()
}

// note keeps the error of a refused connection, if it is the first, and stops the load.
func (f *forbidden) note(err error) {
	if refused, ok := errors.AsType[*allow.Error](err); ok {
		err = refused
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first != nil {
		return
	}
	f.first = err
	if f.stop != nil {
		f.stop()
	}
}

// then sets the function that stops the load, and calls it at once if a connection was refused
// already.
func (f *forbidden) then(stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop = stop; f.first != nil {
		stop()
	}
}

// error says why the load was stopped; nil if it was not.
func (f *forbidden) error() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == nil {
		return nil
	}
	return fmt.Errorf("the load was stopped, and nothing was sent there: %w", f.first)
}
