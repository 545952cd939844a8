package roundtrip

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// rounds plays back rounds, and repeats the last.
func rounds(in ...[]time.Duration) Round {
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
	before, err := Base(t.Context(), rounds(all(41700*time.Microsecond), all(ms), all(ms)))
	if err != nil || before != ms {
		t.Fatalf("Base = %v, %v, want 1ms", before, err)
	}
	if after, err := Grown(t.Context(), rounds(all(51600*time.Microsecond)), before, 50*ms, 0); err != nil || after != 51600*time.Microsecond {
		t.Errorf("a delay that works: %v, %v", after, err)
	}
	if after, err := Grown(t.Context(), rounds(append(all(ms), 60*ms, 60*ms), all(ms)), ms, 50*ms, 0); err == nil {
		t.Errorf("no delay, and two late probes: %v, nil", after)
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
			if _, err := Grown(t.Context(), round, ms, 100*ms, jitter); err != nil {
				missed++
			}
		}
		if missed > runs/1000 {
			t.Errorf("jitter %v: %d of %d delays were not seen", jitter, missed, runs)
		}
	}
}

func TestProber(t *testing.T) {
	var ends []net.Conn
	p, err := Open(t.Context(), func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		ends = append(ends, far)
		go io.Copy(far, far)
		return near, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if trips, err := p.Round(t.Context()); err != nil || len(trips) != Conns {
		t.Errorf("Round = %v, %v", trips, err)
	}
	for _, e := range ends {
		e.Close()
	}
	if _, err := p.Round(t.Context()); err == nil {
		t.Error("an echo that is gone answered")
	}
	none := errors.New("none")
	if _, err := Open(t.Context(), func(context.Context) (net.Conn, error) { return nil, none }); !errors.Is(err, none) {
		t.Errorf("Open = %v", err)
	}
	(*Prober)(nil).Close()
}
