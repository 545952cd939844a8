package record

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// span is a stretch of a file.
type span struct {
	at, len int64
}

// part is where one part of an interval stands in the files.
type part struct {
	timeline.Window
	missing uint64 // due − done − unsent − interrupted, modulo 2⁶⁴
	line    int    // its number in timeline.jsonl
	json    span
	logLine int // the number of its first line in intervals.hlog
	lines   int // in intervals.hlog
	log     span
}

// index is what Load keeps of a recording: all but the intervals, and where these stand.
type index struct {
	header header
	events []timeline.Event
	end    *endLine // nil if the recording was cut off
	parts  []part
	usage  timeline.UsageLog
	still  timeline.StandstillLog
	parser lineParser

	kind  string         // of the line that was added last
	lines map[string]int // of the lines between header and end, by type
	size  int64          // of the whole lines of timeline.jsonl
}

// Load reads the timeline in a run directory, of which it keeps no file open: its
// intervals are read from the files each time they are ranged over.
//
// A recording was cut off if ordeal was killed or its disk was full. It ends before the first
// interval that is missing or still waited for results: without these its figures would flatter. It
// counts as interrupted.
func Load(dir string) (*timeline.Timeline, error) {
	x, err := readIndex(filepath.Join(dir, TimelineFile))
	if err != nil {
		return nil, err
	}
	if err := x.locate(filepath.Join(dir, LogFile)); err != nil {
		return nil, err
	}
	t := &timeline.Timeline{
		Subjects: x.header.Subjects,
		Name:     x.header.Name, Start: x.header.Start, Stages: x.header.Stages, Requests: x.header.Requests, Flows: x.header.Flows,
		LateBudget: x.header.LateBudget, Longest: x.header.Longest, Normal: x.header.Normal, NormalOf: x.header.NormalOf, Events: x.events,
		Generator: x.usage.Entries(), Standstills: x.still.Entries(),
	}
	slices.SortStableFunc(x.parts, func(a, b part) int { return cmp.Compare(a.From, b.From) })
	for i := 1; i < len(x.parts); i++ {
		if a, b := x.parts[i-1], x.parts[i]; a.Window != b.Window && a.To > b.From {
			return nil, &FileError{
				TimelineFile,
				b.line,
				fmt.Sprintf(
					"expected an interval from %s on, found %s to %s, which overlaps that of line %d",
					a.To,
					b.From,
					b.To,
					a.line,
				),
			}
		}
	}
	if x.end != nil {
		t.Duration, t.Interrupted, t.Faults = x.end.Duration, x.end.Interrupted, x.end.Faults
		t.Stopped, t.Hypothesis = x.end.Stopped, x.end.Hypothesis
	} else {
		x.keepWhole()
		t.Interrupted = true
		if n := len(x.parts); n > 0 {
			t.Duration = x.parts[n-1].To
		}
		t.Events = append(t.Events, timeline.NewCutOff(t.Duration))
	}
	slices.SortStableFunc(
		t.Events,
		func(a, b timeline.Event) int { return cmp.Compare(a.At, b.At) },
	)
	if x.lines[typeReading] > 0 {
		t.Readings = readings(dir, x.size)
	}
	t.Intervals = (&stream{dir: dir, header: x.header, parts: x.parts, duration: t.Duration}).intervals
	return t, nil
}

// keepWhole drops all parts from the first interval on that is missing or not complete. The parts
// are sorted.
func (x *index) keepWhole() {
	var end time.Duration
	for i := 0; i < len(x.parts); {
		n, missing := i, uint64(0)
		for ; n < len(x.parts) && x.parts[n].Window == x.parts[i].Window; n++ {
			missing += x.parts[n].missing
		}
		if x.parts[i].From != end || missing != 0 {
			x.parts = x.parts[:i]
			return
		}
		end = x.parts[i].To
		i = n
	}
}

// FileError is what is wrong in a recording.
type FileError struct {
	File string // its name in the run directory
	Line int    // from 1
	Msg  string
}

