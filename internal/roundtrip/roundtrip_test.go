package roundtrip_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/roundtrip"
)

const ms = time.Millisecond

// rounds plays back rounds, and repeats the last.
func rounds(in ...[]time.Duration) roundtrip.Round {
	return func(context.Context) ([]time.Duration, error) {
		r := in[0]
		if len(in) > 1 {
			in = in[1:]
		}
		return r, nil
	}
}

func all(d time.Duration) []time.Duration { return []time.Duration{d, d, d, d, d} }

// One moment at which the machine stood still makes all probes of a round late:
// neither before nor under a delay does that decide.
func TestOneLateRoundDecidesNothing(t *testing.T) {
	before, err := roundtrip.Base(t.Context(), rounds(all(41700*time.Microsecond), all(ms), all(ms)))
	if err != nil || before != ms {
		t.Fatalf("Base = %v, %v, want 1ms", before, err)
	}
	grown := roundtrip.Grown(50*ms, 0)
	if seen, err := grown(t.Context(), rounds(all(51600*time.Microsecond)), before); err != nil || seen != "round trip 1ms → 51.6ms" {
		t.Errorf("a delay that works: %q, %v", seen, err)
	}
	if seen, err := grown(t.Context(), rounds(append(all(ms), 60*ms, 60*ms), all(ms)), ms); err == nil {
		t.Errorf("no delay, and two late probes: %q, nil", seen)
	} else if !strings.Contains(err.Error(), "grow by at least 40ms, found 1ms before and 1ms after") {
		t.Errorf("the error %q", err)
	}
}

// A delay in force is seen whatever its jitter, and one that is not, is not.
func TestJitter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, jitter := range []time.Duration{0, 10 * ms, 50 * ms, 100 * ms} {
		missed := 0
		const runs = 5000
		for range runs {
			round := func(context.Context) ([]time.Duration, error) {
				out := all(ms)
				for i := range out {
					out[i] += 100*ms + time.Duration(rng.Int64N(int64(2*jitter)+1)) - jitter
				}
				return out, nil
			}
			if _, err := roundtrip.Grown(100*ms, jitter)(t.Context(), round, ms); err != nil {
				missed++
			}
		}
		if missed > runs/1000 {
			t.Errorf("jitter %v: %d of %d delays were not seen", jitter, missed, runs)
		}
	}
}

// Something acts between the usual round trips and those of the proofs, and each proof
// has its words.
func TestProve(t *testing.T) {
	acted := false
	round := func(context.Context) ([]time.Duration, error) {
		if acted {
			return all(101 * ms), nil
		}
		return all(ms), nil
	}
	second := func(_ context.Context, _ roundtrip.Round, before time.Duration) (string, error) {
		return "before it was " + before.String(), nil
	}
	seen, err := roundtrip.Prove(t.Context(), round, func() error { acted = true; return nil }, roundtrip.Grown(100*ms, 0), second)
	if want := "round trip 1ms → 101ms, before it was 1ms"; err != nil || seen != want {
		t.Errorf("Prove = %q, %v, want %q", seen, err, want)
	}
	stuck := errors.New("stuck")
	if _, err := roundtrip.Prove(t.Context(), round, func() error { return stuck }, second); !errors.Is(err, stuck) {
		t.Errorf("Prove of what cannot act = %v", err)
	}
	if _, err := roundtrip.Prove(t.Context(), round, func() error { return nil }); err == nil {
		t.Error("Prove took what nothing proves for proven")
	}
	if _, err := roundtrip.Prove(t.Context(), round, func() error { return nil }, roundtrip.Grown(time.Second, 0)); err == nil {
		t.Error("Prove saw what is not there")
	}
}

func TestBelow(t *testing.T) {
	if trip, err := roundtrip.Below(t.Context(), rounds(all(9*ms), all(2*ms)), 5*ms); err != nil || trip != 2*ms {
		t.Errorf("Below = %v, %v, want the second round", trip, err)
	}
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("ctrl-c"))
	if _, err := roundtrip.Below(over, rounds(all(9*ms)), 5*ms); err == nil || !strings.Contains(err.Error(), "below 5ms, found 9ms: ctrl-c") {
		t.Errorf("Below of what stays slow = %v", err)
	}
}

func TestProber(t *testing.T) {
	var ends []net.Conn
	p, err := roundtrip.Open(t.Context(), func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		ends = append(ends, far)
		go io.Copy(far, far)
		return near, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if trips, err := p.Round(t.Context()); err != nil || len(trips) != roundtrip.Conns {
		t.Errorf("Round = %v, %v", trips, err)
	}
	for _, e := range ends {
		e.Close()
	}
	if _, err := p.Round(t.Context()); err == nil {
		t.Error("an echo that is gone answered")
	}
	none := errors.New("none")
	if _, err := roundtrip.Open(t.Context(), func(context.Context) (net.Conn, error) { return nil, none }); !errors.Is(err, none) {
		t.Errorf("Open = %v", err)
	}
	(*roundtrip.Prober)(nil).Close()
}
