package record

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// recording makes a small run of ten requests a second, and returns its files.
func recording(t testing.TB, requests int) (lines, log []byte) {
	t.Helper()
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	for k := range requests {
		at := time.Duration(k) * 100 * ms
		a := attack.Arrival{Intended: at, Request: k % 2}
		clock.set(at)
		r.Planned(a)
		res := attack.Result{Arrival: a, Sent: at, Done: at + ms, Class: attack.Good, Code: 200}
		if k%10 == 3 {
			res.Kind, res.Code = "status", 500
		}
		r.Record(0, &res)
		if k == 15 {
			r.Mark()
			r.Event(timeline.Event{At: at, Type: "fault", Name: "kill"})
		}
		if k%5 == 0 {
			r.writeDue()
		}
	}
	clock.set(4 * sec)
	if _, err := r.Finish(4*sec, false, nil); err != nil {
		t.Fatal(err)
	}
	return readFile(t, filepath.Join(c.Dir, TimelineFile)), readFile(t, filepath.Join(c.Dir, LogFile))
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loadAll loads a recording with these files, and ranges over its intervals.
func loadAll(t testing.TB, dir string, lines, log []byte) (*timeline.Timeline, []timeline.Interval, error) {
	t.Helper()
	for name, b := range map[string][]byte{TimelineFile: lines, LogFile: log} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tl, err := Load(dir)
	if err != nil {
		return nil, nil, err
	}
	var out []timeline.Interval
	for iv, err := range tl.Intervals {
		if err != nil {
			return tl, out, err
		}
		out = append(out, iv)
	}
	return tl, out, nil
}

// edit replaces text in line n, counted from 1.
func edit(t *testing.T, file []byte, n int, old, replacement string) []byte {
	t.Helper()
	lines := bytes.SplitAfter(file, []byte("\n"))
	if !bytes.Contains(lines[n-1], []byte(old)) {
		t.Fatalf("line %d has no %q: %s", n, old, lines[n-1])
	}
	lines = slices.Clone(lines)
	lines[n-1] = bytes.Replace(lines[n-1], []byte(old), []byte(replacement), 1)
	return bytes.Join(lines, nil)
}

func dropLine(file []byte, n int) []byte {
	return bytes.Join(slices.Delete(bytes.SplitAfter(file, []byte("\n")), n-1, n), nil)
}

func TestLoadRefuses(t *testing.T) {
	lines, log := recording(t, 35)
	// timeline.jsonl: 1 header, 2 the first second, …, the end last.
	// intervals.hlog: 5 lines of head, then the first second's.
	last := bytes.Count(lines, []byte("\n"))
	for _, tc := range []struct {
		name       string
		lines, log []byte
		want       string
	}{
		{"empty", nil, log, "timeline.jsonl:1: expected the header of a recording, found no complete line"},
		{"another file", []byte("{}\n"), log, `timeline.jsonl:1: expected the header of a recording, {"schema":3,…}, found something else`},
		{"a later schema", edit(t, lines, 1, `"schema":3`, `"schema":4`), log, "timeline.jsonl:1: expected schema 3, found 4: use"},
		{"the first schema", edit(t, lines, 1, `"schema":3`, `"schema":1`), log, "expected schema 3, found 1 (it counts timeouts and refused connections as answers): use"},
		{"the second schema", edit(t, lines, 1, `"schema":3`, `"schema":2`), log,
			"expected schema 3, found 2 (it does not say which requests were open when a fault began or ended, so that before, during and after cannot be told apart): use"},
		{"a cut before the interval's end", edit(t, lines, 2, `"request":"browse"`, `"request":"browse","open_at":7`), log,
			"timeline.jsonl:2: expected open_at to be 0, or a cut at 1000000000 or later, found 7"},
		{"more cut off than done", edit(t, lines, 2, `"failed":0`, `"failed":0,"cut":6`), log, "expected at most 5 of the 5 done arrivals to be cut off, found 6"},
		{"a header of wrong types", edit(t, lines, 1, `"name":"test"`, `"name":7`), log, "timeline.jsonl:1: expected the header of a recording: json:"},
		{"no JSON", edit(t, lines, 3, `{`, `{{`), log, "timeline.jsonl:3: expected a JSON object: "},
		{"an unknown type", edit(t, lines, 2, `"interval"`, `"internal"`), log, `timeline.jsonl:2: expected a line of type interval, event, sample, standstill, reading or end, found type "internal"`},
		{"a backward interval", edit(t, lines, 2, `"from":0`, `"from":1000000000`), log, "timeline.jsonl:2: expected an interval with from < to, found"},
		{"overlapping intervals", edit(t, lines, 2, `"to":1000000000`, `"to":1000000001`), log, "expected an interval from 1.000000001s on, found 1s to 1.5s, which overlaps that of line 2"},
		{"a wrong number of lines", edit(t, lines, 2, `"lines":9`, `"lines":8`), log, "timeline.jsonl:2: expected lines to be the number of its distributions, 9, found 8"},
		{"a line after the end", append(slices.Clone(lines), "{}\n"...), log, "expected nothing after the line of type end"},
		{"a negative duration", edit(t, lines, last, `"duration":4`, `"duration":-4`), log, "expected a duration of at least 0"},
		{"an unknown distribution", edit(t, lines, 2, `"name":"ok"`, `"name":"oh"`), edit(t, log, 6, "/ok", "/oh"), "timeline.jsonl:2: warm%20up%2C%20slowly/browse/oh: expected the distribution ok, err"},
		{"unsorted limits", edit(t, lines, 2, `"limit":200000000`, `"limit":2`), log, "expected limits in rising order, found 2ns after 50ms"},
		{"a limit count beyond the values", edit(t, lines, 2, `"limit":200000000`, `"limit":200000000,"above":18446744073709551615`), log, "expected at most the 5 values of the histogram at and above 200ms, found 0 and 18446744073709551615"},
		{"a clamped count beyond the values", edit(t, lines, 2, `{"name":"ok"`, `{"name":"ok","clamped":6`), log, "expected at most 5 clamped values, found 6"},
		{"another counter", edit(t, lines, 2, `"done":5`, `"done":6`), log, "timeline.jsonl:2: warm up, slowly/browse: expected 6 values in the histogram ok by the counters, found 5"},
		{"a counter that overflows", edit(t, lines, 2, `"planned":5`, `"planned":18446744073709551615`), log, "timeline.jsonl:2: warm up, slowly/browse: expected at most 1099511627776 arrivals"},
		{"more failed than done", edit(t, lines, 2, `"failed":0`, `"failed":6`), log, "expected at most the 5 done arrivals to fail, found 6"},
		{"a missing log line", lines, dropLine(log, bytes.Count(log, []byte("\n"))-1), "expected 1 more lines for the interval in line"},
		{"an extra log line", lines, append(slices.Clone(log), "Tag=x,0,1,2,HIST\n"...), "expected the end, as all intervals of timeline.jsonl had their lines"},
		{"log lines in another order", lines, append(dropLine(log, 6), bytes.SplitAfter(log, []byte("\n"))[5]...), "intervals.hlog:6: expected the tag Tag=warm%20up%2C%20slowly/browse/ok, as timeline.jsonl says, found"},
		{"no histogram", lines, edit(t, log, 6, "HIST", "!!!!"), "intervals.hlog:6: expected an encoded histogram: "},
		{"too few fields", lines, edit(t, log, 6, ",0.000000,", ","), "intervals.hlog:6: expected start, length, maximum and histogram after the tag, found fewer fields"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := loadAll(t, t.TempDir(), tc.lines, tc.log)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got error\n%v\nwant it to contain\n%s", err, tc.want)
			}
			if _, ok := errors.AsType[*FileError](err); !ok {
				t.Errorf("the error is a %T, want a FileError", err)
			}
		})
	}
	t.Run("no files", func(t *testing.T) {
		if _, err := Load(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got error %v, want that the file is not there", err)
		}
	})
}

