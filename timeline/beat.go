package timeline

import (
	"cmp"
	"slices"
	"time"
)

// BeatLength is the resolution at which an interval tells its arrivals apart.
const BeatLength = 10 * time.Millisecond

// Beat is what came of the arrivals of the judged stages, without whole flows, that came
// due within one BeatLength of an interval: enough to tell to the arrival, or to BeatLength where
// these come closer, when a service stopped to answer and when it did so again. Arrivals that were
// interrupted, or cut off by ordeal itself, say nothing of the target and are in none.
type Beat struct {
	Due    time.Duration `json:"due"`              // of the first of them
	Last   time.Duration `json:"last"`             // due time of the last of them
	Errors uint64        `json:"errors,omitempty"` // how many of them went wrong
	Failed time.Duration `json:"failed,omitempty"` // when the last of the errors ended
	Good   uint64        `json:"good,omitempty"`   // how many were answered well
	// Of the good ones: the least response time, and when the first of them came.
	Best time.Duration `json:"best,omitempty"`
	Came time.Duration `json:"came,omitempty"`
	// Best leaves out what the generator itself may have made of it. Waited is the least
	// time from when it acted on a good one until that was done, all included, 0 if that is
	// Best. Doubted counts errors that it may have made, which are not among Errors; the last of
	// them ended at DoubtedTo.
	Waited    time.Duration `json:"waited,omitempty"`
	Doubted   uint64        `json:"doubted,omitempty"`
	DoubtedTo time.Duration `json:"doubted_to,omitempty"`
}

// Known is how many arrivals say something of the target for certain.
func (b *Beat) Known() uint64 { return b.Errors + b.Good }

// AtWorst is the beat with nothing put down to the generator: its errors are the
// target's, and so are answers that it may have held up.
func (b Beat) AtWorst() Beat {
	b.Errors += b.Doubted
	b.Failed = max(b.Failed, b.DoubtedTo)
	b.Best = max(b.Best, b.Waited)
	b.Doubted, b.DoubtedTo, b.Waited = 0, 0, 0
	return b
}

// Slot tells apart the beats of an interval.
func (b *Beat) Slot() int64 { return int64(b.Due / BeatLength) }

// Merge adds what came of more arrivals of the same slot.
func (b *Beat) Merge(o Beat) {
	if b.Known()+b.Doubted == 0 {
		*b = o
		return
	}
	b.Due, b.Last = min(b.Due, o.Due), max(b.Last, o.Last)
	b.Errors += o.Errors
	b.Failed = max(b.Failed, o.Failed)
	b.Doubted += o.Doubted
	b.DoubtedTo = max(b.DoubtedTo, o.DoubtedTo)
	if o.Good > 0 {
		if b.Good == 0 {
			b.Best, b.Came, b.Waited = o.Best, o.Came, o.Waited
		}
		b.Waited = min(max(b.Best, b.Waited), max(o.Best, o.Waited))
		if b.Best, b.Came = min(b.Best, o.Best), min(b.Came, o.Came); b.Waited == b.Best {
			b.Waited = 0
		}
		b.Good += o.Good
	}
}

// MergeBeats adds b to beats, which are sorted.
func MergeBeats(beats []Beat, b Beat) []Beat {
	i, found := slices.BinarySearchFunc(
		beats,
		b.Slot(),
		func(x Beat, slot int64) int { return cmp.Compare(x.Slot(), slot) },
	)
	if found {
		beats[i].Merge(b)
		return beats
	}
	return slices.Insert(beats, i, b)
}
