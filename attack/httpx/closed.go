package httpx

import (
	"context"
	"errors"

	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// Cause is the reason of a failed send: the end of its context if that came first, as later errors
// are the effect of giving up.
func Cause(ctx context.Context, err error) error {
	if errors.Is(err, wire.ErrNoConnection) {
		return wire.ErrNoConnection
	}
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// ErrClosed is the error of a call to an engine that was closed.
var ErrClosed = errors.New("the engine is closed")
