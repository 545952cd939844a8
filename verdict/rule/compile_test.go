package rule_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var names = rule.Names{
	Stages:   []string{"warmup", "steady", "spike"},
	Requests: []string{"browse", "checkout"},
	Flows:    []string{"checkout", "browse"}, // named like requests
	Faults:   []string{"kill-api", "slow-db"},
	Subjects: []timeline.Declared{
		{Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}},
		{Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "db"}},
		{Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "health"}},
		{Subject: timeline.Subject{Kind: timeline.MetricSubject, Name: "queue_depth"}},
		{Subject: timeline.Subject{Kind: timeline.LedgerSubject, Name: "orders"}},
		{Subject: timeline.Subject{Kind: timeline.MetricSubject, Name: "patch_age"},
			Unit: timeline.UnitDuration},
		{Subject: timeline.Subject{Kind: timeline.MetricSubject, Name: "traffic"},
			Unit: timeline.UnitBytesPerSec},
	},
}

// compile reads a rule over the metrics that there are.
func compile(src string, names rule.Names) (*verdict.Rule, *fielderr.Error) {
	r, wrong := verdict.Compile(src, names)
	if len(wrong) > 0 {
		return r, &wrong[0]
	}
	return r, nil
}

func TestCompileGood(t *testing.T) {
	ms := time.Millisecond
	tests := []struct {
		src    string
		limits []time.Duration
	}{
		{"p99 < 200ms", []time.Duration{200 * ms}},
		{"200ms > p99", []time.Duration{200 * ms}},
		{"p99.9 < 1.5s", []time.Duration{1500 * ms}},
		{"p99.99 <= 1h30m && error_rate < 0.1%", []time.Duration{90 * time.Minute}},
		{"p50 < 1d", []time.Duration{24 * time.Hour}},
		{"p99 < 200µs", []time.Duration{200 * time.Microsecond}},
		{"availability >= 99.99%", nil},
		{"rps > 5k/s", nil},
		{"rps >= 60/min", nil},
		{"throughput > 500/s", nil},
		{"bytes_in < 512MiB", nil},
		{"errors < 10k", nil},
		{"errors == 0", nil},
		{"unsent != 1000", nil},
		{`during("kill-api").error_rate < 5%`, nil},
		{`stage('steady').request("checkout").ok.p99.9 < 2 * before("kill-api").p99`, nil},
		{`request("checkout").stage("steady").service.p95 < 10ms`, []time.Duration{10 * ms}},
		{"every(10s).p99 < 500ms", []time.Duration{500 * ms}},
		{"window(60s, 90s).max < 1s", []time.Duration{time.Second}},
		{`fault("kill-api").recovery < 10s`, nil},
		{`fault("kill-api").outage < 10s`, nil},
		{"10ms < p99 < 200ms", []time.Duration{10 * ms, 200 * ms}},
		{"10ms < p99 + 5ms * 2 < 200ms", nil},
		{"not (p99 < 200ms)", []time.Duration{200 * ms}},
		{"!(p99 < 1s) or errors / done < 0.1", []time.Duration{time.Second}},
		{"p99 / p50 < 3", nil},
		{"p99 < 110% * p50", nil},
		{"p99 < 2 * 100ms", []time.Duration{200 * ms}},
		{"p99 < 200ms and p95 < 100ms and max < 1s",
			[]time.Duration{100 * ms, 200 * ms, time.Second}},
		{"((p99)) < (1s)", []time.Duration{time.Second}},
		{"p99\n  < 1s", []time.Duration{time.Second}},
		{"lag.p99 < 5ms", []time.Duration{5 * ms}},
		{"stddev < mean", nil},
		{`flow("checkout").p99 < 2s`, []time.Duration{2 * time.Second}},
		{`stage("steady").flow("checkout").during("kill-api").error_rate < 5%`, nil},
		{`every(10s).flow("browse").count > 0`, nil},
		{"connect.p99 < 5ms && handshake.count < 100", []time.Duration{5 * ms}},
		{"p99 < 1.1 * baseline.p99", nil},
		{`stage("steady").ok.p95 < baseline.stage("steady").ok.p95 + 5ms`, nil},
		{`request("checkout").error_rate < history(20).request("checkout").error_rate`, nil},
		{`during("kill-api").p99 < history(7).during("kill-api").p99`, nil},
		{`every(10s).p99 < 2 * baseline.p99`, nil},
		{`rps > 95% * stage("steady").baseline.rps`, nil},
		{"p0 < 200ms && ok.p99.999 < 1s", []time.Duration{200 * ms, time.Second}},
		{"p98 < 200ms", []time.Duration{200 * ms}},
		{"p97.5 < 200ms and ok.p12 > 1ms and service.p99.95 < 1s",
			[]time.Duration{ms, 200 * ms, time.Second}},
		{`during("kill-api").p0.1 < 1s`, []time.Duration{time.Second}},
		{`fault("kill-api").detection < 10s`, nil},
		{`fault("kill-api").detection(probe("health")) < 10s`, nil},
		{`fault("kill-api").detection(service("api/api-1")) < 1.5 * fault("slow-db").detection`, nil},
		{`fault("kill-api").detection(metric("queue_depth") >= 5) < 10s && p99 < 1s`,
			[]time.Duration{time.Second}},
		{`fault("kill-api").detection(metric("patch_age") > 5h) < 1m`, nil},
		{`fault("kill-api").detection(service("api").restarts > 0) <= 24h`, nil},
		{`p99.growth < 5ms/h`, nil},
		{`stage("steady").request("browse").ok.p95.growth < 1s/d && service.p99.9.growth < 5ms/h`, nil},
		{`mean.growth <= 0ms/h`, nil},
		{`worst(10s).p99 < 3 * p99`, nil},
		{`stage("steady").worst(10s).availability > 99% && every(5s).p50 < 1s`,
			[]time.Duration{time.Second}},
		{`worst(10s).service("api").cpu.p50 < 80%`, nil},
		{`share(10s, p99 < 200ms) >= 95%`, []time.Duration{200 * ms}},
		{`during("kill-api").share(1s, p99 < 200ms && error_rate < 1%) > 50% + 5%`,
			[]time.Duration{200 * ms}},
		{`share(10s, service("api").cpu < 80% || p50 < 1ms) == 100%`, []time.Duration{ms}},
		{`apdex(100ms) >= 0.9`, []time.Duration{100 * ms, 400 * ms}},
		{`during("kill-api").request("browse").apdex("1s") > 0.5 && p99 < 2s`,
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{`budget("99.9%", 30d) < 10%`, nil},
		{`stage("steady").budget(99.95%, 7d) < 1.1 * budget(99%, 1h)`, nil},
		{`service("api").cpu < 80%`, nil},
		{`service("api").cpu.max < 80%`, nil},
		{`service("api/api-2").memory.p99.9 < 80%`, nil},
		{`during("kill-api").service("api").memory.p95 < 1.1 * before("kill-api").service("api").memory.p95`,
			nil},
		{`service("api").stage("steady").window(5s, 9s).restarts == 0 && p99 < 1s`,
			[]time.Duration{time.Second}},
		{`every(10s).service("api").net_in.mean < 10MiB/s`, nil},
		{`service("db").net_in < 1GiB/h`, nil},
		{`service("api").memory.growth < 5%/h`, nil},
		{`service("api").memory_bytes.growth < 10MiB/h`, nil},
		{`service("api").memory_bytes.growth < 1MiB/s + 10MiB/d`, nil},
		{`service("api").files.growth < 100/h`, nil},
		{`probe("health").duration.growth < 5ms/h`, nil},
		{`probe("health").failures == 0 and probe("health").uptime >= 99.9%`, nil},
		{`probe("health").p99 < 50ms && probe("health").duration < 1s`, nil},
		{`metric("queue_depth").max < 1k`, nil},
		{`metric("patch_age").last < 72h`, nil},
		{`metric("traffic").p50 > 100kB/s`, nil},
		{`metric("queue_depth").value.last / count < 2`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			r, err := compile(tt.src, names)
			if err != nil {
				t.Fatalf("%s at %d: %s", err.Msg, err.Offset, err.Hint)
			}
			if diff := cmp.Diff(tt.limits, r.Limits()); diff != "" {
				t.Errorf("limits (-want +got):\n%s", diff)
			}
			if r.String() != tt.src {
				t.Errorf("String() = %q, want the source", r.String())
			}
		})
	}
}

