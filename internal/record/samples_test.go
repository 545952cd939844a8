package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// wrong is a result with a sample.
func wrong(request int, kind, body string) *attack.Result {
	return &attack.Result{
		Arrival: attack.Arrival{Intended: 5 * ms, Request: request}, Dispatched: 5 * ms, Sent: 5 * ms, Done: 6 * ms, Class: attack.Good, Code: 200, Kind: kind,
		Detail: "found s3cret of-row, expected <ok>", Secrets: []string{"of-row"},
		Sample: &attack.Sample{
			Method: "POST", URL: "http://h/?q=s3cret", Sent: &attack.Message{Header: http.Header{"X-Api-Key": {"k"}}, Body: "a s3cret&pwd=abc of-row"},
			Status: 200, Body: body, Cut: true,
			Header: http.Header{"Set-Cookie": {"sid=1", "u=2"}, "X-Api-Key": {"k"}, "X-Trace": {"a s3cret b"}},
		},
	}
}

func readSamples(t *testing.T, dir string) []map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, SamplesFile))
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	in := bufio.NewScanner(bytes.NewReader(b))
	for in.Scan() {
		var m map[string]any
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func secretive(c Config) Config {
	c.Redactor = secret.NewRedactor([]string{"s3cret"})
	return c
}

func TestSamplesHoldNoSecrets(t *testing.T) {
	clock := new(hand)
	c := secretive(config(t, clock.now))
	r := start(t, c)
	res := wrong(1, "json", `{"token":"s3cret","again":"s3cr`)
	r.Planned(res.Arrival)
	r.Record(0, res)
	clock.set(sec)
	r.writeDue()
	if n := r.Samples(); n != 1 {
		t.Errorf("%d samples while the run goes on, want 1", n)
	}
	want := []map[string]any{{
		"at": 5e6, "took": 1e6, "stage": "warm up, slowly", "request": "check out", "kind": "json", "detail": "found *** ***, expected <ok>",
		"status": 200.0, "body": `{"token":"***","again":"***`,
		"method": "POST", "url": "http://h/?q=***", "sent": map[string]any{"header": map[string]any{"X-Api-Key": []any{"***"}}, "body": "a ***&pwd=*** ***"},
		"header": map[string]any{"Set-Cookie": []any{"***", "***"}, "X-Api-Key": []any{"***"}, "X-Trace": []any{"a *** b"}},
	}}
	if diff := gocmp.Diff(want, readSamples(t, c.Dir)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(c.Dir, SamplesFile))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("found mode %s: bodies may be personal", info.Mode())
	}
	if got := http.Header(res.Sample.Header).Get("X-Api-Key") + http.Header(res.Sample.Sent.Header).Get("X-Api-Key"); got != "kk" {
		t.Errorf("the caller's sample was changed: %q", got)
	}
}

func TestSamplesAreBounded(t *testing.T) {
	for _, tc := range []struct {
		name  string
		kinds int
		want  int
	}{{"of one kind", 1, 3 * samplesOfKind}, {"of many kinds", 500, samplesInAll}} {
		t.Run(tc.name, func(t *testing.T) {
			clock := new(hand)
			c := config(t, clock.now)
			r := start(t, c)
			clock.set(sec)
			var workers sync.WaitGroup
			for w := range 4 {
				workers.Go(func() {
					for i := range 2000 {
						res := wrong(i%3, fmt.Sprint("kind ", i/3%tc.kinds), "x")
						res.Seq = uint64(w*2000 + i)
						r.Planned(res.Arrival)
						r.Record(w, res)
					}
				})
			}
			workers.Wait()
			if _, err := r.Finish(4*sec, false, nil); err != nil {
				t.Fatal(err)
			}
			got := readSamples(t, c.Dir)
			if len(got) != tc.want || r.Samples() != tc.want {
				t.Errorf("%d samples, and %d by Samples; want %d", len(got), r.Samples(), tc.want)
			}
			of := make(map[string]int)
			for _, s := range got {
				k := fmt.Sprint(s["request"], s["kind"])
				if of[k]++; of[k] > samplesOfKind {
					t.Fatalf("more than %d samples of %s", samplesOfKind, k)
				}
			}
		})
	}
}

