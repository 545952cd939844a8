package rule

import (
	"regexp"
	"strconv"
	"strings"
)

// Words of other load testers, and what a rule calls the same thing. Letters are
// small and words have no underscores, see plainWord. A word that is a metric or a
// scope here must not be listed.

// foreignMetrics says what to write for a metric of k6, vegeta, wrk, locust,
// artillery, JMeter or Gatling.
var foreignMetrics = foreignTable([]foreignWords{
	{"write p50, which is the median", "median med medianresponsetime"},
	{"write mean",
		"avg average averageresponsetime avgresponsetime meanresponsetime avglatency meanlatency"},
	{"write min", "minimum least minresponsetime"},
	{"write max", "maximum greatest maxresponsetime"},
	{"write stddev", "std stdev sd stddeviation standarddeviation"},
	{ofResponses + ", or mean, min or max: they are of the response time",
		"latency latencies responsetime responsetimes httpreqduration httpresponsetime " +
			"requestduration requesttime duration elapsed rt percentile percentiles"},
	{ofResponses + " of whole flows: flow(\"NAME\").p95",
		"iterationduration groupduration transactiontime vusersessionlength"},
	{"the time to the first byte is not measured: service.p95 is the time from sending to the " +
		"whole answer",
		"httpreqwaiting ttfb timetofirstbyte waiting firstbyte starttransfer"},
	{"sending and receiving are not measured apart: service.p95 is the time from sending to the " +
		"whole answer", "httpreqsending httpreqreceiving"},
	{"write connect.p95, the time to open a connection",
		"httpreqconnecting connecttime connectiontime connecting tcpconnect"},
	{"write handshake.p95, the time of the TLS handshake",
		"httpreqtlshandshaking tlshandshake tls appconnect"},
	{"write lag.p95, the time that a request waited before it was sent",
		"httpreqblocked blocked queuetime waittime"},
	{"write error_rate < 1%, or errors for their number",
		"httpreqfailed failratio failurerate failrate failureratio errorratio errorpercent " +
			"errorpercentage errrate failedrate kopercent percentko"},
	{"write errors for their number, or error_rate < 1%",
		"failed fails failures failedrequests numfailures errorcount failcount ko httperrors " +
			"nonok"},
	{"write availability >= 99%: the share of good answers",
		"success successrate successratio successpercent successfulrequests okrate percentok " +
			"uptime"},
	{"checks stand under expect: in a request, and an answer that fails one is an error: write " +
		"error_rate < 1%", "checks check assertions asserts"},
	{"write count for their number, or rps for answers per second",
		"httpreqs requests reqs totalrequests numrequests requestcount iterations allrequests " +
			"hits samples vuserscompleted"},
	{"write unsent: arrivals that could not be sent in time",
		"droppediterations dropped vusersfailed vusersskipped"},
	{"write rps for answers per second, throughput for good ones, or error_rate",
		"rate requestrate requestspersec requestspersecond reqrate totalrps qps tps hitspersec " +
			"hitspersecond reqspersec meanrequestspersec"},
	{"write bytes_in", "datareceived bytesreceived receivedbytes bytesin downloaded"},
	{"write bytes_out", "datasent bytessent sentbytes bytesout uploaded"},
	{"how many users there are is no figure of the run: a stage says it, users: 50",
		"vus vusmax users usercount virtualusers threads concurrency activeusers"},
})

// ofResponses begins the hint for what has many figures of its own.
const ofResponses = "write a percentile such as p95"

type foreignWords struct{ hint, words string }

func foreignTable(in []foreignWords) map[string]string {
	out := make(map[string]string)
	for _, f := range in {
		for w := range strings.FieldsSeq(f.words) {
			out[w] = f.hint
		}
	}
	return out
}

// plainWord is a word without what spelling adds to it: avgResponseTime and
// avg_response_time are one.
func plainWord(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// foreignMetric says what to write in place of another tool's metric, which may
// have parts: http_req_duration, latencies.p95, http.response_time.p95.
func (v vocabulary) foreignMetric(parts []string) (hint string, ok bool) {
	if len(parts) > 1 && plainWord(parts[0]) == "http" {
		parts = parts[1:]
	}
	hint, ok = foreignMetrics[plainWord(parts[0])]
	if last := parts[len(parts)-1]; ok && len(parts) > 1 && strings.HasPrefix(hint, ofResponses) {
		if v.isMetric(last) {
			return "write " + last, true
		}
		if better, ok := foreignMetrics[plainWord(last)]; ok {
			return better, true
		}
	}
	return hint, ok
}

// percentileCall is k6's p(95), and what others write like it.
var percentileCall = regexp.MustCompile(
	`(?i)^(p|pct|perc|percentile|quantile)\s*\(\s*["']?([0-9]+(?:\.[0-9]+)?)%?["']?\s*\)`)

// wholeLimit is the rest of a rule that has one comparison.
var wholeLimit = regexp.MustCompile(`^\s*(<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)?)([a-zµ]*)\s*$`)

// foreignCall says what to write in place of a word with parentheses that another
// tool has; rest begins with the word. before says that something stands before it.
func foreignCall(rest string, before bool) (hint string, ok bool) {
	m := percentileCall.FindStringSubmatch(rest)
	if m == nil {
		return "", false
	}
	n, err := strconv.ParseFloat(m[2], 64)
	if err == nil && strings.EqualFold(m[1], "quantile") && n < 1 {
		n *= 100
	}
	name := "p" + strconv.FormatFloat(n, 'f', -1, 64)
	switch {
	case n <= 0:
		name = "min"
	case n >= 100:
		name = "max"
	}
	if limit := wholeLimit.FindStringSubmatch(rest[len(m[0]):]); limit != nil && !before {
		unit := limit[3]
		if unit == "" {
			unit = "ms"
		}
		return "write " + name + " " + limit[1] + " " + limit[2] + unit, true
	}
	return "write " + name, true
}
