package attack

import (
	"context"
	"errors"
)

// cause is the reason of a failed send: the end of its context, if that came
// first, as whatever broke after that was the giving up.
func cause(ctx context.Context, err error) error {
	if errors.Is(err, errNoConnection) {
		return errNoConnection
	}
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// errClosed is the error of what is sent by an engine that was closed.
var errClosed = errors.New("the engine is closed")
