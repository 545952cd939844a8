package runner_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs f under a fake clock.
func bubble(t *testing.T, f func(t *testing.T, start time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, time.Now()) })
}
