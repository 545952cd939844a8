package arrivals

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

// Schedule yields the arrivals of a load in order of time, the same ones every
// time. It is defined by load and seed alone: each stage draws from a stream of
// its own, and the choice among requests from another, so that adding a
// request moves no arrival, and changing a stage only its own.
//
// Arrivals lie strictly within their stage. In a uniform process arrival k, from 0, comes at the
// last moment at which the integral of the rate from the start of the load is still at most k, so
// that no arrival falls into a stretch whose rate is 0. The fraction of an arrival that a stage
// ends with is carried over to the next stage: ten stages of 100 ms at 1/s are one arrival and not
// ten. A stage that amounts to a whole number of arrivals carries nothing over, and the next stage
// begins with an arrival. A Poisson process has no memory, so it carries nothing over. A trace has
// its own instants in every process.
func (l *Load) Schedule() iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		s := l.schedule()
		for {
			if a, ok := s.next(); !ok || !yield(a) {
				return
			}
		}
	}
}

// schedule is a walk through a load's arrivals.
type schedule struct {
	load   *Load
	choose func() int
	nth    []uint64 // by what choose returns
	seq    uint64
	stage  int           // the present one
	begin  time.Duration // of the stage
	at     offsets       // of the stage's arrivals, from begin
	carry  float64       // how much of an arrival is still to come before the next uniform one
}

func (l *Load) schedule() *schedule {
	s := &schedule{
		load:   l,
		choose: l.Draw(seed.Stream(l.Seed, "mix")),
		nth:    make([]uint64, max(1, len(l.Requests)+len(l.Flows))),
		stage:  -1,
	}
	s.enter()
	return s
}

// enter goes on to the next stage; false if there is none.
func (s *schedule) enter() bool {
	if s.stage >= 0 {
		s.begin += s.load.Stages[s.stage].For
		s.carry = s.at.left(s.carry)
	}
	if s.stage++; s.stage >= len(s.load.Stages) {
		return false
	}
	s.at = newOffsets(
		s.load.Stages[s.stage],
		s.load.Process,
		seed.Stream(s.load.Seed, fmt.Sprintf("arrivals/%d", s.stage)),
	)
	s.at.begin(s.carry)
	return true
}

func (s *schedule) next() (Arrival, bool) {
	if s.stage >= len(s.load.Stages) {
		return Arrival{}, false
	}
	at, ok := s.at.next()
	for !ok {
		if !s.enter() {
			return Arrival{}, false
		}
		at, ok = s.at.next()
	}
	a := Arrival{Seq: s.seq, Intended: s.begin + at, Stage: s.stage}
	i := s.choose()
	a.Request, a.IsFlow = s.load.Pick(i)
	a.Nth = s.nth[i]
	s.nth[i]++
	s.seq += s.load.Numbers(a)
	return a, true
}

// Pick is what a draw of mix stands for: a request, or a whole flow.
func (l *Load) Pick(i int) (request int, whole bool) {
	if i < len(l.Requests) {
		return i, false
	}
	return i - len(l.Requests), true
}

// Numbers is how many sequence numbers an arrival takes: one, and one more for
// each step of a flow.
func (l *Load) Numbers(a Arrival) uint64 {
	if !a.IsFlow {
		return 1
	}
	return 1 + uint64(l.Flows[a.Request].Steps)
}

// Expected is the number of arrivals that the open shapes amount to. A uniform
// schedule has this many, rounded up; a Poisson one scatters around it.
func (l *Load) Expected() float64 {
	var n float64
	for _, s := range l.Stages {
		if open, ok := s.Shape.(OpenShape); ok {
			n += open.Expected(s.For, s.For)
		}
	}
	return n
}

// Digest walks the schedule, at most max arrivals of it, and returns how many
// it walked and the SHA-256, in hexadecimal, over the sequence number, intended
// offset, stage, request and place of each.
func (l *Load) Digest(max int) (count uint64, sha string) {
	h := sha256.New()
	var b [40]byte
	if max > 0 {
		for a := range l.Schedule() {
			binary.BigEndian.PutUint64(b[0:], a.Seq)
			binary.BigEndian.PutUint64(b[8:], uint64(a.Intended))
			binary.BigEndian.PutUint64(b[16:], uint64(a.Stage))
			request := uint64(a.Request)
			if a.IsFlow {
				request |= 1 << 63
			}
			binary.BigEndian.PutUint64(b[24:], request)
			binary.BigEndian.PutUint64(b[32:], a.Nth)
			h.Write(b[:])
			if count++; count >= uint64(max) {
				break
			}
		}
	}
	return count, hex.EncodeToString(h.Sum(nil))
}

// Draw returns a function that draws requests and flows by weight, from rng: an
// index into the requests, and beyond them into the flows.
func (l *Load) Draw(rng *rand.Rand) func() int {
	sums := make([]float64, 0, len(l.Requests)+len(l.Flows))
	var sum float64
	for _, weight := range l.Requests {
		sum += weight
		sums = append(sums, sum)
	}
	for _, f := range l.Flows {
		sum += f.Weight
		sums = append(sums, sum)
	}
	if len(sums) < 2 || sum <= 0 {
		return func() int { return 0 }
	}
	return func() int {
		x := rng.Float64() * sum
		// The first whose sum is above x, so that one of weight 0 is never drawn.
		i := sort.Search(len(sums), func(i int) bool { return sums[i] > x })
		return min(i, len(sums)-1)
	}
}

// offsets are the arrivals of one stage, from its beginning on.
type offsets struct {
	shape OpenShape
	inv   inverter // nil: there is no closed form
	rng   *rand.Rand
	total time.Duration
	all   float64 // arrivals
	k     float64 // of the next
	at    time.Duration
	even  bool // the process is uniform, and the stage has a rate
}

// newOffsets starts the arrivals of a stage; rng is used by a Poisson process
// only.
func newOffsets(s Stage, process Process, rng *rand.Rand) (o offsets) {
	open, ok := s.Shape.(OpenShape)
	if !ok {
		return o // a closed stage has no arrivals of its own
	}
	o = offsets{shape: open, total: s.For, all: open.Expected(s.For, s.For)}
	o.inv, _ = open.(inverter)
	switch _, instants := open.(exact); {
	case instants:
	case process == Poisson:
		o.rng = rng
		o.k = rng.ExpFloat64()
	default:
		o.even = true
	}
	return o
}

// sliver is a fraction of an arrival that is no more than the rounding of integrals: it is not
// carried over.
const sliver = 1e-6

// begin makes the first arrival of an even stage come when the integral of the rate is carry, which
// is below 1.
func (o *offsets) begin(carry float64) {
	if o.even {
		o.k = carry
	}
}

// left is the carry after the stage, which is over; carry is that before it.
func (o *offsets) left(carry float64) float64 {
	if !o.even {
		return carry
	}
	if carry = o.k - o.all; carry < sliver {
		return 0
	}
	return carry
}

func (o *offsets) next() (time.Duration, bool) {
	if o.k >= o.all {
		return 0, false
	}
	if o.inv != nil {
		o.at = max(o.at, o.inv.Invert(o.k, o.total))
	} else {
		o.at = search(o.shape, o.k, o.total, o.at)
	}
	if o.rng != nil {
		o.k += o.rng.ExpFloat64()
	} else {
		o.k++
	}
	if o.at >= o.total {
		o.k = o.all // rounding put the last arrival on the stage's end: it begins the next
		return 0, false
	}
	return o.at, true
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
