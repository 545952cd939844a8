package record

import (
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// detailEvery is how often errors of one kind are explained. Of each kind only the latest text is
// shown, and a target that breaks makes thousands of errors a second.
const detailEvery = 100 * time.Millisecond

// details says which errors are to be explained. The zero value is ready; it is safe
// for concurrent use.
type details struct {
	mu   sync.Mutex
	next map[string]time.Duration // by kind: when the next one is to be
}

func (d *details) wants(r *attack.Result) bool {
	kind := errorKind(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if next, ok := d.next[kind]; ok && r.Done < next {
		return false
	}
	if d.next == nil {
		d.next = make(map[string]time.Duration)
	}
	d.next[kind] = r.Done + detailEvery
	return true
}

// WantsDetail implements attack.DetailChooser.
func (r *Recorder) WantsDetail(res *attack.Result) bool { return r.details.wants(res) }

var _ attack.DetailChooser = (*Recorder)(nil)
