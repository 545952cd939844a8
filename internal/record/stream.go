package record

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// maxCount is more than any counter of an interval can hold; sums of what passes
// it do not overflow.
const maxCount = 1 << 40

// reference has the geometry that all histograms must have.
var reference = timeline.NewHistogram()

// stream reads the intervals of an indexed recording.
type stream struct {
	dir      string
	header   header
	parts    []part // sorted by window
	duration time.Duration
}

// intervals is an iter.Seq2: it opens the files, and ends with the first error.
// Every interval is the caller's own.
func (s *stream) intervals(yield func(timeline.Interval, error) bool) {
	lines, err := os.Open(filepath.Join(s.dir, TimelineFile))
	if err != nil {
		yield(timeline.Interval{}, fmt.Errorf("read the recording: %w", err))
		return
	}
	defer lines.Close()
	log, err := os.Open(filepath.Join(s.dir, LogFile))
	if err != nil {
		yield(timeline.Interval{}, fmt.Errorf("read the recording: %w", err))
		return
	}
	defer log.Close()

	// What comes next is read while the caller looks at what it has.
	read, stop := make(chan readInterval, readAhead), make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(read)
		s.readAll(&partReader{header: &s.header, lines: lines, log: log}, read, stop)
	})
	defer reading.Wait()
	defer close(stop)
	for next := range read {
		if next.err != nil {
			yield(timeline.Interval{}, next.err)
			return
		}
		iv := next.Interval
		if iv.From >= s.duration && len(iv.Cells) == 0 {
			continue // it ended while the last answers were waited for
		}
		if iv.From < s.duration {
			iv.To = min(iv.To, s.duration)
		} else {
			// What came after the end of the load belongs to no stretch of it.
			for _, c := range iv.Cells {
				c.Answered, c.AnsweredOK = 0, 0
			}
		}
		if !yield(iv, nil) {
			return
		}
	}
}

// readAhead is how many intervals are read before they are asked for.
const readAhead = 4

type readInterval struct {
	timeline.Interval
	err error
}

