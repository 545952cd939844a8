package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// quantiles are of the times of a run; one that a tool does not say is 0.
type quantiles struct{ P50, P90, P95, P99, P999, Max time.Duration }

// figures is what one tool says of one run of its own.
type figures struct {
	quantiles
	Rate   float64 // good answers per second, until the last answer
	OK     int64   // good answers
	Failed int64   // requests that were sent or due and got none
	Done   int64   // requests that were sent, and answered or failed
	Held   quantiles
}

// check says what cannot be. Only a hostile server leaves nothing good.
func (f figures) check(hostile bool) error {
	switch {
	case hostile && f.Done > 0:
		return nil
	case f.OK <= 0 || !(f.Rate > 0): // NaN, too
		return errors.New("not one good answer")
	case f.P50 <= 0 || f.P99 < f.P50:
		return fmt.Errorf("percentiles that cannot be: p50 %v, p99 %v", f.P50, f.P99)
	}
	return nil
}

// ordealLatency is as summary.json has it; what is not known is null there.
type ordealLatency struct {
	P50, P90, P95, P99, Max time.Duration
	P999                    time.Duration `json:"p99.9"`
}

func (l ordealLatency) quantiles() quantiles {
	return quantiles{P50: l.P50, P90: l.P90, P95: l.P95, P99: l.P99, P999: l.P999, Max: l.Max}
}

// parseOrdeal reads summary.json, followed by intervals.hlog. The summary's rps
// counts answers, wrong ones too, up to the stage's end. Here the last answer ends
// the time, so that a backlog worked off afterwards cannot flatter: no interval's
// answers come later than its end and its slowest answer.
func parseOrdeal(b []byte) (figures, error) {
	var s struct {
		Duration time.Duration
		Problems []string
		Totals   struct{ Planned, Done, Interrupted, Errors int64 }
		Latency  ordealLatency
		Stages   map[string]struct{ Latency ordealLatency }
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&s); err != nil {
		return figures{}, fmt.Errorf("summary.json: %w", err)
	}
	if len(s.Problems) > 0 {
		return figures{}, errors.New(s.Problems[0])
	}
	f := figures{
		quantiles: s.Latency.quantiles(),
		Held:      s.Stages[holdStage].Latency.quantiles(),
		Failed:    s.Totals.Errors + s.Totals.Interrupted, // unsent are errors
		OK:        s.Totals.Planned - s.Totals.Errors - s.Totals.Interrupted,
		Done:      s.Totals.Done,
	}
	intervals := hlogLine.FindAllSubmatch(b[d.InputOffset():], -1)
	if len(intervals) == 0 && f.OK > 0 {
		return f, errors.New("intervals.hlog: no interval of good answers")
	}
	end := s.Duration.Seconds()
	for _, m := range intervals {
		var v [3]float64 // start and length in seconds, slowest in milliseconds
		for i := range v {
			v[i], _ = strconv.ParseFloat(string(m[i+1]), 64)
		}
		end = max(end, v[0]+v[1]+v[2]/1000)
	}
	if end > 0 {
		f.Rate = float64(f.OK) / end
	}
	return f, nil
}

var hlogLine = regexp.MustCompile(`(?m)^Tag=[^,]*/ok,([\d.]+),([\d.]+),([\d.]+),`)

// parseVegeta reads `vegeta report -type=json`. Its throughput is good answers
// per second until the last answer.
func parseVegeta(b []byte) (figures, error) {
	var s struct {
		Latencies struct {
			P50 time.Duration `json:"50th"`
			P90 time.Duration `json:"90th"`
			P95 time.Duration `json:"95th"`
			P99 time.Duration `json:"99th"`
			Max time.Duration
		}
		Requests            int64
		Throughput, Success float64
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return figures{}, fmt.Errorf("vegeta's report: %w", err)
	}
	ok := int64(math.Round(float64(s.Requests) * s.Success))
	l := s.Latencies
	return figures{
		quantiles: quantiles{P50: l.P50, P90: l.P90, P95: l.P95, P99: l.P99, Max: l.Max},
		Rate:      s.Throughput, OK: ok, Failed: s.Requests - ok, Done: s.Requests,
	}, nil
}

