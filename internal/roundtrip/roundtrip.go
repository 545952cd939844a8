// Package roundtrip measures how long answers take, to prove that a delay is in
// force and that it is gone. Links and the helpers in containers measure alike.
//
// On a busy machine single round trips are late by any amount, and those that are
// made at the same time are late together. So what is compared are medians over
// several rounds, of which one that was late as a whole changes nothing.
package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Round measures several round trips.
type Round func(ctx context.Context) ([]time.Duration, error)

const (
	// baseRounds is how many rounds tell what is usual.
	baseRounds = 3
	// maxRounds bounds the search for an effect.
	maxRounds = 6
)

// Base returns the median round trip.
func Base(ctx context.Context, round Round) (time.Duration, error) {
	var all []time.Duration
	for range baseRounds {
		trips, err := round(ctx)
		if err != nil {
			return 0, err
		}
		all = append(all, trips...)
	}
	return median(all), nil
}

// Proof measures round after round until it sees that something acts, and says what
// it saw. before is the median round trip before it acted.
type Proof func(ctx context.Context, round Round, before time.Duration) (evidence string, err error)

// Prove measures the usual round trip, has something act, and returns what its proofs
// saw. One that sees nothing is an error.
func Prove(
	ctx context.Context, round Round, act func() error, proofs ...Proof,
) (evidence string, err error) {
	if len(proofs) == 0 {
		return "", errors.New("expected a proof that something acts, found none")
	}
	before, err := Base(ctx, round)
	if err != nil {
		return "", err
	}
	if err := act(); err != nil {
		return "", err
	}
	var seen []string
	for _, proof := range proofs {
		text, err := proof(ctx, round, before)
		if err != nil {
			return "", err
		}
		seen = append(seen, text)
	}
	return strings.Join(seen, ", "), nil
}

// Grown is the proof that a delay with jitter (uniform in ±jitter around delay) acts:
// the median round trip has grown as such a delay makes it grow.
func Grown(delay, jitter time.Duration) Proof {
	want := Wanted(delay, jitter)
	return func(ctx context.Context, round Round, before time.Duration) (string, error) {
		var all []time.Duration
		for n := 1; ; n++ {
			trips, err := round(ctx)
			if err != nil {
				return "", err
			}
			all = append(all, trips...)
			after := median(all)
			if after-before >= want {
				return fmt.Sprintf("round trip %s → %s", quantity.FormatDuration(before),
					quantity.FormatDuration(after)), nil
			}
			if n == maxRounds {
				return "", fmt.Errorf(
					"expected round trips to grow by at least %s, "+
						"found %s before and %s after",
					quantity.FormatDuration(want),
					quantity.FormatDuration(before),
					quantity.FormatDuration(after),
				)
			}
		}
	}
}

// Below measures until a round trip is quicker than limit, and returns it. On a busy
// machine that may take more than one.
func Below(ctx context.Context, round Round, limit time.Duration) (time.Duration, error) {
	for {
		trips, err := round(ctx)
		if err != nil {
			return 0, err
		}
		trip := slices.Min(trips)
		if trip < limit {
			return trip, nil
		}
		select {
		case <-ctx.Done():
			return trip, fmt.Errorf("expected a round trip below %s, found %s: %w",
				quantity.FormatDuration(limit), quantity.FormatDuration(trip), context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Wanted is the growth from which on a delay counts as seen. The median of
// uniform jitter is the delay itself; that of few round trips falls short of it
// by more the wider the jitter is.
func Wanted(delay, jitter time.Duration) time.Duration {
	return max(delay-jitter, delay/2) * 8 / 10
}

// median of none is 0.
func median(trips []time.Duration) time.Duration {
	if len(trips) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(trips))
	return sorted[len(sorted)/2]
}

// Conns is how many connections a Prober holds.
const Conns = 5

// Prober measures over a few open connections to an echo, all at once, so that a
// round takes as long as one round trip.
type Prober struct{ conns []net.Conn }

// Open opens a Prober's connections.
func Open(ctx context.Context, dial func(context.Context) (net.Conn, error)) (*Prober, error) {
	p := &Prober{}
	for range Conns {
		c, err := dial(ctx)
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("opening a probe: %w", err)
		}
		p.conns = append(p.conns, c)
	}
	return p, nil
}

// Close closes the connections; of nil it does nothing.
func (p *Prober) Close() {
	if p == nil {
		return
	}
	for _, c := range p.conns {
		c.Close()
	}
}

// Round is a Round.
func (p *Prober) Round(ctx context.Context) ([]time.Duration, error) {
	// A connection's deadline is the only thing that ends a blocked read.
	stop := context.AfterFunc(ctx, func() {
		for _, c := range p.conns {
			c.SetDeadline(time.Unix(1, 0))
		}
	})
	defer stop()
	trips := make([]time.Duration, len(p.conns))
	errs := make([]error, len(p.conns))
	var wg sync.WaitGroup
	for i, c := range p.conns {
		wg.Go(func() {
			out, in := []byte{byte(i)}, []byte{0}
			start := time.Now()
			if _, errs[i] = c.Write(out); errs[i] != nil {
				return
			}
			_, errs[i] = io.ReadFull(c, in)
			trips[i] = time.Since(start)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("a probe got no answer: %w", err)
	}
	return trips, nil
}
