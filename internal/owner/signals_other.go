//go:build !linux

package owner

import "errors"

// SignalMasks cannot be read here.
func SignalMasks(int) (Masks, error) { return Masks{}, errors.ErrUnsupported }