// TestLoadCutOff cuts both files at every kind of place that a kill can leave:
// what is loaded is a whole beginning of the run.
func TestLoadCutOff(t *testing.T) {
	lines, log := recording(t, 35)
	dir := t.TempDir()
	_, whole, err := loadAll(t, dir, lines, log)
	if err != nil {
		t.Fatal(err)
	}
	head := bytes.IndexByte(lines, '\n') + 1
	lengths := make(map[int]bool)
	for cut := head; cut < len(lines); cut += 41 {
		for _, torn := range []int{len(log), len(log) * cut / len(lines), len(log) / 3} {
			tl, got, err := loadAll(t, dir, lines[:cut], log[:torn])
			if err != nil {
				t.Fatalf("%d bytes of the lines and %d of the log: %v", cut, torn, err)
			}
			if !tl.Interrupted || len(got) > 0 && tl.Duration != got[len(got)-1].To || len(got) == 0 && tl.Duration != 0 {
				t.Fatalf("%d bytes of the lines: interrupted %v, duration %v, %d intervals", cut, tl.Interrupted, tl.Duration, len(got))
			}
			if !slices.ContainsFunc(tl.Events, func(e timeline.Event) bool { return e.State == "cut off" && e.At == tl.Duration }) {
				t.Fatalf("%d bytes of the lines: no event says that it was cut off: %+v", cut, tl.Events)
			}
			for i, iv := range got {
				if iv.Window != whole[i].Window || len(iv.Cells) != len(whole[i].Cells) {
					t.Fatalf("%d bytes of the lines: interval %d is %v with %d cells, want %v with %d", cut, i, iv.Window, len(iv.Cells), whole[i].Window, len(whole[i].Cells))
				}
			}
			lengths[len(got)] = true
		}
	}
	if len(lengths) < 3 {
		t.Errorf("the cuts left %v intervals, want more kinds", lengths)
	}
}