// mistakes are rules that must not compile; what is said of each is in the
// golden file, and is to be read by a person when it changes.
var mistakes = []string{
	"", "   ",
	// Units.
	"p99 < 200", "p99 < 0", "p99 < 5%", "p99 < 5/s", "p99 < 512MiB", "200 > p99", "200mss",
	"p99 < 200mss", "p99 < 200 ms", "p99 < 200µx",
	"p99 < 1.2.3", "p99 < 0x10ms", "p99 < 1e3ms", "p99 < 5kk", "p99 < 1_000ms",
	"p99 < 999999999999999999999s",
	"error_rate < 1", "error_rate < 0.05", "error_rate < 200ms", "error_rate < 5 %",
	"error_rate < 5%%", "error_rate < 5%5",
	"rps > 500", "rps > 500 / s", "rps > 500/sec", "rps > 5s/min", "bytes_in < 512",
	"bytes_in < 512MiBs", "errors < 5%", "errors < 200ms", ".5 < p99", "5. < p99",
	"5% - 1", "5% - 1 < error_rate", "p99 + error_rate < 1s", "p99 - 1 < 1s", "p99 < error_rate",
	"p99 * p99 < 1s", "errors / p50 < 1",
	"errors < 5% * planned", "errors < 100/p50", "p99 < 2 * 5%", "p99 > 200ms + 5%",
	"p99 ** 2 < 1s", "p99 ^ 2 < 1s",
	// Not a comparison.
	"p99", "200ms", "p99 + p95", "during(\"kill-api\").p99", "1 < 2", "p99 < 1s && 1 < 2", "true",
	"p99 < 1s && p95", "p99 && p95 < 1s", "not p99 < 200ms",
	"!p99", "!(p99)", "(p99 < 1s) < 2s", "(p99 < 1s) == (p95 < 1s)", "p99 < (p95 < 1s)",
	"p99 + (p95 < 1s) < 1s",
	// Names.
	"p0.0 < 200ms", "p100 < 200ms", "p999 < 200ms", "p9990 < 200ms", "p05 < 200ms", "p99.90 < 200ms",
	"p0.0 < 1s", "ok.p100 < 1s", "p99_9 < 200ms", "P99 < 200ms", "eror_rate < 5%",
	"latency < 200ms", "x < 1", "service.p98.0 < 1s", "service.rps < 1/s",
	"ok < 1s", "ok. < 1s", "p99.p95 < 1s", "mean.max < 1s", "ok.service.p99 < 1s",
	"stage(\"stedy\").p99 < 1s", "stage(\"nothing like it\").p99 < 1s", "stage('').p99 < 1s",
	"request(\"chekout\").p99 < 1s", "during(\"kill-ap\").p99 < 1s",
	"stages(\"steady\").p99 < 1s", "foo(\"x\").p99 < 1s", "during(kill-api).p99 < 1s",
	"stage(steady).p99 < 1s", "stage(5s).p99 < 1s",
	// Words of other tools.
	"p(95) < 500ms", "p(95)<500", "p(99.9) < 1s && p95 < 1s", "stage(\"steady\").p(95) < 1s",
	"percentile(95) < 1s", "quantile(0.95) < 1s", "p(100) < 1s", "P(95) < 1s", "95th < 1s",
	"median < 10ms", "med<200", "avg < 10ms", "avg(95) < 1s", "ok.median < 1s", "ok.avg < 1s",
	"average_response_time < 1s", "avgResponseTime < 1s", "latencies.p95 < 1s",
	"latencies.mean < 1s",
	"http.response_time.p95 < 1s", "http_req_duration < 200ms", "http_req_duration.p95 < 1s",
	"http_req_duration.avg < 1s", "http_req_duration{status:200} < 1s", "http_req_failed < 1%",
	"http_req_failed.rate < 0.01", "http_reqs > 100", "iterations > 100", "checks > 99%",
	"vus < 100", "vus_max < 100", "success >= 99%", "success_ratio > 99%", "rate < 0.01",
	"fail_ratio < 1%", "successfulRequests > 99%", "failedRequests < 1%", "requestsPerSec > 100/s",
	"data_received < 1MiB", "dropped_iterations == 0", "http_req_waiting < 1s", "duration < 1s",
	// Scopes.
	"during < 1s", "during(\"kill-api\") < 1s", "during().p99 < 1s",
	"during(\"kill-api\", \"slow-db\").p99 < 1s", "p99.during(\"kill-api\") < 1s",
	"stage(\"steady\").stage(\"spike\").p99 < 1s",
	"request(\"browse\").request(\"browse\").p99 < 1s", "stage(\"steady\")(\"x\").p99 < 1s",
	"request(\"browse\").flow(\"checkout\").p99 < 1s",
	"flow(\"checkout\").stage(\"steady\").request(\"browse\").p99 < 1s",
	"flow(\"checkout\").flow(\"browse\").p99 < 1s", "flow(\"chekout\").p99 < 1s",
	"flow(\"checkout\") < 1s", "flow.p99 < 1s", "connect < 1s", "connect.p980 < 1s",
	"flow(\"checkout\").connect.p99 < 5ms",
	"stage(\"steady\").flow(\"checkout\").handshake.count < 5",
	"every(10).p99 < 1s", "every(500ms).p99 < 1s", "every(0s).p99 < 1s",
	"every(10s).every(10s).p99 < 1s", "every(10s).p99 < 1s && every(20s).p99 < 1s",
	"every(\"10s\").p99 < 1s", "every(5s + 5s).p99 < 1s", "window(90s, 60s).p99 < 1s",
	"window(60s).p99 < 1s", "window(1.5s, 3s).p99 < 1s",
	"fault(\"kill-api\").p99 < 1s", "fault(\"kill-api\") < 1s", "recovery < 1s",
	"during(\"kill-api\").recovery < 1s", "stage(\"steady\").fault(\"kill-api\").recovery < 1s",
	"fault(\"kill-api\").recovery < 5", "(p99).p95 < 1s", "5ms.p99 < 1s", "\"a\".p99 < 1s",
	"(1s < p99).p99 < 1s",
	// What shows a fault.
	"detection < 1s", "fault(\"kill-api\").detection() < 1s", "fault(\"kill-api\").detection < 5",
	"fault(\"kill-api\").detection(p99 < 1s) < 1s", "fault(\"kill-api\").detection(5) < 1s",
	"fault(\"kill-api\").detection(metric(\"queue_depth\")) < 1s",
	"fault(\"kill-api\").detection(metric(\"queue_depth\") > 5%) < 1s",
	"fault(\"kill-api\").detection(metric(\"queue_depth\").max > 5) < 1s",
	"fault(\"kill-api\").detection(service(\"api\").cpu.max > 5%) < 1s",
	"fault(\"kill-api\").detection(service(\"api\").cp > 5%) < 1s",
	"fault(\"kill-api\").detection(service(\"api\").cpu) < 1s",
	"fault(\"kill-api\").detection(probe(\"helth\")) < 1s",
	"fault(\"kill-api\").detection(probe(\"health\"), probe(\"health\")) < 1s",
	"fault(\"kill-api\").detection(metric(\"queue_depth\") > p99) < 1s",
	"fault(\"kill-api\").detection(stage(\"steady\")) < 1s", "probe(\"health\").detection < 1s",
	"fault(\"kill-api\").detection(\"health\") < 1s", "during(\"kill-api\").detection < 1s",
	"fault(\"kill-api\").recovery(probe(\"health\")) < 1s",
	// Growth.
	"p99.growth < 5ms", "p99.growth < 5%/h", "error_rate.growth < 5%/h", "rps.growth > 1/s",
	"every(10s).p99.growth < 5ms/h", "worst(10s).p99.growth < 5ms/h", "stddev.growth < 5ms/h",
	"share(10s, p99.growth < 5ms/h) > 5%", "p99.growth.growth < 5ms/h", "growth < 5ms/h",
	"p99.grow < 5ms/h", "count.growth < 5/h",
	// Slices as figures.
	"worst(10s).count > 5", "worst(10).p99 < 1s", "worst(10s).every(10s).p99 < 1s",
	"worst(10s).planned == 0", "worst(500ms).p99 < 1s", "worst(10s) < 1s",
	"worst(10s).fault(\"kill-api\").recovery < 1s", "worst(10s).bytes_in < 1MiB",
	"share(10s) > 5%", "share(10s, p99) > 5%", "share(p99 < 1s, 10s) > 5%", "share > 5%",
	"share(10s, p99 < 5%) > 5%", "share(10s, 1s < 2s) > 5%", "share(10s, every(5s).p99 < 1s) > 5%",
	"share(10s, share(5s, p99 < 1s) > 5%) > 5%", "share(10s, p99 < 1s).p99 > 5%",
	"share(10s, p99 < 1s) > 5", "share(10s, p99 < 1s)", "share(500ms, p99 < 1s) > 5%",
	"service(\"api\").share(10s, p99 < 1s) > 5%", "share(10s, fault(\"kill-api\").recovery < 1s) > 5%",
	"shar(10s, p99 < 1s) > 5%", "share(5s, p99 < 1s && during(\"kill-api\").p50 < 1s) > 5%", "p99.share(10s, p99 < 1s) > 5%",
	// Earlier runs.
	"p99 < baseline", "p99 < baseline().p99", "p99 < baseline.p999", "p99 < baseline.lag.p99",
	"p99 < baseline.baseline", "p99 < history.p99", "p99 < history(20)", "p99 < history(0).p99",
	"p99 < history(2.5).p99", "p99 < history(20s).p99", "p99 < history(2000).p99",
	"p99 < baseline.history(20).p99", "p99 < baseline.every(10s).p99", "p99 < baseline.window(1s, 2s).p99",
	"p99 < stage(\"steady\").baseline.request(\"browse\").p99", "p99 < baseline.connect.p99",
	"p99 < p99.baseline", "fault(\"kill-api\").recovery < baseline.fault(\"kill-api\").recovery",
	"service(\"api\").cpu < baseline.service(\"api\").cpu", "p99 < basline.p99", "p99 < histori(20).p99",
	"apdex(1s) > baseline.apdex(1s)", "error_rate < baseline.p99",
	// With parentheses.
	"apdex < 0.9", "apdex() < 0.9", "apdex(100) < 0.9", "apdex(100ms, 1s) < 0.9", "apdex(0s) < 0.9",
	"apdex(100ms) < 90%", "apdex(p99) < 0.9", "apdex(100ms).p99 < 0.9", "apdx(100ms) < 0.9",
	"apdex(100ms).during(\"kill-api\") < 0.9", "p99(100ms) < 0.9", "apdex(50ms + 50ms) < 0.9",
	"budget(\"99.9%\") < 10%", "budget(\"99.9\", 30d) < 10%", "budget(\"100%\", 30d) < 10%",
	"budget(99.9%, 30) < 10%", "fault(\"kill-api\").apdex(1s) < 1", "flow.apdex(1s) < 1",
	// Subjects.
	"service(\"ap\").cpu < 80%", "service(\"api\") < 80%", "service(\"api\").cpu < 80",
	"service(\"api\").cp < 80%", "service(\"api\").cpu.maximum < 80%",
	"service(\"api\").cpu.avg < 80%", "service(\"api\").cpu.p100 < 80%",
	"service(\"api\").cpu.max.min < 80%", "service(\"api\").max < 80%",
	"service(\"api\").p99 < 1s", "service(\"api\").error_rate < 1%",
	"service(\"api\").failures == 0", "service(\"api\").restarts.max == 0",
	"service(\"api\").healthy.p95 > 9%",
	"service(\"ap/api-1\").cpu < 80%", "probe(\"health/x\").uptime > 9%",
	"service(\"api\").service(\"db\").cpu < 80%",
	"request(\"browse\").service(\"api\").cpu < 80%",
	"service(\"api\").flow(\"checkout\").cpu < 80%",
	"fault(\"kill-api\").service(\"api\").cpu < 80%",
	"service(\"api\").cpu.growth < 5%", "service(\"api\").net_in.growth < 1MiB/s",
	"service(\"api\").memory_bytes.growth < 10MiB", "service(\"api\").files.growth < 5%/h",
	"service(\"api\").memory.max < 10MiB", "10MiB > service(\"api\").memory.max",
	"service(\"api\").memory_bytes < 80%", "service(\"api\").cpu.p95 < 2",
	"service(\"api\").cpu_cores < 80%", "service(\"api\").cpu < 1s",
	"service(\"api\").net_in < 10MiB", "service(\"api\").net_in < 10/s",
	"service(api).cpu < 80%", "service < 80%", "cpu < 80%", "probe < 1",
	"probe(\"health\") < 1s", "probe(\"health\").uptime < 1", "probe(\"helth\").uptime > 9%",
	"metric(\"queue_depth\") < 5", "metric(\"queue_depth\").value < 5",
	"metric(\"queue_depth\").latest < 5", "metric(\"patch_age\").last < 72",
	"metric(\"queue_depht\").last < 72", "metric.last < 5",
	"every(10s).service(\"api\").cpu < 80% && every(5s).p99 < 1s",
	"p99 < 5ms/h", "error_rate < 5%/h", "error_rate < 5%/x", "bytes_in < 5MiB/s", "rps > 5/x",
	// Syntax.
	"p99 <", "< 200ms", "p99 < < 200ms", "p99 = 200ms", "p99 =< 200ms", "p99 => 200ms",
	"p99 <> 200ms", "p99 ≤ 200ms", "p99 < 200ms )", "(p99 < 200ms", "()", "p99 p95 < 1s",
	"p99 < 1s & p95 < 1s", "p99 < 1s | p95 < 1s", "p99 < 1s && ", "p99 < 1s && && p95 < 1s",
	"p99 < -5ms", "p99 < +5ms", "-p99 < 5ms", "p99 <= 1s, 2s", "p99. < 1s",
	"p99 < 200ms; p95 < 100ms", "p99 < 1s ? 1 : 2", "let x = 1; x", "p99 in 1", "p99 not in 1",
	"[p99] < 1s", "{a: p99} < 1s", "p99 < 1s // fast", "p99 < 1s /* fast */", "p99 < 1s # fast",
	"count(1) < 2", "max(p99, p95) < 1s", "p99 < p95(", "all([1], # > 0)", "p99 == \"a\"",
	"p99 == nil", "stage(\"steady).p99 < 1s", "stage('steady\n').p99 < 1s",
	`stage("st\x65ady").p99 < 1s`,
	"$env < 1", "p99..5 < 1s", "p99?.x < 1s", "b\"x\" < 1s", "p99 <\u00a01s", "5.p99 < 1s",
	"stage(\"größe\").p99 < 1s", "p99 < 200ms ; ", "not", "not not",
	"p99 < 1s and", "and p99 < 1s", "p99 !< 1s", "a" + strings.Repeat("b", 80) + " < 1",
}

