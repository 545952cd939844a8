package record

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// tail reads intervals from a recording that is still being written. For each part of an interval
// that was not read yet it holds where that stands: some 100 bytes. The zero value needs dir and
// header, and must be closed.
type tail struct {
	dir    string
	header header

	lines, log *os.File // nil until something is read
	lineAt     int64    // what of the files was looked at: whole lines
	line       int
	logged     logScanner
	parts      []part
	sorted     bool        // parts are
	in         *partReader // nil until something is read
}

func (t *tail) close() {
	for _, f := range []*os.File{t.lines, t.log} {
		if f != nil {
			f.Close()
		}
	}
}

// read returns the first interval that begins in w, with all its parts; false if there is none. All
// intervals of w must be in the files, and w must not be before that of the call before.
func (t *tail) read(w timeline.Window) (Sealed, bool, error) {
	if err := t.look(w.From); err != nil {
		return Sealed{}, false, fmt.Errorf("reading the recording as it is written: %w", err)
	}
	if !t.sorted {
		slices.SortStableFunc(t.parts, func(a, b part) int { return cmp.Compare(a.From, b.From) })
		t.sorted = true
	}
	for len(t.parts) > 0 && t.parts[0].From < w.From { // the subscriber had it from memory
		t.parts = t.parts[1:]
	}
	if len(t.parts) == 0 || t.parts[0].From >= w.To {
		return Sealed{}, false, nil
	}
	n := 1
	for n < len(t.parts) && t.parts[n].Window == t.parts[0].Window {
		n++
	}
	parts := t.parts[:n]
	iv, err := t.in.merge(parts)
	if err != nil {
		return Sealed{}, false, err
	}
	var missing uint64
	for _, p := range parts {
		missing += p.missing
	}
	if missing > math.MaxInt64 { // more is over than came due: the rest was planned late
		missing = 0
	}
	t.parts = t.parts[n:]
	return Sealed{iv, missing}, true, nil
}

// look finds the parts that were written since, of intervals from an instant on.
func (t *tail) look(from time.Duration) error {
	if t.lines == nil {
		var err error
		if t.lines, err = os.Open(filepath.Join(t.dir, TimelineFile)); err != nil {
			return err
		}
		if t.log, err = os.Open(filepath.Join(t.dir, LogFile)); err != nil {
			return err
		}
		t.in = &partReader{header: &t.header, lines: t.lines, log: t.log}
	}
	in, err := t.rest(t.lines, t.lineAt)
	if err != nil {
		return err
	}
	// A part's lines in the log are there before its line here.
	if t.logged.in, err = t.rest(t.log, t.logged.at); err != nil {
		return err
	}
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what there is of a line is looked at again
		}
		if err != nil {
			return err
		}
		if err := t.add(line, from); err != nil {
			return &FileError{TimelineFile, t.line + 1, err.Error()}
		}
		t.lineAt += int64(len(line))
		t.line++
	}
}

func (t *tail) rest(f *os.File, at int64) (*bufio.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(io.NewSectionReader(f, at, info.Size()-at), 1<<16), nil
}

func (t *tail) add(line []byte, from time.Duration) error {
	var x index
	if t.line == 0 {
		return nil // the header, which is known
	}
	if err := x.add(line, t.line+1, t.lineAt); err != nil {
		return err
	}
	for _, p := range x.parts {
		for n := range p.lines {
			at, ok, err := t.logged.next()
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf(
					"expected %d lines of the interval in %s, found %d",
					p.lines,
					LogFile,
					n,
				)
			}
			if n == 0 {
				p.log.at, p.logLine = at.at, t.logged.line
			}
			p.log.len = at.at + at.len - p.log.at
		}
		if p.From >= from {
			t.parts, t.sorted = append(t.parts, p), false
		}
	}
	return nil
}
