//go:build !linux

package attack

import "time"

// sleepThread is not needed where Go's timers are precise.
func sleepThread(time.Duration) bool { return false }
