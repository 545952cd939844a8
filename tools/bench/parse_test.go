package main

import (
	"math"
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
     99%  1.20s
  1000 requests in 1.00s, 25.89MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 100
Requests/sec:  1000.00
`
	heyOut = `
Summary:
  Total:	2.0118 secs
  Requests/sec:	4932.4534

Response time histogram:
  0.000 [1]	|
  0.003 [5777]	|■■■■

Latency distribution:
  10%% in 0.0005 secs
  50%% in 0.0017 secs
  99%% in 0.0149 secs

Details (average, fastest, slowest):
  resp read:	0.0000 secs, 0.0000 secs, 0.0100 secs

Status code distribution:
  [200]	9923 responses


`
	heyBad = `
  Requests/sec:	100.0000
  50% in 0.0017 secs
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
	k6Out = `{"http_req_duration":{"type":"trend","contains":"time","values":{"p(50)":0.324003,"p(99)":16.711064}},
"dropped_iterations":{"values":{"count":306,"rate":152.45},"type":"counter","contains":"default"},
"http_req_failed":{"type":"rate","contains":"default","values":{"rate":0.1,"passes":100,"fails":900}},
"http_reqs":{"type":"counter","contains":"default","values":{"count":1000,"rate":500}}}`
	ordealOut = `{"schema":1,"duration":2000000000,"totals":{"planned":10000,"done":9900,"unsent":60,"interrupted":40,"errors":160,"rps":4950},
"latency":{"p50":361234431,"p90":816840703,"p99":943718399,"p99.9":958922751,"max":1000000000,"mean":399761289}}
#[StartTime: 1795455026.188 (seconds since epoch), 2026-11-23T17:30:26.188818461Z]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
Tag=hold/get/ok,0.000000,1.000000,1000.000000,HISTFAAAABmx
Tag=hold/get/lag,1.000000,1.000000,7000.000000,HISTFAAABXd
Tag=hold/get/ok,1.000000,1.000000,500.000000,HISTFAAABa5
`
)

func TestParsers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parse func([]byte) (figures, error)
		text  string
		want  figures
		bad   bool
	}{
		{"wrk", parseWrk, wrkOut, figures{90428.71, 382 * time.Microsecond, 1940 * time.Microsecond, 180954, 0}, false},
		{"wrk: bad answers are no answers", parseWrk, wrkBad, figures{900, time.Millisecond, 1200 * time.Millisecond, 900, 110}, false},
		{"wrk without --latency", parseWrk, "  10 requests in 1.00s, 1MB read\nRequests/sec: 10\n", figures{}, true},
		{"hey", parseHey, heyOut, figures{4932.4534, 1700 * time.Microsecond, 14900 * time.Microsecond, 9923, 0}, false},
		{"hey: errors and bad statuses", parseHey, heyBad, figures{60, 1700 * time.Microsecond, 14900 * time.Microsecond, 60, 40}, false},
		{"hey: nothing came", parseHey, heyNone, figures{}, true},
		{"vegeta", parseVegeta, vegetaOut, figures{1847.81, 3392706766, 4097086457, 9816, 22}, false},
		{"vegeta: not JSON", parseVegeta, "no", figures{}, true},
		{"k6: failed and dropped", parseK6, k6Out, figures{450, 324003, 16711064, 900, 406}, false},
		{"k6: no requests", parseK6, `{"http_reqs":{"values":{"count":0}}}`, figures{}, true},
		{"ordeal: what came after the end counts as late", parseOrdeal, ordealOut, figures{9800 / 2.5, 361234431, 943718399, 9800, 200}, false},
		{"ordeal: all failed", parseOrdeal, `{"duration":1,"totals":{"planned":5,"errors":5}}`, figures{}, true},
		{"ordeal: no intervals", parseOrdeal, ordealOut[:strings.Index(ordealOut, "#")], figures{}, true},
		{"ordeal: no percentiles", parseOrdeal, `{"duration":1,"totals":{"planned":5,"done":5}} Tag=a/ok,0,1,1,`, figures{}, true},
		{"empty", parseOrdeal, "", figures{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.parse([]byte(tt.text))
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
