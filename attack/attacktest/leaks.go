package attacktest

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// leakPatience is how long the other side of a connection may take to end.
const leakPatience = 10 * time.Second

// NoLeaks notes how many goroutines and open files this process has. The function that it
// returns fails the test if there are still more of them after 10 seconds, and says of what.
func NoLeaks(tb testing.TB) (check func(of string)) {
	goroutines, files := runtime.NumGoroutine(), openFiles()
	return func(of string) {
		tb.Helper()
		for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			g, f := runtime.NumGoroutine(), openFiles()
			if g <= goroutines && f <= files {
				return
			}
			if time.Since(begun) > leakPatience {
				tb.Fatalf("%s left goroutines and files behind: %d and %d before, %d and %d after",
					of, goroutines, files, g, f)
			}
		}
	}
}

// openFiles counts this process's descriptors, where that can be done.
func openFiles() int {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(fds)
}
