package attack

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// Schedule yields the plan's arrivals in order of time, the same ones every
// time. It is defined by plan and seed alone: each stage draws from a stream of
// its own, and the choice among requests from another, so that adding a
// request moves no arrival, and changing a stage only its own.
//
// Arrivals lie strictly within their stage. In a uniform process arrival k of
// a stage, k from 0, comes at the last moment at which Expected is still at
// most k, so that none falls into a stretch whose rate is 0. A trace has its own
// instants in every process.
func (p *Plan) Schedule() iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		choose := p.mix()
		nth := make([]uint64, len(p.Requests))
		var seq uint64
		var begin time.Duration
		for i, stage := range p.Stages {
			for at := range offsets(stage, p.Arrivals, seed.Stream(p.Seed, fmt.Sprintf("arrivals/%d", i))) {
				a := Arrival{Seq: seq, Intended: begin + at, Stage: i}
				if a.Request = choose(); len(nth) > 0 {
					a.Nth = nth[a.Request]
					nth[a.Request]++
				}
				seq++
				if !yield(a) {
					return
				}
			}
			begin += stage.For
		}
	}
}

// Expected is the number of arrivals that the open shapes amount to. A uniform
// schedule has this many, rounded up stage by stage; a Poisson one scatters
// around it.
func (p *Plan) Expected() float64 {
	var n float64
	for _, s := range p.Stages {
		if open, ok := s.Shape.(OpenShape); ok {
			n += open.Expected(s.For, s.For)
		}
	}
	return n
}

// Digest walks the schedule, at most max arrivals of it, and returns how many
// it walked and the SHA-256, in hexadecimal, over the sequence number, intended
// offset, stage, request and place of each.
func (p *Plan) Digest(max int) (count uint64, sha string) {
	h := sha256.New()
	var b [40]byte
	if max > 0 {
		for a := range p.Schedule() {
			binary.BigEndian.PutUint64(b[0:], a.Seq)
			binary.BigEndian.PutUint64(b[8:], uint64(a.Intended))
			binary.BigEndian.PutUint64(b[16:], uint64(a.Stage))
			binary.BigEndian.PutUint64(b[24:], uint64(a.Request))
			binary.BigEndian.PutUint64(b[32:], a.Nth)
			h.Write(b[:])
			if count++; count >= uint64(max) {
				break
			}
		}
	}
	return count, hex.EncodeToString(h.Sum(nil))
}

// mix returns a function that draws requests by weight.
func (p *Plan) mix() func() int {
	sums := make([]float64, len(p.Requests))
	var sum float64
	for i, r := range p.Requests {
		sum += r.Weight
		sums[i] = sum
	}
	if len(sums) < 2 || sum <= 0 {
		return func() int { return 0 }
	}
	rng := seed.Stream(p.Seed, "mix")
	return func() int {
		x := rng.Float64() * sum
		// The first whose sum is above x, so that one of weight 0 is never drawn.
		i := sort.Search(len(sums), func(i int) bool { return sums[i] > x })
		return min(i, len(sums)-1)
	}
}

// offsets yields the arrivals of one stage from its beginning on.
func offsets(s Stage, process Process, rng *rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		open, ok := s.Shape.(OpenShape)
		if !ok {
			return // users come when they like
		}
		next := func(k float64) float64 { return k + 1 }
		var k float64
		if _, ok := s.Shape.(exact); process == Poisson && !ok {
			next = func(k float64) float64 { return k + rng.ExpFloat64() }
			k = next(0)
		}
		all := open.Expected(s.For, s.For)
		inv, closed := s.Shape.(inverter)
		var at time.Duration
		for ; k < all; k = next(k) {
			if closed {
				at = max(at, inv.Invert(k, s.For))
			} else {
				at = search(open, k, s.For, at)
			}
			if at >= s.For {
				return // where rounding puts the last arrival on the stage's end
			}
			if !yield(at) {
				return
			}
		}
	}
}

// search returns the last whole nanosecond at which Expected is at most k: from
// on if it is above k already, total if it never is. It gallops from the
// arrival before, so its cost is the logarithm of the gap and not of the stage.
func search(s OpenShape, k float64, total, from time.Duration) time.Duration {
	lo, hi, step := from, from, time.Microsecond
	for {
		if hi = min(lo+step, total); s.Expected(hi, total) > k {
			break
		}
		if lo = hi; hi == total {
			return total
		}
		step *= 2
	}
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; s.Expected(mid, total) > k {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}
