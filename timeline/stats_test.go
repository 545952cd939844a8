package timeline

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatsMerge(t *testing.T) {
	limits := []time.Duration{sec}
	a, b := NewStats(limits), NewStats(limits)
	a.Planned, a.Done, a.Unsent, a.Interrupted, a.Failed, a.BytesIn, a.BytesOut = 10, 6, 2, 2, 1, 100, 10
	b.Planned, b.Done, b.Unsent, b.Interrupted, b.Failed, b.BytesIn, b.BytesOut = 20, 15, 4, 1, 3, 200, 20
	b.Kinds, b.Statuses = map[string]uint64{"timeout": 3}, map[int]uint64{200: 12}
	for i, d := range a.Distributions() {
		d.Record(time.Duration(i+1) * sec)
	}
	for i, d := range b.Distributions() {
		d.Record(time.Duration(i+1) * 10 * sec)
	}
	sum := new(Stats)
	sum.Merge(a)
	sum.Merge(b)
	sum.Merge(b)
	sum.Merge(new(Stats))

	got := [7]uint64{sum.Planned, sum.Done, sum.Unsent, sum.Interrupted, sum.Failed, sum.BytesIn, sum.BytesOut}
	if want := [7]uint64{50, 36, 10, 4, 7, 500, 50}; got != want {
		t.Errorf("counters %v, want %v", got, want)
	}
	if sum.Errors() != 17 || sum.Judged() != 46 {
		t.Errorf("errors %d, judged %d; want 17, 46", sum.Errors(), sum.Judged())
	}
	if diff := cmp.Diff(map[string]uint64{"timeout": 6}, sum.Kinds); diff != "" {
		t.Errorf("kinds: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[int]uint64{200: 24}, sum.Statuses); diff != "" {
		t.Errorf("statuses: -want +got\n%s", diff)
	}
	if b.Kinds["timeout"] != 3 || b.Statuses[200] != 12 {
		t.Errorf("Merge changed its argument: %v %v", b.Kinds, b.Statuses)
	}
	for i, d := range sum.Distributions() {
		lo, _ := d.Min()
		hi, _ := d.Max()
		if d.Count() != 3 || !within(time.Duration(i+1)*sec, lo) || !within(hi, time.Duration(i+1)*10*sec) {
			t.Errorf("%s has %d values from %v to %v", d.Name, d.Count(), lo, hi)
		}
	}
}

func TestResponseHasGoodAnswersAndErrors(t *testing.T) {
	s := NewStats([]time.Duration{sec})
	s.OK.Record(sec)
	s.Err.Record(3 * sec)
	s.Err.Record(3 * sec)
	d := s.Response()
	if got, ok := d.CompareQuantile(0.5, sec); !ok || got != 1 {
		t.Errorf("the median stands at %d, %v to 1s; want above", got, ok)
	}
	d.Record(sec)
	if s.OK.Count() != 1 || s.Err.Count() != 2 || d.Count() != 4 {
		t.Errorf("counts %d, %d, %d; want 1, 2, 4: Response is a copy", s.OK.Count(), s.Err.Count(), d.Count())
	}
}

// TestStatsJSON holds the names of counters in timeline.jsonl.
func TestStatsJSON(t *testing.T) {
	s := &Stats{Planned: 1, Done: 2, Unsent: 3, Interrupted: 4, Failed: 5, Answered: 8, AnsweredOK: 9, BytesIn: 6, BytesOut: 7, Kinds: map[string]uint64{"timeout": 1}, Statuses: map[int]uint64{503: 1}}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"planned":1,"done":2,"unsent":3,"interrupted":4,"failed":5,"answered":8,"answered_ok":9,"bytes_in":6,"bytes_out":7,"kinds":{"timeout":1},"statuses":{"503":1}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
