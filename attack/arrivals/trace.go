package arrivals

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Trace replays recorded arrivals at the instants at which they came, whatever
// the plan's process of arrivals is; the first comes when the stage begins.
//
//	expected(t) = number of arrivals before t
//	rate(t)     = arrivals in the second around t, or in the first or last second
//
// In JSON it is the file's name, the speed, the number of arrivals and a SHA-256
// over their instants: enough to tell two traces apart, and not the trace. One
// that was read from JSON is not valid.
type Trace struct {
	File  string  `json:"file" doc:"a file of times, one a line"`
	Speed float64 `json:"speed" doc:"what all gaps are divided by"`

	count int
	sum   string

	instants []time.Duration // ascending from 0, at speed 1; shared and not changed
}

var (
	_ OpenShape        = Trace{}
	_ exact            = Trace{}
	_ json.Marshaler   = Trace{}
	_ json.Unmarshaler = (*Trace)(nil)
)

const (
	maxSpeed = 1e6
	// maxTrace keeps sums of offsets far from overflowing.
	maxTrace = 366 * 24 * time.Hour
)

// NewTrace makes a shape of instants as LoadTrace returns them. file is only a
// name.
func NewTrace(file string, instants []time.Duration, speed float64) (*Trace, fielderr.List) {
	var wrong fielderr.List
	switch {
	case len(instants) == 0:
		wrong.Add("file", "file: expected times, found none")
	case instants[0] != 0 || !slices.IsSorted(instants):
		wrong.Add("file", "file: expected times in order, from 0 on")
	}
	if wrong != nil {
		return nil, wrong
	}
	h := sha256.New()
	var b [8]byte
	for _, at := range instants {
		binary.BigEndian.PutUint64(b[:], uint64(at))
		h.Write(b[:])
	}
	t := &Trace{
		File:     file,
		count:    len(instants),
		sum:      hex.EncodeToString(h.Sum(nil)),
		instants: instants,
	}
	return t.AtSpeed(speed)
}

// AtSpeed returns the same trace at another speed. The two share their instants,
// as a scenario may replay one file in many stages.
func (tr *Trace) AtSpeed(speed float64) (*Trace, fielderr.List) {
	var wrong fielderr.List
	switch {
	case !(speed > 0 && speed <= maxSpeed):
		wrong.Add(
			"speed",
			"speed: expected a number above 0 and at most %.0f, found %s",
			maxSpeed,
			strconv.FormatFloat(speed, 'f', -1, 64),
		)
	case float64(tr.instants[len(tr.instants)-1])/speed > float64(maxTrace):
		wrong.Add("speed", "speed: expected a replay of at most a year, found a longer one")
	}
	if wrong != nil {
		return nil, wrong
	}
	out := *tr
	out.Speed = speed
	return &out, nil
}

// at is when arrival i is due.
func (tr Trace) at(i int) time.Duration {
	if tr.Speed == 1 {
		return tr.instants[i]
	}
	return time.Duration(math.Round(float64(tr.instants[i]) / tr.Speed))
}

// Length is how long a stage is that holds all arrivals: the time of the last
// and one mean gap. A trace without gaps lasts a second.
func (tr Trace) Length() time.Duration {
	n := len(tr.instants)
	if n == 0 || tr.at(n-1) == 0 {
		return time.Second
	}
	last := tr.at(n - 1)
	return last + max(1, last/time.Duration(n-1))
}

// before is the number of arrivals before t.
func (tr Trace) before(t time.Duration) int {
	return sort.Search(len(tr.instants), func(i int) bool { return tr.at(i) >= t })
}

// Rate implements OpenShape: the mean over the second around t. At the edges of
// the stage it is that of its first and last second, as the one arrival that begins
// every trace would be two a second in half of one; a shorter stage counts as a
// whole.
func (tr Trace) Rate(t, total time.Duration) Rate {
	from := max(0, min(t-time.Second/2, total-time.Second))
	to := min(total, from+time.Second)
	if to <= from || t < 0 || t > total {
		return 0
	}
	return Rate(float64(tr.before(to)-tr.before(from)) / seconds(to-from))
}

// Expected implements OpenShape. It counts what comes before t and not at t,
// so that the last moment at which it is k is the instant of arrival k.
func (tr Trace) Expected(t, _ time.Duration) float64 { return float64(tr.before(t)) }

// Invert looks arrival k up.
func (tr Trace) Invert(k float64, total time.Duration) time.Duration {
	if i := int(k); i < len(tr.instants) {
		return min(tr.at(i), total)
	}
	return total
}

func (Trace) exact() {}

// Validate implements Shape.
func (tr Trace) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	if len(tr.instants) == 0 {
		m.Add("file", "file: expected a trace that was read from its file, found none")
	}
	return m.List
}

func (tr Trace) String() string {
	out := "replay of " + tr.File
	if tr.Speed != 1 {
		out += " at " + strconv.FormatFloat(tr.Speed, 'f', -1, 64) + " times its speed"
	}
	return out
}

// traceJSON is a trace as plan.json has it.
type traceJSON struct {
	File  string  `json:"file"`
	Speed float64 `json:"speed"`
	Count int     `json:"count"`
	// Over the instants at speed 1, in nanoseconds from the first, as big-endian 64-bit numbers.
	SHA256 string `json:"sha256"`
}

// MarshalJSON implements json.Marshaler.
func (tr Trace) MarshalJSON() ([]byte, error) {
	return json.Marshal(traceJSON{tr.File, tr.Speed, tr.count, tr.sum})
}

// UnmarshalJSON implements json.Unmarshaler.
func (tr *Trace) UnmarshalJSON(b []byte) error {
	var j traceJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*tr = Trace{File: j.File, Speed: j.Speed, count: j.Count, sum: j.SHA256}
	return nil
}
