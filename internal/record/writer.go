package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// writer writes the timeline's files. After the first failure it writes nothing
// more, so that the files hold a whole beginning of the recording. It is safe for
// concurrent use.
type writer struct {
	mu    sync.Mutex
	root  *os.Root
	lines *os.File
	log   *os.File
	buf   bytes.Buffer
	enc   *encoder
	text  []byte         // an encoded histogram
	size  int64          // of timeline.jsonl: of its whole lines
	count map[string]int // of these lines, by type; the header has none
	err   error
}

// create makes the files and writes their headers. It does not overwrite a
// recording.
func create(c *Config) (*writer, error) {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the run directory: %w", err)
	}
	w := &writer{root: root, enc: newEncoder(), count: make(map[string]int)}
	if w.lines, err = w.create(TimelineFile); err == nil {
		w.log, err = w.create(LogFile)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.logHeader(c)
	w.flush(w.log)
	w.line(c.header())
	if w.err != nil {
		return nil, errors.Join(w.err, w.close())
	}
	return w, nil
}

func (c *Config) header() header {
	return header{
		Schema: schema, Name: c.Name, Start: c.Start, Stages: c.Stages, Requests: c.Requests, Flows: c.Flows,
		Subjects: c.Subjects,
		Limits:   c.Limits, LateBudget: c.LateBudget, Longest: c.Grace, Normal: c.Normal, NormalOf: c.NormalOf,
	}
}

func (w *writer) create(name string) (*os.File, error) {
	f, err := w.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create %s in the run directory %s: %w", name, w.root.Name(), err)
	}
	return f, nil
}

// logHeader uses the library's writer for all but the start time, which the library would cut to
// whole seconds.
func (w *writer) logHeader(c *Config) {
	start := float64(c.Start.UnixMilli()) / 1000
	lw := hdrhistogram.NewHistogramLogWriter(&w.buf)
	w.fail(errors.Join(
		lw.OutputComment(
			"[Logged by ordeal: values in nanoseconds, tags stage/request/distribution; without "+
				"a tag: response times of all requests]",
		),
		lw.OutputLogFormatVersion(),
		lw.OutputComment(
			fmt.Sprintf(
				"[StartTime: %.3f (seconds since epoch), %s]",
				start,
				c.Start.UTC().Format(time.RFC3339Nano),
			),
		),
		lw.OutputComment(fmt.Sprintf("[BaseTime: %.3f (seconds since epoch)]", start)),
		lw.OutputLegend(),
	))
}

// interval writes one part of an interval: its histograms first, so that a line
// in timeline.jsonl is never there without them. due is how many arrivals came due in
// it, whether or not they are over.
func (w *writer) interval(iv timeline.Interval, due uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := intervalLine{
		Type:   typeInterval,
		Window: iv.Window,
		Due:    due,
		Cells:  []cellLine{},
		Beats:  iv.Beats,
	}
	for _, c := range iv.Cells {
		cl := cellLine{Key: c.Key, OpenAt: c.OpenAt, Stats: c.Stats, Counters: c.Counted.Named()}
		for _, d := range c.Distributions() {
			if d.Count() == 0 {
				continue
			}
			cl.Distributions = append(
				cl.Distributions,
				distributionLine{d.Name, d.Clamped(), d.Limits()},
			)
			w.histogram(iv.Window, "Tag="+tag(c.Key, d.Name)+",", d.Distribution)
			line.Lines++
			// Whole flows are left out of the sum, as their steps are in it.
			if !c.IsFlow && (d.Distribution == &c.OK || d.Distribution == &c.Err) {
				w.enc.sum()
			}
		}
		line.Cells = append(line.Cells, cl)
	}
	w.untagged(iv.Window)
	w.flush(w.log)
	w.line(line)
}

// untagged adds the line without a tag that stands for the whole interval, also if
// nothing was due in it: the response times of all its requests. Most tools read such lines
// alone, and Java's HistogramLogProcessor fails where there are none. Load does not
// need them.
func (w *writer) untagged(win timeline.Window) {
	if w.err != nil {
		return
	}
	var highest int64
	w.text, highest = w.enc.appendSum(w.text[:0])
	w.logLine("", win, highest)
}

// histogram adds a line to the log, which begins with tag: seconds since the base time, and the
// maximum in milliseconds. The library's writer has whole milliseconds only.
func (w *writer) histogram(win timeline.Window, tag string, d *timeline.Distribution) {
	if w.err != nil {
		return
	}
	var highest int64
	w.text, highest = w.enc.append(w.text[:0], d)
	w.logLine(tag, win, highest)
}

func (w *writer) logLine(tag string, win timeline.Window, highest int64) {
	fmt.Fprintf(&w.buf, "%s%.6f,%.6f,%.6f,%s\n", tag, win.From.Seconds(), win.Len().Seconds(),
		float64(highest)/hdrhistogram.MsToNsRatio, w.text)
}

func (w *writer) event(e timeline.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line(eventLine{typeEvent, e})
}

// end writes the last line, makes everything durable and closes the files.
func (w *writer) end(e endLine) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Type, e.Lines = typeEnd, w.count
	w.line(e)
	if w.err == nil {
		w.fail(errors.Join(w.log.Sync(), w.lines.Sync()))
	}
	w.fail(w.close())
	err := w.err
	w.fail(errFinished)
	w.enc, w.text, w.buf = nil, nil, bytes.Buffer{} // a megabyte that nobody needs any more
	return err
}

// line writes v as a line of timeline.jsonl.
func (w *writer) line(v any) {
	if w.err != nil {
		return
	}
	enc := json.NewEncoder(&w.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		w.buf.Reset()
		w.fail(fmt.Errorf("encode a line of %s: %w", TimelineFile, err))
		return
	}
	kind := lineType(w.buf.Bytes())
	if w.flush(w.lines); w.err == nil && kind != "" {
		w.count[kind]++
	}
}

// flush writes the buffer to f in one piece.
func (w *writer) flush(f *os.File) {
	defer w.buf.Reset()
	if w.err != nil {
		return
	}
	n, err := f.Write(w.buf.Bytes())
	if err != nil {
		w.fail(fmt.Errorf("write the recording; what came before is kept: %w", err))
		return
	}
	if f == w.lines {
		w.size += int64(n)
	}
}

// recorded is how long timeline.jsonl is, in whole lines.
func (w *writer) recorded() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// failure is what ended the recording early, nil if nothing did.
func (w *writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, errFinished) {
		return nil
	}
	return w.err
}

func (w *writer) close() error {
	var err error
	for _, f := range []*os.File{w.lines, w.log} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return errors.Join(err, w.root.Close())
}
