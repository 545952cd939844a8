package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the tools print, at the versions that are pinned.
const (
	wrkOut = `Running 2s test @ http://127.0.0.1:1/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   459.00us  368.65us   5.40ms   91.88%
    Req/Sec    91.03k     4.30k   97.97k    75.00%
  Latency Distribution
     50%  382.00us
     75%  539.00us
     90%  780.00us
     99%    1.94ms
  180954 requests in 2.00s, 25.89MB read
Requests/sec:  90428.71
Transfer/sec:     12.94MB
`
	wrkBad = `     50%  1.00ms
     90%  2.00ms
     99%  1.20s
  1000 requests in 1.00s, 25.89MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 100
Requests/sec:  1000.00
`
	heyOut = `
Summary:
  Total:	2.0118 secs
  Slowest:	0.0262 secs
  Fastest:	0.0002 secs
  Average:	0.0024 secs
  Requests/sec:	4932.4534

Response time histogram:
  0.000 [1]	|
  0.003 [5777]	|■■■■

Latency distribution:
  10%% in 0.0005 secs
  50%% in 0.0017 secs
  75%% in 0.0031 secs
  90%% in 0.0050 secs
  95%% in 0.0067 secs
  99%% in 0.0149 secs

Details (average, fastest, slowest):
  resp read:	0.0000 secs, 0.0000 secs, 0.0100 secs

Status code distribution:
  [200]	9923 responses


`
	heyBad = `
  Slowest:	0.0200 secs
  Requests/sec:	100.0000
  50% in 0.0017 secs
  90% in 0.0018 secs
  95% in 0.0019 secs
  99% in 0.0149 secs

Status code distribution:
  [200]	60 responses
  [503]	30 responses

Error distribution:
  [7]	Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused
  [3]	Get "http://127.0.0.1:1/": EOF
`
	heyNone = `
  Requests/sec:	16858.7
  resp wait:	 NaN secs, 0.0000 secs, 0.0000 secs

Error distribution:
  [33718]	Get "http://127.0.0.1:1/": connect: connection refused
`
	vegetaOut = `{"latencies":{"total":29625331734602,"mean":3011316500,"50th":3392706766,"90th":3944033455,"95th":4022133684,"99th":4097086457,"max":4301473846,"min":27245792},
"bytes_in":{"total":29448,"mean":2.99},"bytes_out":{"total":0,"mean":0},"duration":3374071893,"wait":1938149528,"requests":9838,"rate":2915.76,"throughput":1847.81,
"success":0.9977637731246188,"status_codes":{"0":22,"200":9816},"errors":["Get \"http://127.0.0.1:1/\": EOF"]}`
	k6Out = `{"http_req_duration":{"type":"trend","contains":"time","values":{"p(50)":0.324003,"p(90)":1.5,"p(95)":2.5,"p(99)":16.711064,"p(99.9)":17,"max":18.25}},
"dropped_iterations":{"values":{"count":306,"rate":152.45},"type":"counter","contains":"default"},
"http_req_failed":{"type":"rate","contains":"default","values":{"rate":0.1,"passes":100,"fails":900}},
"http_reqs":{"type":"counter","contains":"default","values":{"count":1000,"rate":500}}}`
	bombardierOut = `{"seconds":2.008181372,
"good":9984,"moved":0,"bad":[0,0,0,0],
"max":1.9947e+04,"0.5":1004,"0.9":6248,"0.95":9800,"0.99":13990,"0.999":19250}
`
	bombardierBad = `{"seconds":2,"good":90,"moved":10,"bad":[1,2,3,4],"max":3824,"0.5":355,"0.9":984,"0.95":1025,"0.99":3824,"0.999":3824}
`
	bombardierNone = `{"seconds":0.005731886,
"good":0,"moved":0,"bad":[0,0,50,0],
"max":3824,"0.5":355,"0.9":984,"0.95":1025,"0.99":3824,"0.999":3824}
`
	fortioOut = `{
  "RunType": "HTTP", "RequestedQPS": "5000", "RequestedDuration": "exactly 10000 calls",
  "ActualQPS": 4975.0099999069125, "ActualDuration": 2010046211, "NumThreads": 50, "Version": "1.68.2",
  "DurationHistogram": {
    "Count": 10000, "Min": 0.000027912, "Max": 0.008287939, "Sum": 6.049976435999999, "Avg": 0.0006049976435999999, "StdDev": 0.001129580190544188,
    "Data": [ { "Start": 0.000027912, "End": 0.000030000000000000004, "Percent": 0.05, "Count": 5 } ],
    "Percentiles": [
      { "Percentile": 50, "Value": 0.00011379775280898877 }, { "Percentile": 90, "Value": 0.002068376068376067 },
      { "Percentile": 95, "Value": 0.00344705882352941 }, { "Percentile": 99, "Value": 0.004953703703703706 }, { "Percentile": 99.9, "Value": 0.007750000000000045 }
    ]
  },
  "ErrorsDurationHistogram": { "Count": 0, "Min": 0, "Max": 0, "Sum": 0, "Avg": 0, "StdDev": 0, "Data": null },
  "Exactly": 10000, "Uniform": true, "RetCodes": { "200": 10000 }, "Sockets": [ 1, 1 ], "SocketCount": 50
}
`
	fortioBad = `{"ActualQPS":50,"ActualDuration":2000000000,"DurationHistogram":{"Count":100,"Max":0.5,"Percentiles":[{"Percentile":50,"Value":0.001},{"Percentile":99,"Value":0.25}]},
"RetCodes":{"-1":10,"200":70,"304":5,"503":15}}`
	fortioNone = `{"ActualQPS":49.9,"ActualDuration":1001276866,"DurationHistogram":{"Count":50,"Max":0.5,"Percentiles":[{"Percentile":50,"Value":0.001},{"Percentile":99,"Value":0.25}]},"RetCodes":{"-1":50}}`
	plowOut    = `{
  "Summary": {
    "Elapsed": "2s",
    "Count": 42835,
    "Counts": {
      "2xx": 42835
    },
    "RPS": 21416.744,
    "Reads": "3.064MB/s",
    "Writes": "1.206MB/s"
  },
  "Statistics": {
    "Latency": { "Min": "40µs", "Mean": "2.329ms", "StdDev": "3.282ms", "Max": "47.101ms" },
    "RPS": { "Min": 18199.19, "Mean": 21408.24, "StdDev": 4538.28, "Max": 24617.29 }
  },
  "Percentiles": {
    "P50": "1.188ms",
    "P75": "3.061ms",
    "P90": "5.279ms",
    "P95": "6.757ms",
    "P99": "15.229ms",
    "P99.9": "45.206ms",
    "P99.99": "46.939ms"
  },
  "Histograms": [
    [ "785µs", 19797 ]
  ]
}
`
	plowBad = `{"Summary":{"Count":100,"Counts":{"2xx":60,"3xx":10,"5xx":20},"RPS":50},"Error":{"dial tcp4 127.0.0.1:1: connect: connection refused":10},
"Statistics":{"Latency":{"Max":"1.5s"}},"Percentiles":{"P50":"221µs","P90":"762µs","P95":"2.066ms","P99":"1.2s","P99.9":"1.5s"}}`
	// A closed loop: what was planned is what the users came to.
	ordealClosed = `{"schema":1,"duration":1000000000,"totals":{"planned":90000,"done":90000,"unsent":0,"interrupted":0,"errors":0,"rps":90000},
"latency":{"p50":500000,"p90":700000,"p95":800000,"p99":900000,"p99.9":1000000,"max":2000000},
"stages":{"hold":{"planned":90000,"latency":{"p50":500000,"p90":700000,"p95":800000,"p99":900000,"p99.9":1000000,"max":2000000}}}}
Tag=hold/get/ok,0.000000,1.000000,2.000000,HISTFAAAABmx
`
	ordealRefused = `{"duration":1000000000,"exit_code":3,"totals":{"planned":20000,"done":19000,"unsent":1000,"errors":20000},"latency":{"p50":5000000,"p99":9000000}}
Tag=hold/get/err,0.000000,1.000000,2.000000,HISTFAAAABmx
`
	ordealProblem = `{"duration":0,"problems":["the target 127.0.0.1:1 accepted no connection for 10s"],"totals":{"planned":0},"latency":{"p50":null,"p99":null},"stages":{}}`
	ordealOut     = `{"schema":1,"duration":2000000000,"totals":{"planned":10000,"done":9900,"unsent":60,"interrupted":40,"errors":160,"rps":4950},
"latency":{"p50":361234431,"p90":816840703,"p95":900000000,"p99":943718399,"p99.9":958922751,"max":1000000000,"mean":399761289},
"stages":{"start":{"latency":{"p50":1}},"hold":{"planned":6600,"latency":{"p50":300000000,"p90":400000000,"p95":null,"p99":500000000,"p99.9":600000000,"max":700000000}}},"faults":[]}
#[StartTime: 1795455026.188 (seconds since epoch), 2026-11-23T17:30:26.188818461Z]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
Tag=hold/get/ok,0.000000,1.000000,1000.000000,HISTFAAAABmx
Tag=hold/get/lag,1.000000,1.000000,7000.000000,HISTFAAABXd
Tag=hold/get/ok,1.000000,1.000000,500.000000,HISTFAAABa5
`
)