func TestNoSamplesNoFile(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	res := wrong(0, "status", "")
	res.Sample = nil
	r.Planned(res.Arrival)
	r.Record(0, res)
	if _, err := r.Finish(4*sec, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, SamplesFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there, or %v", err)
	}
}

// TestSamplesThatCannotBeWritten says so at the end, and keeps the timeline.
func TestSamplesThatCannotBeWritten(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	if err := os.Mkdir(filepath.Join(c.Dir, SamplesFile), 0o700); err != nil {
		t.Fatal(err)
	}
	res := wrong(0, "json", "")
	r.Planned(res.Arrival)
	r.Record(0, res)
	clock.set(2 * sec)
	r.writeDue()
	tl, err := r.Finish(4*sec, false, nil)
	if tl == nil || !errors.Is(err, fs.ErrExist) {
		t.Errorf("timeline %v, error %v; want one, and that the file could not be made", tl != nil, err)
	}
}

// Samples come from the whole run and from all sides of a fault, however many errors
// there are at its beginning, and which they are depends on the seed alone.
func TestSamplesComeFromTheWholeRun(t *testing.T) {
	fault := timeline.Fault{Name: "kill", Injecting: new(2 * sec), Reverted: new(2500 * ms)}
	record := func(t *testing.T, seed uint64, backwards bool) []map[string]any {
		clock := new(hand)
		c := config(t, clock.now)
		c.Seed = seed
		r := start(t, c)
		clock.set(2 * sec)
		r.Mark()
		clock.set(2500 * ms)
		r.Mark()
		clock.set(4 * sec)
		const n = 4000
		for i := range n {
			if backwards {
				i = n - 1 - i
			}
			res := wrong(0, timeline.KindStatus, "x")
			res.Seq, res.Intended = uint64(i), time.Duration(i)*ms
			res.Code = 404
			if i%2 == 0 {
				res.Code = 503
			}
			res.Done = res.Intended + ms
			if i >= 1900 && i < 2000 {
				res.Done += 200 * ms // open when the fault strikes
			}
			r.Planned(res.Arrival)
			if !r.WantsSample(res) {
				res.Sample = nil
			}
			r.Record(0, res)
		}
		if _, err := r.Finish(4*sec, false, []timeline.Fault{fault}); err != nil {
			t.Fatal(err)
		}
		return readSamples(t, c.Dir)
	}
	got := record(t, 7, false)
	count := make(map[string]int)
	early := 0
	for _, s := range got {
		at := time.Duration(s["at"].(float64))
		side := "before"
		if _, during := s["faults"]; during {
			side = "during"
		} else if at >= 2500*ms {
			side = "after"
		}
		count[fmt.Sprintf("%s %v", side, at.Truncate(sec) == 0 && side == "before")]++
		if at < sec/2 && side == "before" {
			early++
		}
		if want := at+time.Duration(s["took"].(float64)) >= 2*sec && at < 2500*ms; want != (side == "during") {
			t.Errorf("the sample of %s is %s", at, side)
		}
	}
	if early > len(got)/3 {
		t.Errorf("%d of %d samples are from the first half second, want a third at most", early, len(got))
	}
	for part, least := range map[string]int{
		"before true": 1, "before false": 1, "during false": 2 * samplesOfKind, "after false": 2 * samplesOfKind,
	} {
		if count[part] < least {
			t.Errorf("%d samples of %q, want %d or more", count[part], part, least)
		}
	}
	if diff := gocmp.Diff(got, record(t, 7, true)); diff != "" {
		t.Errorf("in another order other samples are kept:\n%s", diff)
	}
	if gocmp.Equal(got, record(t, 8, false)) {
		t.Error("another seed keeps the same samples")
	}
}

