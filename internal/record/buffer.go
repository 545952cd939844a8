package record

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// entry is a result that waits to be sorted in. It is one cache line long and has no pointers, so
// that the garbage collector need not read it.
type entry struct {
	// Of an unsent arrival, sent is when it was given up.
	intended, dispatched, sent, done time.Duration
	bytesIn, bytesOut                int64
	cell                             int32
	extra                            int32 // index of its extra, -1 if it has none
	code                             int32
	outcome                          attack.End
	class                            attack.Class
	isFlow                           bool
}

// extra has the fields of a result that are rarely set.
type extra struct {
	kind, detail string
	secrets      []string // of detail
	phases       timeline.PhaseTimes
	counts       timeline.Counts
	thinkTime    time.Duration
	delay        time.Duration // that the generator itself may have made
	doubtful     bool          // it may have made the error, too
	opened       time.Duration // when the connection was opened that broke; 0 if it is not known
}

var noExtra extra

// buffer gathers results.
type buffer struct {
	entries []entry
	extras  []extra
}

func newBuffer() *buffer { return &buffer{entries: make([]entry, 0, batch)} }

// put adds r, whose cell is known.
func (b *buffer) put(r *attack.Result, cell int32) {
	e := entry{
		intended: r.Intended, dispatched: r.Dispatched, sent: r.Sent, done: r.Done, bytesIn: r.BytesIn, bytesOut: r.BytesOut,
		cell: cell, extra: -1, code: int32(r.Code), class: r.Class, outcome: r.End, isFlow: r.IsFlow,
	}
	if r.End == attack.Unsent {
		e.sent = r.GivenUp
	}
	if kind := errorKind(r); kind != "" || r.Phases != (timeline.PhaseTimes{}) ||
		r.Counts != (timeline.Counts{}) ||
		r.ThinkTime != 0 ||
		r.Delay != 0 {
		e.extra = int32(len(b.extras))
		b.extras = append(
			b.extras,
			extra{
				kind,
				r.Detail,
				r.Secrets,
				r.Phases,
				r.Counts,
				r.ThinkTime,
				r.Delay,
				r.Doubtful,
				r.Opened,
			},
		)
	}
	b.entries = append(b.entries, e)
}

// move adds entry i of another buffer.
func (b *buffer) move(from *buffer, i int) {
	e := from.entries[i]
	if e.extra >= 0 {
		b.extras = append(b.extras, from.extras[e.extra])
		e.extra = int32(len(b.extras) - 1)
	}
	b.entries = append(b.entries, e)
}

// extraOf is the extra of entry e; never nil.
func (b *buffer) extraOf(e *entry) *extra {
	if e.extra < 0 {
		return &noExtra
	}
	return &b.extras[e.extra]
}

// ended is when e was over: answered, failed or given up. Of a whole flow, all think time before
// that is included.
func (e *entry) ended(x *extra) time.Duration {
	if e.outcome == attack.Unsent && e.sent > 0 {
		return max(e.intended, min(e.sent, e.done))
	}
	return max(e.intended, e.done+x.thinkTime)
}

// answered says whether e is a complete response, whatever it said. It goes by the class, as the
// kind of an error can be that of a wrong answer or of none. The class of a whole flow is that of
// the step that ended it.
func (e *entry) answered() bool { return e.outcome == attack.Done && e.class != attack.Failed }

func (b *buffer) reset() {
	clear(b.extras)
	b.entries, b.extras = b.entries[:0], b.extras[:0]
}