// readAll sends all intervals, up to the first error, until it is told to stop.
func (s *stream) readAll(from *partReader, to chan<- readInterval, stop <-chan struct{}) {
	for rest := s.parts; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Window == rest[0].Window {
			n++
		}
		iv, err := from.merge(rest[:n])
		rest = rest[n:]
		select {
		case to <- readInterval{iv, err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// partReader reads parts of intervals, and keeps what it needs for that. It is not safe for
// concurrent use.
type partReader struct {
	header     *header
	lines, log *os.File

	parser       lineParser
	dec          decoder
	line, logged []byte // what was read last
	cells        []timeline.Cell
	empty        *timeline.Times // that count at the limits; nil until one is needed
}

// merge reads the parts of one interval.
func (r *partReader) merge(parts []part) (timeline.Interval, error) {
	iv := timeline.Interval{Window: parts[0].Window}
	for i := range parts {
		cells, beats, err := r.read(&parts[i])
		if err != nil {
			return timeline.Interval{}, err
		}
		if i == 0 {
			iv.Beats = beats
		} else {
			for _, b := range beats {
				iv.Beats = timeline.MergeBeats(iv.Beats, b)
			}
		}
		iv.Cells = slices.Grow(iv.Cells, len(cells))
		for _, c := range cells {
			at, found := len(iv.Cells), false
			if at > 0 && iv.Cells[at-1].Compare(c) >= 0 { // they are sorted where there is one part
				at, found = slices.BinarySearchFunc(iv.Cells, c, timeline.Cell.Compare)
			}
			if found {
				iv.Cells[at].Merge(c.Stats)
			} else {
				iv.Cells = slices.Insert(iv.Cells, at, c)
			}
		}
	}
	return iv, nil
}

// read reads the cells and the beats of one part. The cells hold until the next call, all that
// they point to is the caller's own.
func (r *partReader) read(p *part) ([]timeline.Cell, []timeline.Beat, error) {
	var err error
	if r.line, err = readSpan(r.lines, r.line, p.json); err != nil {
		return nil, nil, err
	}
	parsed, err := r.parser.interval(r.line)
	if err == nil {
		err = parsed.check()
	}
	if err != nil {
		return nil, nil, &FileError{TimelineFile, p.line, err.Error()}
	}
	if r.logged, err = readSpan(r.log, r.logged, p.log); err != nil {
		return nil, nil, err
	}
	if r.empty == nil {
		r.empty = &timeline.NewStats(r.header.Limits).Times
		r.empty.Late = timeline.NewDistribution([]time.Duration{r.header.LateBudget})
	}
	logged, at := r.logged, p.logLine
	r.cells = r.cells[:0]
	for i := range parsed.Cells {
		c := &parsed.Cells[i]
		stats := c.Stats
		stats.Counted = timeline.RestoreCounted(c.Counters)
		stats.Times = *r.empty
		into := stats.Distributions()
		for j := range c.Distributions {
			d := &c.Distributions[j]
			var text []byte
			for { // comments may stand between the lines
				var whole bool
				text, logged, whole = bytes.Cut(logged, newline)
				if !whole {
					return nil, nil, &FileError{
						LogFile,
						at,
						"expected a histogram, found the end: the file changed while it was read",
					}
				}
				if isData(text) {
					break
				}
				at++
			}
			h, err := r.dec.logLine(text, c.Key, d.Name)
			if err != nil {
				return nil, nil, &FileError{LogFile, at, err.Error()}
			}
			at++
			if err := restore(into, d, h); err != nil {
				return nil, nil, &FileError{
					TimelineFile,
					p.line,
					fmt.Sprintf("%s: %s", tag(c.Key, d.Name), err),
				}
			}
		}
		if err := check(stats); err != nil {
			return nil, nil, &FileError{
				TimelineFile,
				p.line,
				fmt.Sprintf("%s/%s: %s", c.Stage, c.Request, err),
			}
		}
		r.cells = append(r.cells, timeline.Cell{Key: c.Key, OpenAt: c.OpenAt, Stats: stats})
	}
	return r.cells, parsed.Beats, nil
}

var newline = []byte("\n")

// readSpan reads a stretch of a file into b, or into a new slice where b is too small.
func readSpan(f *os.File, b []byte, s span) ([]byte, error) {
	b = slices.Grow(b[:0], int(s.len))[:s.len]
	if n, err := f.ReadAt(b, s.at); n < len(b) {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	return b, nil
}

// logLine reads a line Tag=…,start,length,max,histogram, which must have the tag of a key and the
// name of a distribution.
func (d *decoder) logLine(
	line []byte, k timeline.Key, distribution string,
) (*hdrhistogram.PackedHistogram, error) {
	d.tag = appendTag(append(d.tag[:0], "Tag="...), k, distribution)
	rest, ok := bytes.CutPrefix(line, d.tag)
	if ok {
		rest, ok = bytes.CutPrefix(rest, comma)
	}
	if !ok {
		found, _, _ := bytes.Cut(line, comma)
		return nil, fmt.Errorf(
			"expected the tag %s, as %s says, found %.80q",
			d.tag,
			TimelineFile,
			found,
		)
	}
	for range 3 {
		if _, rest, ok = bytes.Cut(rest, comma); !ok {
			return nil, errors.New(
				"expected start, length, maximum and histogram after the tag, found fewer fields",
			)
		}
	}
	h, err := d.decode(bytes.TrimSpace(rest))
	if err != nil {
		return nil, fmt.Errorf("expected an encoded histogram: %w", err)
	}
	return h, nil
}

var comma = []byte(",")

// restore puts the distribution that d describes into the one of that name.
func restore(
	into []timeline.NamedDistribution, d *distributionLine, h *hdrhistogram.PackedHistogram,
) error {
	n := uint64(h.TotalCount())
	for i, l := range d.Limits {
		if i > 0 && l.Limit <= d.Limits[i-1].Limit {
			return fmt.Errorf(
				"expected limits in rising order, found %s after %s",
				l.Limit,
				d.Limits[i-1].Limit,
			)
		}
		if l.At > n || l.Above > n-l.At {
			return fmt.Errorf(
				"expected at most the %d values of the histogram at and above %s, found %d and %d",
				n,
				l.Limit,
				l.At,
				l.Above,
			)
		}
	}
	if d.Clamped > n {
		return fmt.Errorf("expected at most %d clamped values, found %d", n, d.Clamped)
	}
	for _, to := range into {
		if to.Name != d.Name {
			continue
		}
		if to.Count() > 0 {
			return errors.New("expected the distribution once, found it again")
		}
		*to.Distribution = timeline.RestoreDistribution(h, d.Limits, d.Clamped)
		return nil
	}
	var names []string
	for _, known := range into {
		names = append(names, known.Name)
	}
	return fmt.Errorf("expected the distribution %s, found %q", strings.Join(names, ", "), d.Name)
}

// check says whether counters and histograms fit together.
func check(s *timeline.Stats) error {
	for _, n := range []uint64{s.Planned, s.Done, s.Unsent, s.Interrupted, s.Failed, s.Answered} {
		if n > maxCount {
			return fmt.Errorf("expected at most %d arrivals, found %d", int64(maxCount), n)
		}
	}
	for i, c := range timeline.Counters() {
		if s.Counted[i] > maxCount {
			return fmt.Errorf(
				"expected at most %d %s, found %d",
				int64(maxCount),
				c.Name,
				s.Counted[i],
			)
		}
	}
	if s.Failed > s.Done {
		return fmt.Errorf(
			"expected at most the %d done arrivals to fail, found %d",
			s.Done,
			s.Failed,
		)
	}
	if s.Cut > s.Done-s.Failed {
		return fmt.Errorf(
			"expected at most %d of the %d done arrivals to be cut off, found %d",
			s.Done-s.Failed,
			s.Done,
			s.Cut,
		)
	}
	if s.AnsweredOK > s.Answered {
		return fmt.Errorf(
			"expected at most the %d answers to be good, found %d",
			s.Answered,
			s.AnsweredOK,
		)
	}
	if s.Delayed > s.Judged() || s.Doubtful > s.Errors() ||
		s.DoubtfulUnsent > min(s.Doubtful, s.Unsent) {
		return fmt.Errorf(
			"expected at most %d delayed arrivals, %d doubtful errors and %d of these unsent, found %d, %d and %d",
			s.Judged(),
			s.Errors(),
			min(s.Doubtful, s.Unsent),
			s.Delayed,
			s.Doubtful,
			s.DoubtfulUnsent,
		)
	}
	for _, net := range []struct {
		name            string
		found, measured uint64
	}{
		{"ok.net", s.OKNet.Count(), s.OK.Count()},
		{"err.net", s.ErrNet.Count(), s.Err.Count()},
		{"service.net", s.ServiceNet.Count(), s.Service.Count()},
		{"lag.net", s.LagNet.Count(), s.Lag.Count()},
	} {
		if net.found != 0 && net.found != net.measured {
			return fmt.Errorf(
				"expected 0 or %d values in the histogram %s, found %d",
				net.measured,
				net.name,
				net.found,
			)
		}
	}
	type bound struct {
		name           string
		found, atLeast uint64
		atMost         uint64
	}
	counts := append(make([]bound, 0, 16),
		bound{"ok", s.OK.Count(), s.Done - s.Failed - s.Cut, s.Done - s.Failed - s.Cut},
		bound{"err", s.Err.Count(), s.Errors(), s.Errors()},
		bound{"service", s.Service.Count(), 0, s.Done},
		bound{"lag", s.Lag.Count(), s.Service.Count(), s.Service.Count()},
		bound{"late", s.Late.Count(), s.Judged(), s.Judged()},
	)
	for i, p := range timeline.Phases() {
		counts = append(counts, bound{p.Name, s.Phases[i].Count(), 0, s.Done})
	}
	for _, c := range counts {
		if c.found < c.atLeast || c.found > c.atMost {
			return fmt.Errorf(
				"expected %d values in the histogram %s by the counters, found %d",
				c.atMost,
				c.name,
				c.found,
			)
		}
	}
	return nil
}
