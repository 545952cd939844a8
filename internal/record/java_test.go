package record

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// The Debian packages libhdrhistogram-java and default-jre-headless.
const javaHistogram = "/usr/share/java/hdrhistogram.jar"

// requireJava skips without Java's HdrHistogram, and fails where it must be.
func requireJava(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("java")
	if err == nil {
		_, err = os.Stat(javaHistogram)
	}
	if err == nil {
		return
	}
	if os.Getenv("ORDEAL_REQUIRE_JAVA") != "" {
		t.Fatalf("Java's HdrHistogram is needed here: %v; install libhdrhistogram-java and default-jre-headless", err)
	}
	t.Skipf("SKIPPED, not tested: reading intervals.hlog with Java's HdrHistogram: %v; install libhdrhistogram-java and default-jre-headless", err)
}

// logProcessor runs Java's HistogramLogProcessor, and returns the number of values
// that it found.
func logProcessor(t *testing.T, file string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "java", append([]string{"-cp", javaHistogram, "org.HdrHistogram.HistogramLogProcessor", "-i", file}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "Exception") {
		t.Fatalf("HistogramLogProcessor %v: %v\n%s", args, err, out)
	}
	// #[Max     =        9.998, Total count    =           42]
	_, total, ok := strings.Cut(string(out), "Total count    =")
	if !ok {
		t.Fatalf("HistogramLogProcessor %v gave no total:\n%s", args, out)
	}
	total, _, _ = strings.Cut(total, "]")
	return strings.TrimSpace(total)
}

// Java's HistogramLogProcessor reads a log, without a tag the sum of all requests
// and with one the distribution of that name.
func TestLogIsReadByJava(t *testing.T) {
	requireJava(t)
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	record := func(due time.Duration, request int, kind string) {
		a := attack.Arrival{Intended: due, Request: request}
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Dispatched: due, Sent: due, Done: due + 5*ms, Class: attack.Good, Code: 200, Kind: kind})
	}
	// The second second is empty, and one result comes when its interval was written.
	late := attack.Arrival{Intended: 40 * ms, Request: 1}
	r.Planned(late)
	for i := range 20 {
		record(time.Duration(i)*10*ms, i%2, "")
	}
	record(205*ms, 0, "status")
	clock.set(2100 * ms)
	record(2050*ms, 0, "")
	flow := attack.Arrival{Intended: 2051 * ms, IsFlow: true}
	r.Planned(flow)
	r.Record(0, &attack.Result{Arrival: flow, Dispatched: flow.Intended, Sent: flow.Intended, Done: flow.Intended + 9*ms, Class: attack.Good, Code: 200})
	r.maxInUse = 0
	clock.set(3 * sec)
	r.writeDue()
	r.Record(0, &attack.Result{Arrival: late, Dispatched: late.Intended, Sent: late.Intended, Done: 3 * sec, Class: attack.Good, Code: 200})
	if _, err := r.Finish(4*sec, false, nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.Dir, LogFile)
	if got := logProcessor(t, file); got != "23" {
		t.Errorf("expected 23 response times without a tag, found %s", got)
	}
	if got := logProcessor(t, file, "-tag", "warm%20up%2C%20slowly/browse/ok"); got != "11" {
		t.Errorf("expected 11 good ones of one request, found %s", got)
	}
}

// A run of which nothing was measured is a log of empty intervals, and no error.
func TestEmptyLogIsReadByJava(t *testing.T) {
	requireJava(t)
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	clock.set(4 * sec)
	if _, err := r.Finish(4*sec, false, nil); err != nil {
		t.Fatal(err)
	}
	if got := logProcessor(t, filepath.Join(c.Dir, LogFile)); got != "0" {
		t.Errorf("expected no values, found %s", got)
	}
}