// TestLoadCutOffDoesNotFlatter has an interval that still waited for a slow
// answer when the recording was cut off, and later ones that did not.
func TestLoadCutOffDoesNotFlatter(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	c.Grace = 30 * sec
	r := start(t, c)
	for k := range 6 {
		a := attack.Arrival{Intended: time.Duration(k) * 500 * ms}
		r.Planned(a)
		if k != 2 { // due at 1 s, and slow
			r.Record(0, &attack.Result{Arrival: a, Sent: a.Intended, Done: a.Intended + ms})
		}
	}
	clock.set(4 * sec)
	r.writeDue()
	tl, err := Load(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := intervals(t, tl); len(got) != 1 || tl.Duration != sec {
		t.Errorf("%d intervals, duration %v; want the one before the slow answer's", len(got), tl.Duration)
	}
}

// TestLoadMergesParts splits an interval over two lines, as late answers do.
func TestLoadMergesParts(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	quick, slow := attack.Arrival{Intended: 100 * ms}, attack.Arrival{Intended: 200 * ms}
	r.Planned(quick)
	r.Planned(slow)
	r.Record(0, &attack.Result{Arrival: quick, Sent: 100 * ms, Done: 101 * ms})
	clock.set(sec + c.Grace + slack + ms)
	r.writeDue() // the grace is over
	r.Record(0, &attack.Result{Arrival: slow, Sent: 200 * ms, Done: 3 * sec, Kind: "timeout"})
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(readFile(t, filepath.Join(c.Dir, TimelineFile)), []byte(`"from":0,"to":1000000000`)); n != 2 {
		t.Fatalf("the interval is in %d lines, want 2", n)
	}
	s := intervals(t, tl)[0].Cells[0]
	type counts struct{ Planned, Done, Failed, OK, Err, Late uint64 }
	got := counts{s.Planned, s.Done, s.Failed, s.OK.Count(), s.Err.Count(), s.Late.Count()}
	if diff := gocmp.Diff(counts{Planned: 2, Done: 2, Failed: 1, OK: 1, Err: 1, Late: 2}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got := s.Err.Limits(); len(got) != 2 || got[1] != (timeline.LimitCount{Limit: 200 * ms, Above: 1}) {
		t.Errorf("limits %+v, want one above 200ms", got)
	}
}

func FuzzLoad(f *testing.F) {
	lines, log := recording(f, 3)
	f.Add(lines, log)
	f.Add(lines[:len(lines)-5], log)
	f.Add(lines, log[:len(log)/2])
	f.Add(lines[:bytes.IndexByte(lines, '\n')+1], []byte{})
	f.Add([]byte("{\"schema\":2}\n{\"type\":\"interval\",\"from\":0,\"to\":1,\"cells\":[{}]}\n"), []byte("\n\"\n#\n"))
	f.Fuzz(func(t *testing.T, lines, log []byte) {
		tl, got, err := loadAll(t, t.TempDir(), lines, log)
		if err != nil {
			return
		}
		var at time.Duration
		for _, iv := range got {
			if iv.From < at || iv.To <= iv.From && iv.From < tl.Duration {
				t.Fatalf("interval %v after %v", iv.Window, at)
			}
			at = iv.To
			for _, c := range iv.Cells {
				for _, d := range c.Distributions() {
					d.Quantile(0.99)
					for _, l := range d.Limits() {
						d.CompareQuantile(0.99, l.Limit)
					}
				}
			}
		}
	})
}
