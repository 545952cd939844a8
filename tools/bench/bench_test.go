package main

import (
	"testing"
	"time"
)

func TestProc(t *testing.T) {
	if got := highWater([]byte("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n")); got != 2<<20 {
		t.Errorf("VmHWM: %d", got)
	}
	stat := []byte("cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 1000 1 2 4 0 0\ncpu1 10 0 0 0 0 0 0 0 0 0\ncpu10 7 7 7 7 7 7 7 7 0 0\n")
	if got := busyIn(stat, 0, 1); got != 230*time.Millisecond {
		t.Errorf("busy: %v", got)
	}
}

func TestFormats(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 999_900: "1 ms", 620 * time.Microsecond: "620 µs", 12345 * time.Microsecond: "12.3 ms", 1500 * time.Millisecond: "1.5 s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestNoPathsOfThisMachine(t *testing.T) {
	for in, want := range map[string]string{
		"open /tmp/x-1/job/run/summary.json: no such file": "open summary.json: no such file",
		`fork/exec /usr/bin/a: "/home/me/b c"`:             `fork/exec a: "b c"`,
		"Get http://127.0.0.1:1/x: EOF":                    "Get http://127.0.0.1:1/x: EOF",
		"go install github.com/a/b@v1: exit status 1":      "go install github.com/a/b@v1: exit status 1",
	} {
		if got := public(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhy(t *testing.T) {
	for _, tt := range []struct {
		tool tool
		rate int
		want string
	}{
		{tool{}, 0, ""},
		{tool{}, 5, ""},
		{tool{Closed: "c", Open: "o"}, 0, "c"},
		{tool{Closed: "c", Open: "o"}, 5, "o"},
		{tool{Missing: "m", Closed: "c", Open: "o"}, 5, "m"},
	} {
		if got := tt.tool.why(load{Rate: tt.rate}); got != tt.want {
			t.Errorf("%+v at %d: %q", tt.tool, tt.rate, got)
		}
	}
}
