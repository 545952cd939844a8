package main

import (
	"strings"
	"testing"
	"time"
)

// Stops come one to three times a second, of 60 to 120 ms; and once, of 2 s.
func TestStops(t *testing.T) {
	for number := range 20 {
		next := busy(&trial{number: number})
		var all time.Duration
		const n = 1000
		for range n {
			run, stop, ok := next()
			if !ok {
				t.Fatalf("run %d: there are no more stops", number)
			}
			if stop < 60*time.Millisecond || stop > 120*time.Millisecond {
				t.Fatalf("run %d: stopped for %s, want 60 to 120 ms", number, stop)
			}
			if every := run + stop; every < time.Second/3 || every > time.Second {
				t.Fatalf("run %d: stopped %s after the last stop, want a third of a second to one", number, every)
			}
			all += run + stop
		}
		if mean := all / n; mean < 600*time.Millisecond || mean > 730*time.Millisecond {
			t.Errorf("run %d: stopped every %s in the mean", number, mean)
		}
		next = once(&trial{number: number})
		run, stop, ok := next()
		if !ok || stop != 2*time.Second {
			t.Errorf("run %d: stopped for %s (%t), want 2s", number, stop, ok)
		}
		if run < 4*time.Second || run > 6*time.Second {
			t.Errorf("run %d: stopped after %s, want 4 to 6 s", number, run)
		}
		if _, _, ok := next(); ok {
			t.Error("it is stopped twice")
		}
	}
}

// Every place of a scenario is filled, and what must fail is one of its rules.
func TestKinds(t *testing.T) {
	addrs := &targets{addrs: map[string]string{"good": "127.0.0.1:1", "failing": "127.0.0.1:2", "hanging": "127.0.0.1:3", "slow": "127.0.0.1:4"}}
	for _, k := range kinds() {
		s := k.fill(addrs, 7)
		for name := range addrs.addrs {
			if strings.Contains(s, "{"+name+"}") {
				t.Errorf("%s: {%s} is left", k.name, name)
			}
		}
		for _, r := range k.fails {
			if !strings.Contains(s, "- "+r+"\n") {
				t.Errorf("%s: no rule %q", k.name, r)
			}
		}
	}
}
