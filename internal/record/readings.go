package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// typeReading is the type of lines with what an observer saw beside the load.
const typeReading = "reading"

type readingLine struct {
	Type string `json:"type"`
	timeline.Reading
}

// maxReadingText is how many bytes of the texts of a reading are kept: what a target says can be
// of any length.
const maxReadingText = 1 << 10

// Reading keeps what an observer saw, without secrets in its texts. Those of one subject come in
// the order in which they became known. One that is not valid (timeline.Reading.Validate) is
// kept as missing data, as it says nothing.
func (r *Recorder) Reading(x timeline.Reading) {
	if err := x.Validate(); err != nil {
		x.Values, x.Missing = timeline.Values{}, "a defect of its observer: "+err.Error()
		x.To, x.Every = max(x.From, x.To), max(x.Every, 0)
	}
	if err := x.Validate(); err != nil { // nobody could ask for it
		r.Event(timeline.Event{At: max(x.From, 0), Type: "generator", State: "defect",
			Detail: "a reading was dropped: " + err.Error()})
		return
	}
	redact := r.cfg.redact(nil)
	x.Missing, x.Detail = shortText(redact(x.Missing)), shortText(redact(x.Detail))
	r.out.mu.Lock()
	defer r.out.mu.Unlock()
	r.out.line(readingLine{typeReading, x})
}

// shortText is what of a text is kept in a reading.
func shortText(s string) string {
	if len(s) <= maxReadingText {
		return s
	}
	n := maxReadingText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// parseReading reads and checks a line of typeReading.
func parseReading(line []byte) (timeline.Reading, error) {
	var l readingLine
	if err := json.Unmarshal(line, &l); err != nil {
		return timeline.Reading{}, fmt.Errorf("expected a reading: %w", err)
	}
	if l.Values.IsZero() && l.Missing == "" {
		l.Missing = "all it has is of a later version of ordeal"
	}
	return l.Reading, l.Validate()
}

// readingScanner reads the readings in whole lines of timeline.jsonl.
type readingScanner struct {
	in   *bufio.Reader
	at   int64 // how many bytes were read
	line int   // number of the last line that was read
	long []byte
}

// whole reads a line, which holds until the next call.
func (s *readingScanner) whole() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	s.long = s.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long, line...)
		line, err = s.in.ReadSlice('\n')
	}
	s.long = append(s.long, line...)
	return s.long, err
}

// next returns the next reading; false at the end.
func (s *readingScanner) next() (timeline.Reading, bool, error) {
	for {
		line, err := s.whole()
		if errors.Is(err, io.EOF) {
			return timeline.Reading{}, false, nil
		}
		if err != nil {
			return timeline.Reading{}, false, fmt.Errorf("read the recording: %w", err)
		}
		s.at += int64(len(line))
		s.line++
		if lineType(line) != typeReading {
			continue
		}
		r, err := parseReading(line)
		if err != nil {
			return timeline.Reading{}, false, &FileError{TimelineFile, s.line, err.Error()}
		}
		return r, true, nil
	}
}

// lineType is the type of a line of timeline.jsonl, of which the beginning is enough. Types are
// the first key; the header has none.
func lineType(line []byte) string {
	rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`))
	if !ok {
		return ""
	}
	kind, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return ""
	}
	return string(kind)
}

// readings streams the readings of a recording of which so many bytes were found whole.
func readings(dir string, size int64) iter.Seq2[timeline.Reading, error] {
	return func(yield func(timeline.Reading, error) bool) {
		f, err := os.Open(filepath.Join(dir, TimelineFile))
		if err != nil {
			yield(timeline.Reading{}, fmt.Errorf("read the recording: %w", err))
			return
		}
		defer f.Close()
		s := readingScanner{in: bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 1<<16)}
		for {
			r, ok, err := s.next()
			if err != nil {
				yield(timeline.Reading{}, err)
				return
			}
			if !ok || !yield(r, nil) {
				return
			}
		}
	}
}

// ReadingFollower reads the readings of a run while they are recorded. It reads them from the
// file, so that it holds none and slows nobody. It is not safe for concurrent use.
type ReadingFollower struct {
	out  *writer
	path string
	file *os.File // nil until something is read
	at   int64    // what was read: whole lines
	line int
	err  error
}

// FollowReadings returns a follower, which begins with the first reading of the run. It must be
// closed.
func (r *Recorder) FollowReadings() *ReadingFollower {
	return &ReadingFollower{out: r.out, path: filepath.Join(r.cfg.Dir, TimelineFile)}
}

// New returns the readings that were recorded before this call and not ranged over yet. It is
// ranged over once. After an error there is nothing new any more.
func (f *ReadingFollower) New() iter.Seq2[timeline.Reading, error] {
	to := f.out.recorded()
	return func(yield func(timeline.Reading, error) bool) {
		if f.err != nil || f.at >= to {
			return
		}
		if f.file == nil {
			f.file, f.err = os.Open(f.path)
		}
		if f.err != nil {
			yield(timeline.Reading{}, fmt.Errorf("reading the recording as it is written: %w", f.err))
			return
		}
		s := readingScanner{
			in: bufio.NewReader(io.NewSectionReader(f.file, f.at, to-f.at)), at: f.at, line: f.line,
		}
		for {
			r, ok, err := s.next()
			f.at, f.line = s.at, s.line
			if err != nil {
				f.err = err
				yield(timeline.Reading{}, err)
				return
			}
			if !ok || !yield(r, nil) {
				return
			}
		}
	}
}

// Close closes the file.
func (f *ReadingFollower) Close() {
	if f.file != nil {
		f.file.Close()
	}
}

// lineTypes names the types of lines, for messages.
func lineTypes() string {
	types := []string{typeInterval, typeEvent, typeUsage, typeStandstill, typeReading, typeEnd}
	return strings.Join(types[:len(types)-1], ", ") + " or " + types[len(types)-1]
}
