//go:build !linux

package runner

import (
	"errors"
	"time"
)

// alarm is not needed where Go's timers are precise.
type alarm struct{}

func newAlarm() (*alarm, error) { return nil, errors.ErrUnsupported }

func (*alarm) wait(time.Duration) error { return errors.ErrUnsupported }
func (*alarm) close()                   {}