func (e *FileError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// readIndex reads timeline.jsonl. A last line that was torn while it was written
// is left out.
func readIndex(path string) (*index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	defer f.Close()
	x := &index{lines: make(map[string]int)}
	in := bufio.NewReaderSize(f, 1<<16)
	var at int64
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return nil, &FileError{
					TimelineFile,
					1,
					"expected the header of a recording, found no complete line: this run recorded nothing",
				}
			}
			x.size = at
			if err := x.checkLines(); err != nil {
				return nil, &FileError{TimelineFile, n - 1, err.Error()}
			}
			return x, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the recording: %w", err)
		}
		if err := x.add(line, n, at); err != nil {
			return nil, &FileError{TimelineFile, n, err.Error()}
		}
		at += int64(len(line))
		if n > 1 && x.end == nil {
			x.lines[x.kind]++
		}
	}
}

// add takes in line number n of timeline.jsonl.
func (x *index) add(line []byte, n int, at int64) error {
	if n == 1 {
		return x.addHeader(line)
	}
	if x.end != nil {
		return errors.New("expected nothing after the line of type end, found another line")
	}
	if iv, ok := x.parser.plain(line); ok {
		x.kind = typeInterval
		return x.addInterval(iv, line, n, at)
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return fmt.Errorf("expected a JSON object: %w", err)
	}
	x.kind = kind.Type
	switch kind.Type {
	case typeInterval:
		iv, err := x.parser.interval(line)
		if err != nil {
			return err
		}
		return x.addInterval(iv, line, n, at)
	case typeEvent:
		var e eventLine
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("expected an event: %w", err)
		}
		x.events = append(x.events, e.Event)
	case typeUsage:
		return addUsage(&x.usage, line)
	case typeStandstill:
		return addStandstill(&x.still, line)
	case typeReading:
		if lineType(line) != typeReading {
			return errors.New(`expected a reading to begin with {"type":"reading", found another order`)
		}
		_, err := parseReading(line)
		return err
	case typeEnd:
		x.end = new(endLine)
		if err := json.Unmarshal(line, x.end); err != nil {
			return fmt.Errorf("expected the end of the recording: %w", err)
		}
		if x.end.Duration < 0 {
			return fmt.Errorf("expected a duration of at least 0, found %s", x.end.Duration)
		}
	default:
		return fmt.Errorf("expected a line of type %s, found type %q", lineTypes(), kind.Type)
	}
	return nil
}

// checkLines holds the lines that were read against the numbers of them in the end line. Without
// it nothing tells that readings, usage or events were taken out, and what is left would be judged
// as if it were all.
func (x *index) checkLines() error {
	if x.end == nil || x.end.Lines == nil {
		return nil // cut off, or recorded by an earlier version
	}
	types := slices.AppendSeq(slices.Collect(maps.Keys(x.lines)), maps.Keys(x.end.Lines))
	slices.Sort(types)
	for _, t := range slices.Compact(types) {
		if want, found := x.end.Lines[t], x.lines[t]; found != want {
			return fmt.Errorf("expected %d lines of type %s before the end, found %d: the recording "+
				"was changed or is damaged; take it from where it was recorded, or run again",
				want, t, found)
		}
	}
	return nil
}

func (x *index) addInterval(iv *intervalLine, line []byte, n int, at int64) error {
	if err := iv.check(); err != nil {
		return err
	}
	x.parts = append(x.parts, part{
		Window: iv.Window, missing: iv.missing(), line: n, json: span{at, int64(len(line))}, lines: iv.Lines,
	})
	return nil
}

func (x *index) addHeader(line []byte) error {
	var version struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(line, &version); err != nil || version.Schema == nil {
		return errors.New(
			`expected the header of a recording, {"schema":3,…}, found something else`,
		)
	}
	if *version.Schema != schema {
		why := gone[*version.Schema]
		if why != "" {
			why = " (" + why + ")"
		}
		return fmt.Errorf(
			"expected schema %d, found %d%s: use the version of ordeal that recorded it",
			schema,
			*version.Schema,
			why,
		)
	}
	if err := json.Unmarshal(line, &x.header); err != nil {
		return fmt.Errorf("expected the header of a recording: %w", err)
	}
	return nil
}

