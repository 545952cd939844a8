package record

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// BenchmarkJudge reads and judges a recording of 900 stages of a second each, with
// 20 requests in each, as at the end of every run.
func BenchmarkJudge(b *testing.B) {
	const stages = 900
	clock := new(hand)
	c := config(b, clock.now)
	c.Stages = nil
	for i := range time.Duration(stages) {
		c.Stages = append(c.Stages, timeline.Stage{Name: fmt.Sprintf("s%d", i), Window: timeline.Window{From: i * sec, To: (i + 1) * sec}, Judged: true})
	}
	r := start(b, c)
	for k := range stages * 20 {
		at := time.Duration(k) * 50 * ms
		a := attack.Arrival{Intended: at, Stage: k / 20, Request: k % 2}
		clock.set(at)
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Acted: at, Sent: at + 20*time.Microsecond, Done: at + time.Duration(1+k%17)*ms, Status: 200})
		if k%20 == 0 {
			r.writeDue()
		}
	}
	clock.set(stages * sec)
	tl, err := r.Finish(stages*sec, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verdict.Judge(nil, tl); err != nil {
			b.Fatal(err)
		}
	}
}
