package record

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func probed(at time.Duration, failures float64) timeline.Reading {
	r := timeline.Reading{
		Window:  timeline.Window{From: at, To: at + 3*ms},
		Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "health"}, Every: sec,
	}
	r.Values.Set(timeline.Failures, failures)
	r.Values.Set(timeline.ProbeTime, float64(3*ms))
	return r
}

func gather(t *testing.T, from func(func(timeline.Reading, error) bool)) []timeline.Reading {
	t.Helper()
	var out []timeline.Reading
	for r, err := range from {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func compareReadings(t *testing.T, what string, want, got []timeline.Reading) {
	t.Helper()
	equal := cmp.Comparer(func(a, b timeline.Reading) bool { return a == b })
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

// Readings come back in the order in which they were recorded, from disk any number of times, and
// to one who follows the run each once.
func TestReadingsComeBack(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	early, late := r.FollowReadings(), r.FollowReadings()
	defer early.Close()
	defer late.Close()
	compareReadings(t, "before the first", nil, gather(t, early.New()))
	var want, followed []timeline.Reading
	for i := range 8 {
		clock.set(time.Duration(i) * 500 * ms)
		x := probed(clock.now()-sec, float64(i%2)) // the first are from before the load
		if i == 5 {
			x.Values, x.Missing = timeline.Values{}, "the probe did not run"
		}
		r.Reading(x)
		want = append(want, x)
		r.writeDue() // intervals stand between them
		if i%3 == 2 {
			followed = append(followed, gather(t, early.New())...)
			compareReadings(t, "followed", want, followed)
		}
	}
	batch := early.New() // has what was recorded before, however late it is ranged over
	last := probed(4*sec, 0)
	r.Reading(last)
	followed = append(followed, gather(t, batch)...)
	compareReadings(t, "a batch that is ranged over late", want, followed)
	want = append(want, last)
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	compareReadings(t, "loaded", want, gather(t, tl.Readings))
	compareReadings(t, "loaded again", want, gather(t, tl.Readings))
	compareReadings(t, "the last one followed", want[8:], gather(t, early.New()))
	compareReadings(t, "followed from the end", want, gather(t, late.New()))
}

// One may stop in the middle and go on there.
func TestAFollowerGoesOnWhereItStopped(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	f := r.FollowReadings()
	defer f.Close()
	for i := range 3 {
		r.Reading(probed(time.Duration(i), 0))
	}
	for x := range f.New() {
		if x.From == 1 {
			break
		}
	}
	compareReadings(t, "the rest", []timeline.Reading{probed(2, 0)}, gather(t, f.New()))
}

// What an observer got wrong is missing data and not a good figure, and its texts are neither
// long nor tell secrets.
func TestReadingsAreMadeSafe(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	c.Redactor = secret.NewRedactor([]string{"hunter2"})
	r := start(t, c)
	wrong := probed(sec, math.NaN())
	r.Reading(wrong)
	r.Reading(timeline.Reading{})
	told := probed(2*sec, 1)
	told.Detail = "found hunter2" + strings.Repeat("ä", maxReadingText)
	r.Reading(told)
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong.Values, wrong.Missing = timeline.Values{}, "a defect of its observer: expected a finite failures, found NaN"
	told.Detail = "found ***" + strings.Repeat("ä", (maxReadingText-9)/2) + "…"
	compareReadings(t, "loaded", []timeline.Reading{wrong, told}, gather(t, tl.Readings))
	const want = "a reading was dropped: expected a kind of subject"
	if len(tl.Events) != 1 || !strings.Contains(tl.Events[0].Detail, want) {
		t.Errorf("events %+v, want one that says %q", tl.Events, want)
	}
}

func TestLoadReadings(t *testing.T) {
	lines, log := recording(t, 35)
	lines = uncounted(t, lines)
	with := func(readings ...string) []byte {
		head, rest, _ := strings.Cut(string(lines), "\n")
		return []byte(head + "\n" + strings.Join(readings, "\n") + "\n" + rest)
	}
	reading := func(from, to int, values string) string {
		return fmt.Sprintf(`{"type":"reading","from":%d,"to":%d,"kind":"service","name":"api","values":%s}`,
			from, to, values)
	}
	for _, tc := range []struct {
		name  string
		lines []byte
		want  string // empty: is read
	}{
		{"in any order", with(reading(5, 9, `{"cpu":1}`), reading(-7, 0, `{"cpu":0}`)), ""},
		{"with a figure of a later version", with(reading(0, 1, `{"cpu":1,"aura":1}`)), ""},
		{"backward", with(reading(5, 4, `{"cpu":1}`)), "timeline.jsonl:2: expected a reading with from <= to, found from 5 to 4"},
		{"of another subject", with(reading(0, 1, `{"failures":1}`)), "timeline.jsonl:2: expected figures of a service, found failures of a probe"},
		{"of a kind of a later version", with(strings.Replace(reading(0, 1, `{"cpu":1}`), `"service"`, `"planet"`, 1)), `timeline.jsonl:2: expected a kind of subject, found "planet"`},
		{"of wrong types", with(`{"type":"reading","from":"x"}`), "timeline.jsonl:2: expected a reading: json:"},
		{"too large a number", with(reading(0, 1, `{"cpu":1e999}`)), "timeline.jsonl:2: expected a reading: json:"},
		{"another order of keys", with(`{"from":0,"type":"reading"}`), `timeline.jsonl:2: expected a reading to begin with {"type":"reading", found another order`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl, _, err := loadAll(t, t.TempDir(), tc.lines, log)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %s", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := gather(t, tl.Readings); len(got) == 0 {
				t.Error("no reading came back")
			}
		})
	}
	if tl, _, err := loadAll(t, t.TempDir(), lines, log); err != nil || tl.Readings != nil {
		t.Errorf("a recording without readings has some: %v", err)
	}
	whole := with(reading(0, 1, `{"cpu":1}`), reading(1, 2, `{"cpu":1}`))
	torn := whole[:strings.LastIndex(string(whole), `"from":1,`)]
	tl, _, err := loadAll(t, t.TempDir(), torn, log)
	if err != nil {
		t.Fatal(err)
	}
	if got := gather(t, tl.Readings); len(got) != 1 {
		t.Errorf("of a recording that was cut off %d readings came back, want the 1 that is whole", len(got))
	}
}

// A line can be longer than the buffer of who reads it.
func TestLongLinesOfReadings(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	var want []timeline.Reading
	for i := range 5 {
		x := probed(time.Duration(i)*sec, 1)
		x.Detail = strings.Repeat("x", 100*i)
		want = append(want, x)
		r.Reading(x)
	}
	all, err := os.ReadFile(filepath.Join(c.Dir, TimelineFile))
	if err != nil {
		t.Fatal(err)
	}
	s := readingScanner{in: bufio.NewReaderSize(bytes.NewReader(all), 256)}
	var got []timeline.Reading
	for {
		x, ok, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got = append(got, x)
	}
	compareReadings(t, "with a small buffer", want, got)
	if s.at != int64(len(all)) {
		t.Errorf("read %d bytes of %d", s.at, len(all))
	}
}

// uncounted is a recording as earlier versions wrote it: its end has no numbers of lines.
func uncounted(t *testing.T, lines []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(lines, []byte(`,"lines":{`))
	if at < 0 {
		t.Fatal("the end has no numbers of lines")
	}
	return append(slices.Clone(lines[:at]), "}\n"...)
}

// What is left of a recording from which lines were taken is not judged as if it were all.
func TestLoadNoticesLinesThatAreGone(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	for i := range 6 {
		clock.set(time.Duration(i) * 500 * ms)
		r.Reading(probed(clock.now(), 0))
	}
	r.Event(timeline.Event{At: sec, Type: "fault", Name: "kill"})
	clock.set(4 * sec)
	if _, err := r.Finish(4*sec, false, nil); err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(c.Dir, TimelineFile))
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(c.Dir, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	without := func(lines []byte, kind string) (out []byte) {
		for line := range bytes.Lines(lines) {
			if lineType(line) == kind {
				kind = "" // one of them
				continue
			}
			out = append(out, line...)
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		lines []byte
		want  string // empty: is read
	}{
		{"whole", lines, ""},
		{"a reading less", without(lines, typeReading), "expected 6 lines of type reading before the end, found 5: "},
		{"an event less", without(lines, typeEvent), "expected 1 lines of type event before the end, found 0: "},
		{"of an earlier version", without(uncounted(t, lines), typeReading), ""},
		{"cut off", without(without(lines, typeReading), typeEnd), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := loadAll(t, t.TempDir(), tc.lines, log)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