func TestCompileMistakes(t *testing.T) {
	var b strings.Builder
	for _, src := range mistakes {
		r, err := compile(src, names)
		if err == nil {
			t.Errorf("%q compiled", src)
			continue
		}
		if r != nil {
			t.Errorf("%q: a rule beside an error", src)
		}
		checkPosition(t, src, err)
		b.WriteString(render(src, err))
	}
	golden := filepath.Join("testdata", "mistakes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("messages changed; read them, then run with -update (-want +got):\n%s", diff)
	}
}

func checkPosition(t *testing.T, src string, err *fielderr.Error) {
	t.Helper()
	if err.Offset < 0 || err.Len < 0 || err.Offset+err.Len > len(src) {
		t.Errorf("%q: position %d+%d lies outside of the source", src, err.Offset, err.Len)
	} else if utf8.ValidString(src) &&
		(!utf8.ValidString(src[:err.Offset]) ||
			!utf8.ValidString(src[err.Offset:err.Offset+err.Len])) {
		t.Errorf("%q: position %d+%d cuts a character", src, err.Offset, err.Len)
	}
	if err.Msg == "" {
		t.Errorf("%q: no message", src)
	}
}

// render shows a mistake as a user sees it.
func render(src string, e *fielderr.Error) string {
	line := strings.NewReplacer("\n", "⏎", "\t", " ").Replace(src)
	pad := strings.Repeat(" ", utf8.RuneCountInString(src[:e.Offset]))
	carets := strings.Repeat("^", max(1, utf8.RuneCountInString(src[e.Offset:e.Offset+e.Len])))
	out := fmt.Sprintf("  %s\n  %s%s\n%s\n", line, pad, carets, e.Msg)
	if e.Hint != "" {
		out += "hint: " + e.Hint + "\n"
	}
	return out + "\n"
}

