//go:build !linux

package nethelper

import (
	"context"
	"errors"
)

// mechanisms is empty: containers' namespaces exist on Linux only. Helpers run
// there even when ordeal itself does not.
func mechanisms() []namedMechanism { return nil }

func clean(context.Context) ([]string, error) {
	return nil, errors.New("network namespaces exist on Linux only")
}
