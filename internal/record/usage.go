package record

import (
	"encoding/json"
	"fmt"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// typeUsage is the type of lines with what the generator used of its machine.
const typeUsage = "sample"

type usageLine struct {
	Type   string               `json:"type"`
	Sample timeline.UsageWindow `json:"sample"`
}

// Usage records what the generator used in a window. Windows come in order of time.
func (r *Recorder) Usage(s timeline.UsageWindow) {
	r.out.mu.Lock()
	defer r.out.mu.Unlock()
	r.out.line(usageLine{typeUsage, s})
}

// typeStandstill is the type of lines that say when the generator stood still.
const typeStandstill = "standstill"

type standstillLine struct {
	Type string `json:"type"`
	timeline.Window
}

// Standstill keeps a stretch in which the generator did not run. They come in order of
// time.
func (r *Recorder) Standstill(w timeline.Window) {
	r.out.mu.Lock()
	defer r.out.mu.Unlock()
	r.out.line(standstillLine{typeStandstill, w})
}

// addStandstill takes in a line of typeStandstill.
func addStandstill(l *timeline.StandstillLog, line []byte) error {
	var s standstillLine
	if err := json.Unmarshal(line, &s); err != nil {
		return fmt.Errorf("expected a standstill of the generator: %w", err)
	}
	if s.From < l.End() || s.To <= s.From {
		return fmt.Errorf(
			"expected a standstill with from < to that begins at %s or later, found one from %d to %d",
			l.End(),
			s.From,
			s.To,
		)
	}
	l.Add(s.Window)
	return nil
}

// addUsage takes in a line of typeUsage.
func addUsage(l *timeline.UsageLog, line []byte) error {
	var u usageLine
	if err := json.Unmarshal(line, &u); err != nil {
		return fmt.Errorf("expected a sample of the generator: %w", err)
	}
	if s := u.Sample; s.From < l.End() || s.To <= s.From {
		return fmt.Errorf(
			"expected a sample with from < to that begins at %s or later, found one from %d to %d",
			l.End(),
			s.From,
			s.To,
		)
	}
	l.Add(u.Sample)
	return nil
}