func TestCompileTooLong(t *testing.T) {
	src := "p99 < 1s" + strings.Repeat(" ", rule.MaxSource)
	_, err := compile(src, names)
	if err == nil || !strings.Contains(err.Msg, "at most 1000 bytes") {
		t.Fatalf("got %v, want a complaint about the length", err)
	}
}

func TestCompileNotUTF8(t *testing.T) {
	_, err := compile("p99 \xff< 1s", names)
	if err == nil || err.Offset != 4 || !strings.Contains(err.Msg, "UTF-8") {
		t.Fatalf("got %+v, want a complaint at 4", err)
	}
}

// A short rule must not take long: expr shares the middle of chained comparisons, and were it
// looked at twice, the work would double with each level. Were it so, this test would not end.
func TestCompileNestedChains(t *testing.T) {
	for _, inner := range []string{"(%s)", "(1+%s)", "(1 * (%s))"} {
		src := "p99"
		for range 50 {
			if next := "1<" + fmt.Sprintf(inner, src) + "<1"; len(next) < rule.MaxSource {
				src = next
			}
		}
		if _, err := compile(src, names); err == nil {
			t.Errorf("%s compiled", src)
		}
	}
	for _, src := range []string{
		strings.Repeat("!", 900) + "(p99 < 1s)",
		strings.Repeat("not ", 240) + "(p99 < 1s)",
		strings.Repeat("!(p99<1s&&", 80) + "p99<1s" + strings.Repeat(")", 80),
		strings.Repeat("p99<1s&&(p99<1s||(", 45) + "p99<1s" + strings.Repeat(")", 90),
		"p99 < 1s" + strings.Repeat("*(1+1", 150) + strings.Repeat(")", 150),
		"p99 <" + strings.Repeat("(1s+(2*", 90) + "1s" + strings.Repeat(")", 180),
		"1s" + strings.Repeat("<p99", 240),
	} {
		if _, err := compile(src, names); err != nil {
			t.Errorf("%s: %v at %d", src, err, err.Offset)
		}
	}
	deep := strings.Repeat("(", 490) + "p99" + strings.Repeat(")", 490) + " < 1s"
	if _, err := compile(deep, names); err != nil {
		t.Errorf("deep parentheses: %v", err)
	}
}

