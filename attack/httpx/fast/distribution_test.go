package fast_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// dealt is a known distribution: 90 % of answers take 10 ms, 9 % 50 ms, 0.9 %
// 200 ms and 0.1 % 500 ms, in an order that looks random.
func dealt(k uint64) time.Duration {
	switch n := k * 619 % 1000; { // 619 is prime to 1000: each n once in a thousand
	case n < 900:
		return 10 * time.Millisecond
	case n < 990:
		return 50 * time.Millisecond
	case n < 999:
		return 200 * time.Millisecond
	}
	return 500 * time.Millisecond
}

// Every percentile is what the server dealt, whichever engine and however few
// slots, within the histogram's 0.1 %: under a fake clock, on pipes, nothing else
// takes time.
func TestKnownDistribution(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 10_000
				var served atomic.Uint64
				ln := newPipes()
				srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					time.Sleep(dealt(served.Add(1) - 1))
					_, _ = io.WriteString(w, "ok\n")
				})}
				var serving sync.WaitGroup
				serving.Go(func() { _ = srv.Serve(ln) })
				p := truthPlan(engine.Name, 2000, "http://target/")
				e, err := engine.New(httpx.Options{MaxInFlight: p.MaxInFlight, Dial: ln.dial})
				if err != nil {
					t.Fatal(err)
				}
				_, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: time.Now()})
				if err := e.Close(); err != nil {
					t.Error(err)
				}
				_ = srv.Close()
				serving.Wait()
				d := timeline.NewDistribution(nil)
				for _, r := range c.Results {
					if r.Kind != "" {
						t.Fatalf("found %s: %s", r.Kind, r.Detail)
					}
					d.Record(r.Done - r.Intended)
				}
				var truth []time.Duration
				for k := range uint64(n) {
					truth = append(truth, dealt(k))
				}
				slices.Sort(truth)
				if served.Load() != n || len(c.Results) != n {
					t.Fatalf("%d were served and %d recorded", served.Load(), len(c.Results))
				}
				for _, q := range []float64{0.01, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 1} {
					want := truth[int(math.Ceil(q*n))-1]
					if got, ok := d.Quantile(q); !ok || (got-want).Abs() > want/100 {
						t.Errorf("p%s: %s was dealt, found %s", fmt.Sprint(100*q), want, got)
					}
				}
			})
		})
	}
}
