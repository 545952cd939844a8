package timeline

import (
	"testing"
	"time"
)

func TestStandstillLogIsBounded(t *testing.T) {
	var l StandstillLog
	for i := range 3 * MaxStandstills {
		from := time.Duration(i) * sec
		length := 20 * ms
		if i%1000 == 999 {
			length = 200 * ms
		}
		l.Add(Window{from, from + length})
	}
	long := 0
	for i, w := range l.Entries() {
		if i > 0 && w.From < l.Entries()[i-1].To {
			t.Fatalf("%v comes after %v", w, l.Entries()[i-1])
		}
		if w.Len() == 200*ms {
			long++
		}
	}
	if n := len(l.Entries()); n > MaxStandstills || long != 12 || l.End() != time.Duration(3*MaxStandstills-1)*sec+20*ms {
		t.Errorf("%d are kept, %d of them long, the last ends at %s", n, long, l.End())
	}
}

// Net times begin with the first delayed arrival, and sides without any are those that
// were measured.
func TestStatsNet(t *testing.T) {
	limits := []time.Duration{100 * ms}
	on, late := NewStats(limits), NewStats(limits)
	for range 98 {
		on.OK.Record(10 * ms)
	}
	late.OK.Record(150 * ms)
	late.OK.Record(20 * ms)
	late.OKNet.Record(30 * ms)
	late.OKNet.Record(20 * ms)
	late.Err.Record(sec)
	late.Delayed, late.Doubtful, late.DoubtfulUnsent = 1, 2, 1
	for name, order := range map[string][2]*Stats{"late last": {on, late}, "late first": {late, on}} {
		sum := new(Stats)
		sum.Merge(order[0])
		sum.Merge(order[1])
		if got := sum.Net(&sum.OK); got.Count() != 100 || sum.OK.Count() != 100 {
			t.Errorf("%s: %d net times of %d", name, got.Count(), sum.OK.Count())
		}
		if c, ok := sum.Net(&sum.OK).CompareQuantile(1, 100*ms); !ok || c != -1 {
			t.Errorf("%s: the greatest net time against 100 ms is %d, %v", name, c, ok)
		}
		if c, ok := sum.OK.CompareQuantile(1, 100*ms); !ok || c != 1 {
			t.Errorf("%s: the greatest time against 100 ms is %d, %v", name, c, ok)
		}
		if sum.Net(&sum.Err) != &sum.Err || sum.Net(&sum.Late) != &sum.Late {
			t.Errorf("%s: without delays there are net times", name)
		}
		if d := sum.ResponseNet(); d.Count() != 101 {
			t.Errorf("%s: %d net response times", name, d.Count())
		}
		if sum.Delayed != 1 || sum.Doubtful != 2 || sum.DoubtfulUnsent != 1 {
			t.Errorf("%s: counters %d %d %d", name, sum.Delayed, sum.Doubtful, sum.DoubtfulUnsent)
		}
	}
	if on.OKNet.Count() != 0 || late.OKNet.Count() != 2 {
		t.Error("Merge changed its argument")
	}
}
