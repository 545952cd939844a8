package verdict

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// A figure's interval rests on how alike successive stretches of its scope were: see
// internal/confidence. So each scope that is asked for a percentile or a share keeps what came due
// in it by blocks of time as well.
const (
	// blockLength is how long blocks are in the beginning: an interval.
	blockLength = time.Second
	// maxBlocks bounds their number: when there are so many, neighbours are joined, and blocks are
	// twice as long from then on. So there are half as many at least, for a few hundred bytes each.
	maxBlocks = 64
)

// block is what came due in a stretch of a scope.
type block struct {
	judged, errors uint64
	times          []timeline.Coarse // by blocks.families
}

// blocks are those of a scope, in order of time.
type blocks struct {
	families []*family
	length   time.Duration // of each
	filled   time.Duration // how much of the last one's is over
	all      []block
}

// family is what percentiles of one kind of time are read from: response times, lag.
type family struct {
	prefix string // of its metrics' names
	parts  func(*timeline.Stats) []*timeline.Distribution
}

func (f *family) is(o *family) bool { return f.prefix == o.prefix }

// elapse says that what came due in the next stretch of time, of this length, follows. It returns
// whether the last block is full with it.
func (b *blocks) elapse(d time.Duration) bool {
	if b.full() {
		if len(b.all) == maxBlocks {
			b.join()
		}
		b.begin()
	}
	b.current()
	b.filled += d
	return b.full()
}

// full says whether the last block is as long as it is to be; cuts of intervals are off by a
// little.
func (b *blocks) full() bool { return len(b.all) > 0 && b.filled >= b.length-blockLength/10 }

// current is the last block.
func (b *blocks) current() *block {
	if len(b.all) == 0 {
		b.length = blockLength
		b.begin()
	}
	return &b.all[len(b.all)-1]
}

func (b *blocks) begin() {
	b.all, b.filled = append(b.all, block{times: make([]timeline.Coarse, len(b.families))}), 0
}

// join makes blocks twice as long.
func (b *blocks) join() {
	half := b.all[:0]
	for i := 0; i+1 < len(b.all); i += 2 {
		sum := b.all[i]
		sum.merge(&b.all[i+1])
		half = append(half, sum)
	}
	clear(b.all[len(half):])
	b.all = half
	b.length *= 2
}

func (b *block) merge(o *block) {
	b.judged += o.judged
	b.errors += o.errors
	for i := range o.times {
		b.times[i].Merge(&o.times[i])
	}
}

// and are the blocks of b and of what followed it, which may have others of another length.
func (b *blocks) and(o *blocks) *blocks {
	return &blocks{families: b.families, all: slices.Concat(b.all, o.all)}
}

// blockSum gathers what becomes a part of blocks. The zero value is empty, and of no families.
type blockSum struct {
	judged, errors uint64
	times          []timeline.CoarseSum // by family
}

func (s *blockSum) add(of *timeline.Stats, families []*family) {
	s.judged += of.Judged()
	s.errors += of.Errors()
	for len(s.times) < len(families) {
		s.times = append(s.times, timeline.CoarseSum{})
	}
	for i, f := range families {
		for _, d := range f.parts(of) {
			s.times[i].Add(d)
		}
	}
}

// take returns what was gathered, and empties s.
func (s *blockSum) take() block {
	b := block{judged: s.judged, errors: s.errors, times: make([]timeline.Coarse, len(s.times))}
	for i := range s.times {
		b.times[i] = s.times[i].Take()
	}
	s.judged, s.errors = 0, 0
	return b
}
