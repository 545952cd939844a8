package state

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/filelock"
	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// targetsKey is that of the line in a run's record that says what it puts under load or breaks.
const targetsKey = "targets"

// Busy is a run that is at a target which another run wants.
type Busy struct {
	Run
	Target string
	Lives  bool // for sure; otherwise that cannot be seen from here
}

// Take writes down what a run is about to put under load or to break, unless a run that lives
// is at some of it, which it returns. With share it writes it down all the same. Of two that
// ask at once one is first.
func (f *Folder) Take(ctx context.Context, c *Claim, targets []string, share bool) ([]Busy, error) {
	defer f.lock(ctx, "targets.lock", func() {})()
	runs, _ := f.Runs() // what cannot be read is heal's to tell of
	var busy []Busy
	refused := false
	for _, r := range runs {
		if r.path == c.path {
			continue
		}
		at := slices.IndexFunc(r.Targets, func(t string) bool {
			return slices.Contains(targets, t)
		})
		if at < 0 {
			continue
		}
		l, _ := r.Liveness()
		if l == owner.Dead {
			continue
		}
		busy = append(busy, Busy{Run: r, Target: r.Targets[at], Lives: l == owner.Alive})
		refused = refused || l == owner.Alive && !share
	}
	if refused {
		return busy, nil
	}
	text, err := json.Marshal(targets)
	if err != nil {
		return busy, err
	}
	return busy, c.Place(targetsKey, text)
}

// lock waits for a lock on a file of the folder and holds it until done is called. wait is
// called once if another process has it. Where that takes too long, or files cannot be locked,
// it lets the caller go on.
func (f *Folder) lock(ctx context.Context, name string, wait func()) (done func()) {
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return func() {}
	}
	for told := false; ; {
		locked, err := filelock.Exclusive(file)
		if locked || err != nil {
			return func() { file.Close() }
		}
		if !told {
			told = true
			wait()
		}
		select {
		case <-ctx.Done():
			return func() { file.Close() }
		case <-time.After(50 * time.Millisecond):
		}
	}
}