// TestFlowsAreApart records a flow of two steps and a flow that was given up.
func TestFlowsAreApart(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	clock.set(100 * ms)
	step := func(request int, due, done time.Duration) {
		a := attack.Arrival{Intended: due, Request: request}
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Dispatched: due, Sent: due, Done: done, Class: attack.Good, Code: 200})
	}
	whole := attack.Arrival{Intended: 10 * ms, IsFlow: true}
	r.Planned(whole)
	step(0, 10*ms, 20*ms)
	step(1, 20*ms, 50*ms)
	r.Record(0, &attack.Result{Arrival: whole, Dispatched: 10 * ms, Sent: 10 * ms, Done: 50 * ms, Class: attack.Good, Code: 500, Kind: "status", Detail: "step 2"})
	cut := attack.Arrival{Intended: 60 * ms, Request: 1, IsFlow: true}
	r.Planned(cut)
	r.Record(0, &attack.Result{Arrival: cut, End: attack.Interrupted})

	l := r.Snapshot()
	if l.Totals != (Totals{Planned: 2, Done: 2}) || len(l.Kinds) != 0 {
		t.Errorf("live totals %+v, kinds %+v; want only the two requests", l.Totals, l.Kinds)
	}
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		request                                    string
		whole                                      bool
		planned, done, interrupted, failed, answer uint64
	}
	var got []row
	for _, c := range intervals(t, tl)[0].Cells {
		got = append(got, row{c.Request, c.IsFlow, c.Planned, c.Done, c.Interrupted, c.Failed, c.Answered})
	}
	want := []row{
		{"browse", false, 1, 1, 0, 0, 1}, {"check out", false, 1, 1, 0, 0, 1},
		{"browse", true, 1, 0, 1, 0, 0}, {"buy, then pay", true, 1, 1, 0, 1, 1},
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("cells: -want +got\n%s", diff)
	}
}

// TestFlowsMustBalance has a flow without an outcome: the requests' balance does
// not make up for it.
func TestFlowsMustBalance(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	r.Planned(attack.Arrival{IsFlow: true})
	clock.set(sec)
	r.Record(0, &attack.Result{Done: ms})
	_, err := r.Finish(4*sec, false, nil)
	if !errors.Is(err, ErrUnbalanced) || !strings.Contains(err.Error(), "1 flows planned, but 0 done") || !strings.Contains(err.Error(), "0 requests planned, but 1 done") {
		t.Errorf("got error %v, want both to be out of balance", err)
	}
}

// TestAnswersCountWhenTheyCame has a service that stands still from 0.5 s to 2.2 s:
// what was due meanwhile is answered afterwards, and after the stage by some.
func TestAnswersCountWhenTheyCame(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	for k := range 10 { // every 250 ms; the stage ends at 2.5 s
		due := time.Duration(k) * 250 * ms
		res := attack.Result{Arrival: attack.Arrival{Intended: due}, Dispatched: due, Sent: due, Done: due + ms, Class: attack.Good, Code: 200}
		if due >= 500*ms && due < 2200*ms {
			res.Done = 2200*ms + time.Duration(k)*50*ms // 2.3 s to 2.6 s
		}
		if k == 3 {
			res.Kind = "status"
		}
		clock.set(max(clock.now(), res.Done))
		r.Planned(res.Arrival)
		r.Record(0, &res)
	}
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	var done, answered, good []uint64
	for _, iv := range intervals(t, tl) {
		var d, a, g uint64
		for _, c := range iv.Cells {
			d, a, g = d+c.Done, a+c.Answered, g+c.AnsweredOK
		}
		done, answered, good = append(done, d), append(answered, a), append(good, g)
	}
	// Intervals: 0–1 s, 1–2 s, 2–2.5 s, 2.5–3 s, 3–4 s. Answers at 2.3, 2.35, 2.4, 2.45
	// count, those at 2.5 s and later do not, and that due at 2.25 s came at once.
	for _, c := range []struct {
		what      string
		got, want []uint64
	}{{"done", done, []uint64{4, 4, 2, 0, 0}}, {"answered", answered, []uint64{2, 0, 5, 0, 0}}, {"good", good, []uint64{2, 0, 4, 0, 0}}} {
		if diff := gocmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.what, diff)
		}
	}
}

