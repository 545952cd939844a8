package record

import (
	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// beat counts the result of an arrival in the beats, if it says something of the target: an arrival
// that the generator was late with, or whose error it may have made, does not show that the target
// was silent.
func (r *Recorder) beat(iv *interval, e *entry, x *extra) {
	if stage := r.cellIndex.stage(e.cell); stage == nil || !stage.Judged ||
		e.outcome == attack.Interrupted {
		return
	}
	if x.kind != "" && timeline.KindNamed(x.kind).Own {
		return
	}
	b := timeline.Beat{Due: e.intended, Last: e.intended}
	switch {
	case x.doubtful:
		b.Doubted, b.DoubtedTo = 1, e.ended(x)
	case x.kind != "":
		b.Errors, b.Failed = 1, e.ended(x)
	default:
		b.Good, b.Best, b.Came = 1, max(0, e.done-e.intended-x.delay), e.done
		if waited := e.done - max(e.dispatched, e.intended); waited > b.Best && x.delay > 0 {
			b.Waited = waited
		}
	}
	iv.beats[(max(e.intended, 0)%slice)/timeline.BeatLength].Merge(b)
}