// parseK6 reads the metrics that the script's handleSummary prints.
// Iterations that k6 dropped, as no VU was free, are failed.
func parseK6(b []byte) (figures, error) {
	type metric struct{ Values map[string]float64 }
	var s map[string]metric
	if err := json.Unmarshal(b, &s); err != nil {
		return figures{}, fmt.Errorf("k6's summary: %w", err)
	}
	count := int64(s["http_reqs"].Values["count"])
	failed := int64(s["http_req_failed"].Values["passes"]) // k6 counts "yes, failed" as a pass
	took := func(name string) time.Duration { return millis(s["http_req_duration"].Values[name]) }
	f := figures{
		quantiles: quantiles{
			P50:  took("p(50)"),
			P90:  took("p(90)"),
			P95:  took("p(95)"),
			P99:  took("p(99)"),
			P999: took("p(99.9)"),
			Max:  took("max"),
		},
		OK:     count - failed,
		Failed: failed + int64(s["dropped_iterations"].Values["count"]),
		Done:   count,
	}
	if count > 0 {
		f.Rate = s["http_reqs"].Values["rate"] * float64(f.OK) / float64(count)
	}
	return f, nil
}

// parseBombardier reads what bombardierReport makes.
func parseBombardier(b []byte) (figures, error) {
	var s struct {
		Seconds, Max float64
		Good, Moved  int64
		Bad          []int64
		P50          float64 `json:"0.5"`
		P90          float64 `json:"0.9"`
		P95          float64 `json:"0.95"`
		P99          float64 `json:"0.99"`
		P999         float64 `json:"0.999"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return figures{}, fmt.Errorf("bombardier's report: %w", err)
	}
	took := func(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
	f := figures{
		quantiles: quantiles{
			P50:  took(s.P50),
			P90:  took(s.P90),
			P95:  took(s.P95),
			P99:  took(s.P99),
			P999: took(s.P999),
			Max:  took(s.Max),
		},
		OK: s.Good + s.Moved,
	}
	for _, n := range s.Bad {
		f.Failed += n
	}
	f.Done = f.OK + f.Failed
	if s.Seconds > 0 {
		f.Rate = float64(f.OK) / s.Seconds
	}
	return f, nil
}

// parseFortio reads the result of `fortio load -json -`, whose times are seconds.
func parseFortio(b []byte) (figures, error) {
	var s struct {
		ActualDuration    time.Duration
		RetCodes          map[string]int64 // -1: no answer
		DurationHistogram struct {
			Count       int64
			Max         float64
			Percentiles []struct{ Percentile, Value float64 }
		}
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return figures{}, fmt.Errorf("fortio's result: %w", err)
	}
	h := s.DurationHistogram
	took := make(map[float64]time.Duration)
	for _, p := range h.Percentiles {
		took[p.Percentile] = millis(1000 * p.Value)
	}
	f := figures{
		quantiles: quantiles{
			P50:  took[50],
			P90:  took[90],
			P95:  took[95],
			P99:  took[99],
			P999: took[99.9],
			Max:  millis(1000 * h.Max),
		},
		Done: h.Count,
	}
	for code, n := range s.RetCodes {
		if strings.HasPrefix(code, "2") || strings.HasPrefix(code, "3") {
			f.OK += n
		}
	}
	f.Failed = f.Done - f.OK
	if s.ActualDuration > 0 {
		f.Rate = float64(f.OK) / s.ActualDuration.Seconds()
	}
	return f, nil
}

// parsePlow reads `plow --summary --json`, whose times are Go's durations.
func parsePlow(b []byte) (figures, error) {
	var s struct {
		Summary struct {
			Count  int64
			Counts map[string]int64 // by class of status
			RPS    float64
		}
		Statistics  struct{ Latency struct{ Max string } }
		Percentiles map[string]string
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return figures{}, fmt.Errorf("plow's summary: %w", err)
	}
	var errs []error
	took := func(text string) time.Duration {
		d, err := time.ParseDuration(text)
		errs = append(errs, err)
		return d
	}
	p := s.Percentiles
	f := figures{
		quantiles: quantiles{
			P50:  took(p["P50"]),
			P90:  took(p["P90"]),
			P95:  took(p["P95"]),
			P99:  took(p["P99"]),
			P999: took(p["P99.9"]),
			Max:  took(s.Statistics.Latency.Max),
		},
		OK:   s.Summary.Counts["2xx"] + s.Summary.Counts["3xx"],
		Done: s.Summary.Count,
	}
	if err := errors.Join(errs...); err != nil {
		return f, fmt.Errorf("plow's summary: %w", err)
	}
	f.Failed = f.Done - f.OK
	f.Rate = s.Summary.RPS * float64(f.OK) / float64(max(f.Done, 1))
	return f, nil
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

var (
	wrkTotal  = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkRate   = regexp.MustCompile(`(?m)^Requests/sec:\s+([\d.]+)`)
	wrkP50    = regexp.MustCompile(`(?m)^\s+50%\s+(\S+)`)
	wrkP90    = regexp.MustCompile(`(?m)^\s+90%\s+(\S+)`)
	wrkP99    = regexp.MustCompile(`(?m)^\s+99%\s+(\S+)`)
	wrkStatus = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkSocket = regexp.MustCompile(
		`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`,
	)
)

// parseWrk reads what `wrk --latency` prints.
func parseWrk(b []byte) (figures, error) {
	var r reader
	total, rate := r.number(b, wrkTotal), r.number(b, wrkRate)
	f := figures{
		quantiles: quantiles{
			P50: r.duration(b, wrkP50, ""),
			P90: r.duration(b, wrkP90, ""),
			P99: r.duration(b, wrkP99, ""),
		},
	}
	if r.err != nil {
		return f, fmt.Errorf("wrk's output: %w", r.err)
	}
	bad := sum(wrkStatus.FindSubmatch(b))
	f.OK = int64(total) - bad
	f.Failed = bad + sum(wrkSocket.FindSubmatch(b))
	f.Done = f.OK + f.Failed
	f.Rate = rate * float64(f.OK) / max(total, 1)
	return f, nil
}

var (
	heyRate   = regexp.MustCompile(`(?m)^\s+Requests/sec:\s+([\d.]+)`)
	heyP50    = regexp.MustCompile(`(?m)^\s+50%+ in ([\d.]+) secs`)
	heyP90    = regexp.MustCompile(`(?m)^\s+90%+ in ([\d.]+) secs`)
	heyP95    = regexp.MustCompile(`(?m)^\s+95%+ in ([\d.]+) secs`)
	heyMax    = regexp.MustCompile(`(?m)^\s+Slowest:\s+([\d.]+) secs`)
	heyP99    = regexp.MustCompile(`(?m)^\s+99%+ in ([\d.]+) secs`)
	heyStatus = regexp.MustCompile(`(?m)^\s+\[(\d{3})\]\s+(\d+) responses`)
	heyErrors = regexp.MustCompile(`(?m)^\s+\[(\d+)\]\s`)
)

// parseHey reads hey's summary.
func parseHey(b []byte) (figures, error) {
	var r reader
	rate := r.number(b, heyRate)
	f := figures{quantiles: quantiles{
		P50: r.duration(
			b,
			heyP50,
			"s",
		), P90: r.duration(b, heyP90, "s"), P95: r.duration(b, heyP95, "s"), P99: r.duration(b, heyP99, "s"),
		Max: r.duration(b, heyMax, "s"),
	}}
	if r.err != nil {
		return f, fmt.Errorf("hey's output: %w", r.err)
	}
	for _, m := range heyStatus.FindAllSubmatch(b, -1) {
		if m[1][0] == '2' || m[1][0] == '3' {
			f.OK += sum(m[1:])
		} else {
			f.Failed += sum(m[1:])
		}
	}
	_, tail, _ := bytes.Cut(b, []byte("Error distribution:"))
	for _, m := range heyErrors.FindAllSubmatch(tail, -1) {
		f.Failed += sum(m)
	}
	f.Done = f.OK + f.Failed
	f.Rate = rate * float64(f.OK) / float64(max(f.Done, 1))
	return f, nil
}

// sum adds up the groups of a match, as far as they are numbers; 0 without one.
func sum(match [][]byte) int64 {
	var n int64
	for _, m := range match[min(1, len(match)):] {
		v, _ := strconv.ParseInt(string(m), 10, 64)
		n += v
	}
	return n
}

// reader keeps the first thing that was looked for and not found.
type reader struct{ err error }

func (r *reader) text(b []byte, re *regexp.Regexp) string {
	m := re.FindSubmatch(b)
	if m == nil {
		if r.err == nil {
			r.err = fmt.Errorf("nothing that looks like %s", re)
		}
		return ""
	}
	return string(m[1])
}

func (r *reader) number(b []byte, re *regexp.Regexp) float64 {
	v, err := strconv.ParseFloat(r.text(b, re), 64)
	if r.err == nil {
		r.err = err
	}
	return v
}

func (r *reader) duration(b []byte, re *regexp.Regexp, unit string) time.Duration {
	v, err := time.ParseDuration(r.text(b, re) + unit)
	if r.err == nil {
		r.err = err
	}
	return v
}