// TestAnswersAreCompleteResponses goes by the status, which a result has only if
// its answer came to its end, and not by the kind of its error.
func TestAnswersAreCompleteResponses(t *testing.T) {
	whole := attack.Arrival{IsFlow: true}
	for _, tc := range []struct {
		name   string
		result attack.Result
		want   uint64
	}{
		{"good", attack.Result{Class: attack.Good, Code: 200}, 1},
		{"a wrong status", attack.Result{Class: attack.Good, Code: 500, Kind: timeline.KindStatus}, 1},
		{"a failed check", attack.Result{Class: attack.Good, Code: 200, Kind: timeline.KindJSON}, 1},
		{"too slow", attack.Result{Class: attack.Good, Code: 200, Kind: timeline.KindSlow}, 1},
		{"nothing to capture", attack.Result{Class: attack.Good, Code: 200, Kind: timeline.KindCapture}, 1},
		{"timed out", attack.Result{Kind: timeline.KindTimeout}, 0},
		{"stalled", attack.Result{Kind: timeline.KindStalled, BytesIn: 50}, 0},
		{"cut off", attack.Result{Kind: timeline.KindEOF, BytesIn: 50}, 0},
		{"given up as too large", attack.Result{Kind: timeline.KindTooLarge, BytesIn: 50}, 0},
		{"refused", attack.Result{Kind: timeline.KindRefused}, 0},
		{"no HTTP", attack.Result{Kind: timeline.KindProtocol}, 0},
		{"local", attack.Result{Kind: timeline.KindLocal}, 0},
		{"not built", attack.Result{Kind: timeline.KindTemplate}, 0},
		{"unsent", attack.Result{End: attack.Unsent, Kind: timeline.KindUnsent}, 0},
		{"skipped", attack.Result{End: attack.Unsent, Kind: timeline.KindSkipped}, 0},
		{"interrupted", attack.Result{End: attack.Interrupted}, 0},
		{"a flow that a wrong answer ended", attack.Result{Arrival: whole, Class: attack.Good, Code: 500, Kind: timeline.KindStatus}, 1},
		{"a flow that a timeout ended", attack.Result{Arrival: whole, Kind: timeline.KindTimeout}, 0},
		{"a flow whose next step was not sent", attack.Result{Arrival: whole, End: attack.Unsent, Kind: timeline.KindUnsent}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clock := new(hand)
			r := start(t, config(t, clock.now))
			res := tc.result
			res.Sent, res.Done = ms, 2*ms
			r.Planned(res.Arrival)
			r.Record(0, &res)
			clock.set(sec)
			if live := r.Snapshot().Last.Answered; !res.IsFlow && live != tc.want {
				t.Errorf("%d answers live, want %d", live, tc.want)
			}
			tl, err := r.Finish(4*sec, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := intervals(t, tl)[0].Cells[0].Answered; got != tc.want {
				t.Errorf("%d answers, want %d", got, tc.want)
			}
		})
	}
}

// Wrong statuses are counted by code, and where there are more than are told apart,
// as wrong statuses.
func TestStatusesAreCountedByCode(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	clock.set(100 * ms)
	record := func(status int) {
		a := attack.Arrival{Intended: 5 * ms}
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Dispatched: a.Intended, Sent: a.Intended, Done: 6 * ms, Class: attack.Good, Code: status, Kind: timeline.KindStatus})
	}
	for i := range 20 {
		record(404 + i%2*99)
	}
	for status := 510; status < 590; status++ {
		record(status)
	}
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := intervals(t, tl)[0].Cells[0].Kinds
	want := map[string]uint64{"status 404": 10, "status 503": 10, "status": 80 - (maxKinds - 2)}
	for status := 510; len(want) < maxKinds+1; status++ {
		want[fmt.Sprint("status ", status)] = 1
	}
	if diff := gocmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds of errors (-want +got):\n%s", diff)
	}
}
