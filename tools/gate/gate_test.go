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
			if !ok || stop < 60*time.Millisecond || stop > 120*time.Millisecond || run+stop < time.Second/3 || run+stop > time.Second {
				t.Fatalf("run %d: it goes on for %s and is stopped for %s, %t", number, run, stop, ok)
			}
			all += run + stop
		}
		if mean := all / n; mean < 600*time.Millisecond || mean > 730*time.Millisecond {
			t.Errorf("run %d: stopped every %s in the mean", number, mean)
		}
		next = once(&trial{number: number})
		run, stop, ok := next()
		if !ok || run < 4*time.Second || run > 6*time.Second || stop != 2*time.Second {
			t.Errorf("run %d: it goes on for %s and is stopped for %s, %t", number, run, stop, ok)
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
