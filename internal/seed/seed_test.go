package seed_test

import (
	"fmt"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// A changed number here would change the schedule of every scenario in use.
func TestStreamNeverChanges(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		name string
		want uint64
	}{
		{42, "arrivals/0", 0x92d11d80d320ce40},
		{42, "mix", 0x7fff0b564d46daff},
		{0, "", 0xf77422662c6871fd},
	} {
		if got := seed.Stream(c.seed, c.name).Uint64(); got != c.want {
			t.Errorf("first number of Stream(%d, %q): expected %#x, found %#x", c.seed, c.name, c.want, got)
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	first := map[uint64]string{}
	for s := range uint64(50) {
		for _, name := range []string{"", "mix", "arrivals/0", "arrivals/1", "fault/a", "fault/b"} {
			id := fmt.Sprintf("%d %q", s, name)
			n := seed.Stream(s, name).Uint64()
			if other, ok := first[n]; ok {
				t.Fatalf("%s and %s begin alike", id, other)
			}
			first[n] = id
		}
	}
}

func TestStreams(t *testing.T) {
	var s seed.Streams
	name := []byte("template/0")
	for i := range byte(10) {
		name[len(name)-1] = '0' + i
		got, want := s.Next(42, name), seed.Stream(42, string(name))
		// The next one starts at the beginning, however far this one got.
		for n := range 3 * int(i) {
			if g, w := got.Uint64(), want.Uint64(); g != w {
				t.Fatalf("%s: number %d: expected %#x, found %#x", name, n, w, g)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Next(42, name).Uint64() }); n > 0 {
		t.Errorf("expected no allocations, found %v", n)
	}
}

func ExampleStream() {
	a, b := seed.Stream(42, "mix"), seed.Stream(42, "mix")
	fmt.Println(a.IntN(1000) == b.IntN(1000))
	// Output: true
}