func TestParsers(t *testing.T) {
	ms, us := time.Millisecond, time.Microsecond
	for _, tt := range []struct {
		name  string
		parse func([]byte) (figures, error)
		text  string
		want  figures
		bad   bool
	}{
		{"wrk", parseWrk, wrkOut, figures{Rate: 90428.71, OK: 180954, Done: 180954, quantiles: quantiles{P50: 382 * us, P90: 780 * us, P99: 1940 * us}}, false},
		{"wrk: bad answers are no answers", parseWrk, wrkBad, figures{Rate: 900, OK: 900, Failed: 110, Done: 1010, quantiles: quantiles{P50: ms, P90: 2 * ms, P99: 1200 * ms}}, false},
		{"wrk without --latency", parseWrk, "  10 requests in 1.00s, 1MB read\nRequests/sec: 10\n", figures{}, true},
		{"hey", parseHey, heyOut, figures{Rate: 4932.4534, OK: 9923, Done: 9923,
			quantiles: quantiles{P50: 1700 * us, P90: 5 * ms, P95: 6700 * us, P99: 14900 * us, Max: 26200 * us}}, false},
		{"hey: errors and bad statuses", parseHey, heyBad, figures{Rate: 60, OK: 60, Failed: 40, Done: 100,
			quantiles: quantiles{P50: 1700 * us, P90: 1800 * us, P95: 1900 * us, P99: 14900 * us, Max: 20 * ms}}, false},
		{"hey: nothing came", parseHey, heyNone, figures{}, true},
		{"vegeta", parseVegeta, vegetaOut, figures{Rate: 1847.81, OK: 9816, Failed: 22, Done: 9838,
			quantiles: quantiles{P50: 3392706766, P90: 3944033455, P95: 4022133684, P99: 4097086457, Max: 4301473846}}, false},
		{"vegeta: not JSON", parseVegeta, "no", figures{}, true},
		{"k6: failed and dropped", parseK6, k6Out, figures{Rate: 450, OK: 900, Failed: 406, Done: 1000,
			quantiles: quantiles{P50: 324003, P90: 1500 * us, P95: 2500 * us, P99: 16711064, P999: 17 * ms, Max: 18250 * us}}, false},
		{"bombardier", parseBombardier, bombardierOut, figures{Rate: 9984 / 2.008181372, OK: 9984, Done: 9984,
			quantiles: quantiles{P50: 1004 * us, P90: 6248 * us, P95: 9800 * us, P99: 13990 * us, P999: 19250 * us, Max: 19947 * us}}, false},
		{"bombardier: redirects are good, the rest is not", parseBombardier, bombardierBad, figures{Rate: 50, OK: 100, Failed: 10, Done: 110,
			quantiles: quantiles{P50: 355 * us, P90: 984 * us, P95: 1025 * us, P99: 3824 * us, P999: 3824 * us, Max: 3824 * us}}, false},
		{"bombardier: nothing came", parseBombardier, bombardierNone, figures{}, true},
		{"bombardier: no time", parseBombardier, strings.Replace(bombardierOut, "2.008181372", "0", 1), figures{}, true},
		{"bombardier: not JSON", parseBombardier, "no", figures{}, true},
		{"fortio", parseFortio, fortioOut, figures{Rate: 10000 / 2.010046211, OK: 10000, Done: 10000,
			quantiles: quantiles{P50: 113797, P90: 2068376, P95: 3447058, P99: 4953703, P999: 7750 * us, Max: 8287939}}, false},
		{"fortio: redirects are good, the rest is not", parseFortio, fortioBad, figures{Rate: 37.5, OK: 75, Failed: 25, Done: 100,
			quantiles: quantiles{P50: ms, P99: 250 * ms, Max: 500 * ms}}, false},
		{"fortio: nothing came", parseFortio, fortioNone, figures{}, true},
		{"fortio: no time", parseFortio, strings.Replace(fortioOut, "2010046211", "0", 1), figures{}, true},
		{"fortio: not JSON", parseFortio, "Aborting because of error 503", figures{}, true},
		{"plow", parsePlow, plowOut, figures{Rate: 21416.744, OK: 42835, Done: 42835,
			quantiles: quantiles{P50: 1188 * us, P90: 5279 * us, P95: 6757 * us, P99: 15229 * us, P999: 45206 * us, Max: 47101 * us}}, false},
		{"plow: redirects are good, the rest is not", parsePlow, plowBad, figures{Rate: 35, OK: 70, Failed: 30, Done: 100,
			quantiles: quantiles{P50: 221 * us, P90: 762 * us, P95: 2066 * us, P99: 1200 * ms, P999: 1500 * ms, Max: 1500 * ms}}, false},
		{"plow: a time that is none", parsePlow, strings.Replace(plowOut, "15.229ms", "15.229", 1), figures{}, true},
		{"plow: a percentile is missing", parsePlow, strings.Replace(plowOut, "P95", "P96", 1), figures{}, true},
		{"plow: not JSON", parsePlow, "no", figures{}, true},
		{"k6: no requests", parseK6, `{"http_reqs":{"values":{"count":0}}}`, figures{}, true},
		{"ordeal: what came after the end counts as late", parseOrdeal, ordealOut, figures{Rate: 9800 / 2.5, OK: 9800, Failed: 200, Done: 9900,
			quantiles: quantiles{P50: 361234431, P90: 816840703, P95: 900 * ms, P99: 943718399, P999: 958922751, Max: time.Second},
			Held:      quantiles{P50: 300 * ms, P90: 400 * ms, P99: 500 * ms, P999: 600 * ms, Max: 700 * ms}}, false},
		{"ordeal: closed loop", parseOrdeal, ordealClosed, figures{Rate: 90000 / 1.002, OK: 90000, Done: 90000,
			quantiles: quantiles{P50: 500 * us, P90: 700 * us, P95: 800 * us, P99: 900 * us, P999: ms, Max: 2 * ms},
			Held:      quantiles{P50: 500 * us, P90: 700 * us, P95: 800 * us, P99: 900 * us, P999: ms, Max: 2 * ms}}, false},
		{"ordeal: could not be done", parseOrdeal, ordealProblem, figures{}, true},
		{"ordeal: all failed", parseOrdeal, `{"duration":1,"totals":{"planned":5,"errors":5}}`, figures{}, true},
		{"ordeal: no intervals", parseOrdeal, ordealOut[:strings.Index(ordealOut, "#")], figures{}, true},
		{"ordeal: no percentiles", parseOrdeal, `{"duration":1,"totals":{"planned":5,"done":5}} Tag=a/ok,0,1,1,`, figures{}, true},
		{"empty", parseOrdeal, "", figures{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.parse([]byte(tt.text))
			if err == nil {
				err = got.check(false)
			}
			if tt.bad {
				if err == nil {
					t.Fatalf("no error, and %+v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Rate-tt.want.Rate) > 1e-6 {
				t.Errorf("rate %v, want %v", got.Rate, tt.want.Rate)
			}
			if got.Rate = tt.want.Rate; got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// Of a server that gives no good answer, what came to an end is still a figure.
func TestHostile(t *testing.T) {
	f, err := parseOrdeal([]byte(ordealRefused))
	if err != nil {
		t.Fatal(err)
	}
	if f.OK != 0 || f.Failed != 20000 || f.Done != 19000 {
		t.Fatalf("%v good, %v failed and %v done, want 0, 20000 and 19000", f.OK, f.Failed, f.Done)
	}
	if f.P50 != 5*time.Millisecond {
		t.Fatalf("p50 %s, want 5ms", f.P50)
	}
	if err := f.check(true); err != nil {
		t.Error(err)
	}
	if f.check(false) == nil {
		t.Error("no good answer was good enough")
	}
	if (figures{}).check(true) == nil {
		t.Error("nothing at all was good enough")
	}
}

const microOut = `goos: linux
goarch: amd64
pkg: github.com/seed-1574e9de/ordeal/attack
cpu: AMD EPYC
BenchmarkEngines/plain/fast-2         	   18276	     13102 ns/op	       0 B/op	       0 allocs/op
BenchmarkEngines/tls/http             	    5000	   40000.5 ns/op	 3000 KB/x	    5012 B/op	      61 allocs/op
BenchmarkSchedule-2                   	10000000	        22.50 ns/op
some log line
BenchmarkBroken-2 --- FAIL: BenchmarkBroken
PASS
ok  	github.com/seed-1574e9de/ordeal/attack	3.2s
pkg: github.com/seed-1574e9de/ordeal/internal/record
BenchmarkRecord-2   	 9000000	       130.0 ns/op	      16 B/op	       1 allocs/op
FAIL
`

func TestBenchmarks(t *testing.T) {
	want := []benchmark{
		{"attack", "Engines/plain/fast", 13102, 0, 0},
		{"attack", "Engines/tls/http", 40000.5, 5012, 61},
		{"attack", "Schedule", 22.5, 0, -1}, // says nothing of allocations
		{"record", "Record", 130, 16, 1},
	}
	if got := parseBenchmarks([]byte(microOut)); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := parseBenchmarks([]byte("no benchmarks here\n")); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// Whatever a tool prints, a parser gives figures that can be or an error.
func FuzzParsers(f *testing.F) {
	for _, text := range []string{wrkOut, wrkBad, heyOut, heyBad, heyNone, vegetaOut, k6Out, bombardierOut, fortioOut, plowOut, ordealOut, ordealClosed, ordealRefused, ordealProblem, microOut, ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, parse := range map[string]func([]byte) (figures, error){"wrk": parseWrk, "hey": parseHey, "vegeta": parseVegeta, "k6": parseK6,
			"bombardier": parseBombardier, "fortio": parseFortio, "plow": parsePlow, "ordeal": parseOrdeal} {
			got, err := parse(text)
			if err != nil || got.check(false) != nil {
				continue
			}
			if got.OK <= 0 || !(got.Rate > 0) {
				t.Errorf("%s: %v good answers and %v a second cannot be", name, got.OK, got.Rate)
			}
			if got.P50 <= 0 || got.P99 < got.P50 {
				t.Errorf("%s: p50 %s and p99 %s cannot be", name, got.P50, got.P99)
			}
		}
		for _, b := range parseBenchmarks(text) {
			if b.Name == "" || !(b.NsPerOp > 0) {
				t.Errorf("a benchmark that cannot be: %+v", b)
			}
		}
	})
}
