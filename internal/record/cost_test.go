package record

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// answers draws results as a service gives them: three requests, response times
// log-normal around 1 ms, one error in a hundred. Their times count from 0.
func answers(n int) []attack.Result {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]attack.Result, n)
	for i := range out {
		r := &out[i]
		r.Request = rng.IntN(3)
		r.Dispatched = time.Duration(rng.ExpFloat64() * 20e3)
		r.Sent = r.Dispatched + time.Duration(rng.ExpFloat64()*10e3)
		r.Done = r.Sent + time.Duration(math.Exp(rng.NormFloat64()*0.6)*1e6)
		r.Class, r.Code, r.BytesIn, r.BytesOut = attack.Good, 200, 800, 90
		if rng.IntN(100) == 0 {
			r.Code, r.Kind, r.Detail = 503, "status", "503, expected 200 to 399"
		}
	}
	return out
}

// at is r as of a request that was answered at now.
func at(r attack.Result, now time.Duration) attack.Result {
	due := max(now-r.Done, 0)
	r.Intended, r.Dispatched, r.Sent, r.Done = due, due+r.Dispatched, due+r.Sent, due+r.Done
	return r
}

func costConfig(b *testing.B) Config {
	begin := time.Now()
	c := config(b, func() time.Duration { return time.Since(begin) })
	c.Stages = []timeline.Stage{{Name: "steady", Window: timeline.Window{To: time.Hour}, Judged: true}}
	return c
}

// BenchmarkCost is what a request costs the generator in all, the clock read
// once included: Planned and Record, sorted in, written as time passes.
func BenchmarkCost(b *testing.B) {
	pool := answers(4096)
	b.Run("one worker", func(b *testing.B) {
		r := start(b, costConfig(b))
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			res := at(pool[i%len(pool)], r.cfg.Clock())
			r.Planned(res.Arrival)
			r.Record(0, &res)
			i++
		}
	})
	b.Run("one worker, for abort rules", func(b *testing.B) {
		c := costConfig(b)
		c.Seconds = true
		r := start(b, c)
		b.ReportAllocs()
		i, second := 0, int64(0)
		for b.Loop() {
			now := r.cfg.Clock()
			if s := secondOf(now); s != second {
				second = s
				r.Seconds()
			}
			res := at(pool[i%len(pool)], now)
			r.Planned(res.Arrival)
			r.Record(0, &res)
			i++
		}
	})
	b.Run("all workers", func(b *testing.B) {
		r := start(b, costConfig(b))
		b.ReportAllocs()
		var workers atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			me := int(workers.Add(1))
			for i := me; pb.Next(); i++ {
				res := at(pool[i%len(pool)], r.cfg.Clock())
				r.Planned(res.Arrival)
				r.Record(me, &res)
			}
		})
	})
	b.Run("2000 workers", func(b *testing.B) {
		r := start(b, costConfig(b))
		b.ReportAllocs()
		b.SetParallelism(2000)
		var workers atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			me := int(workers.Add(1))
			for i := me; pb.Next(); i++ {
				res := at(pool[i%len(pool)], r.cfg.Clock())
				r.Planned(res.Arrival)
				r.Record(me, &res)
			}
		})
	})
}
