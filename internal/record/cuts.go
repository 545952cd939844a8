package record

import (
	"slices"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Cutting notes that ordeal itself is about to cut connections to the target, until
// the returned func is called: a request that loses its connection by that is no
// error of the target.
func (r *Recorder) Cutting() (done func()) { return r.cutting(&r.cuts) }

// CuttingOld is Cutting for connections that are open now, each of which is cut when
// it is next used.
func (r *Recorder) CuttingOld() (done func()) { return r.cutting(&r.oldCuts) }

func (r *Recorder) cutting(to *[]timeline.Window) (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(*to)
	*to = append(*to, timeline.Window{From: r.now(), To: forever})
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		(*to)[i].To = r.now()
	})
}

// cutSlack is how much later than it was cut a connection may be seen to be lost.
const cutSlack = time.Second

// cut says whether ordeal itself cut e off: it was sent before the cutting was over, and lost its
// connection while connections were cut, or shortly after.
func (r *Recorder) cut(e *entry, x *extra) bool {
	if len(r.cuts)+len(r.oldCuts) == 0 || e.outcome != attack.Done ||
		!timeline.KindNamed(x.kind).Lost {
		return false
	}
	lost := e.done + x.thinkTime // think time is only of whole flows
	during := func(w timeline.Window) bool { return e.sent <= w.To && lost >= w.From && lost-cutSlack <= w.To }
	return slices.ContainsFunc(r.cuts, during) ||
		x.opened != 0 && slices.ContainsFunc(r.oldCuts, func(w timeline.Window) bool {
			return x.opened <= w.From && during(w)
		})
}