// check says what is wrong with what an interval's line says.
func (iv *intervalLine) check() error {
	if iv.From < 0 || iv.To <= iv.From {
		return fmt.Errorf(
			"expected an interval with from < to, found from %d to %d",
			iv.From,
			iv.To,
		)
	}
	lines := 0
	for i := range iv.Cells {
		c := &iv.Cells[i]
		lines += len(c.Distributions)
		if c.OpenAt != 0 && c.OpenAt < iv.To {
			return fmt.Errorf(
				"expected open_at to be 0, or a cut at %d or later, found %d",
				iv.To,
				c.OpenAt,
			)
		}
	}
	for i, b := range iv.Beats {
		if i > 0 && iv.Beats[i-1].Slot() >= b.Slot() || !iv.Contains(b.Due) || b.Last < b.Due ||
			b.Errors > maxCount ||
			b.Good > maxCount ||
			b.Doubted > maxCount {
			return fmt.Errorf(
				"expected beats in rising order within the interval, found one at %d",
				b.Due,
			)
		}
	}
	if lines != iv.Lines {
		return fmt.Errorf(
			"expected lines to be the number of its distributions, %d, found %d",
			lines,
			iv.Lines,
		)
	}
	return nil
}

func (iv *intervalLine) missing() uint64 {
	n := iv.Due
	for _, c := range iv.Cells {
		n -= c.Done + c.Unsent + c.Interrupted
	}
	return n
}

// locate finds each part's lines in intervals.hlog, which follow in the order of
// the parts. If the recording was cut off, parts without all their lines are left
// out.
func (x *index) locate(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	defer f.Close()
	log := logScanner{in: bufio.NewReaderSize(f, 1<<16)}
	for i := range x.parts {
		p := &x.parts[i]
		for n := range p.lines {
			line, ok, err := log.next()
			if err != nil {
				return err
			}
			if !ok {
				if x.end == nil {
					x.parts = x.parts[:i]
					return nil
				}
				return &FileError{
					LogFile,
					log.line,
					fmt.Sprintf(
						"expected %d more lines for the interval in line %d of %s, found the end",
						p.lines-n,
						p.line,
						TimelineFile,
					),
				}
			}
			if n == 0 {
				p.log.at, p.logLine = line.at, log.line
			}
			p.log.len = line.at + line.len - p.log.at
		}
	}
	if x.end == nil {
		return nil
	}
	if _, ok, err := log.next(); err != nil {
		return err
	} else if ok {
		return &FileError{LogFile, log.line, fmt.Sprintf("expected the end, as all intervals of "+
			"%s had their lines, found another one", TimelineFile)}
	}
	return nil
}

// logScanner walks over the tagged histogram lines of a log. A last line without its
// line break does not count.
type logScanner struct {
	in   *bufio.Reader
	at   int64
	line int
}

func (s *logScanner) next() (span, bool, error) {
	for {
		at, data := s.at, false
		for whole := false; !whole; {
			chunk, err := s.in.ReadSlice('\n')
			if errors.Is(err, io.EOF) {
				return span{}, false, nil
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return span{}, false, fmt.Errorf("read the recording: %w", err)
			}
			if s.at == at {
				data = isData(chunk)
			}
			s.at += int64(len(chunk))
			whole = err == nil
		}
		s.line++
		if data {
			return span{at, s.at - at}, true, nil
		}
	}
}

// isData tells the line of one distribution from comments, from the legend, which
// is quoted, and from lines without a tag, which begin with a number: sums for other tools.
func isData(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] != '#' && line[0] != '"' && (line[0] < '0' || line[0] > '9')
}