func TestCompileWithoutNames(t *testing.T) {
	_, err := compile(`during("kill-api").p99 < 1s`, rule.Names{})
	if err == nil || err.Hint != "the scenario has no faults" {
		t.Fatalf("got %+v", err)
	}
}

func TestWindowBeyondTheEnd(t *testing.T) {
	names := rule.Names{End: time.Minute}
	for src, want := range map[string]string{
		"window(0s, 5s).p99 < 1s":    "",
		"window(50s, 100s).p99 < 1s": "", // what there is of it
		"window(60s, 90s).p99 < 1s": "expected a window of the load, which ends at 1m, found " +
			"one that begins at 1m: nothing is due there",
	} {
		_, err := compile(src, names)
		if got := ""; err != nil {
			if got = err.Msg; got != want || src[err.Offset:err.Offset+err.Len] != "60s" {
				t.Errorf("%s: %s at %d, want %q", src, got, err.Offset, want)
			}
		} else if want != "" {
			t.Errorf("%s: no mistake, want %q", src, want)
		}
	}
	if _, err := compile("window(60s, 90s).p99 < 1s", rule.Names{}); err != nil {
		t.Errorf("of a load of unknown length: %v", err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, src := range mistakes {
		f.Add(src)
	}
	for _, src := range verdict.Default(names) {
		f.Add(src)
	}
	// Whatever stands in a rule, compiling it neither panics nor points outside of it.
	f.Fuzz(func(t *testing.T, src string) {
		r, err := compile(src, names)
		if err == nil {
			return
		}
		if r != nil {
			t.Error("a rule beside an error")
		}
		checkPosition(t, src, err)
	})
}

// TestScopes: the examples that the manual shows compile.
func TestScopes(t *testing.T) {
	for _, s := range rule.Scopes() {
		if s.Doc == "" || s.Args == "" || !strings.HasPrefix(s.Example, s.Name+"(") {
			t.Errorf("scope %+v lacks doc, args or an example", s)
		}
		compared := map[string]string{
			"fault": "recovery < 1s", "service": "cpu < 1%", "probe": "p99 < 1s",
			"metric": "last < 1", "ledger": "lost == 0",
		}[s.Name]
		if compared == "" {
			compared = "p99 < 1s"
		}
		if _, err := compile(s.Example+"."+compared, names); err != nil {
			t.Errorf("the example of scope %s: %v", s.Name, err)
		}
		if !strings.Contains(rule.ScopeTable(), s.Example) {
			t.Errorf("scope %s is not in the table", s.Name)
		}
	}
}
