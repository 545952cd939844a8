package arrivals_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// A trace begins with an arrival, which must not look like twice as many.
func TestTraceRateAtItsEdges(t *testing.T) {
	second := time.Second
	sparse := traceOf("x", 1, 0, second, 2*second)
	for _, c := range []struct {
		name  string
		trace *arrivals.Trace
		at    time.Duration
		total time.Duration
		want  arrivals.Rate
	}{
		{"the beginning", sparse, 0, 3 * second, 1},
		{"the middle", sparse, 1500 * time.Millisecond, 3 * second, 1},
		{"the end", sparse, 3 * second, 3 * second, 1},
		{"shorter than a second", traceOf("x", 1, 0, 100*time.Millisecond), 0, 200 * time.Millisecond, 10},
		{"outside", sparse, 4 * second, 3 * second, 0},
	} {
		if got := c.trace.Rate(c.at, c.total); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestLoadTrace(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		text string
		want []time.Duration
	}{
		"seconds":             {"12.5\n12.75\n13\n", []time.Duration{0, 250 * ms, 500 * ms}},
		"below zero":          {"-0.5\n+.25\n1.\n", []time.Duration{0, 750 * ms, 1500 * ms}},
		"exponents":           {"0\n5e-05\n1.5E0\n", []time.Duration{0, 50 * time.Microsecond, 1500 * ms}},
		"Unix s":              {"1712345678.123456789\n1712345678.123456790\n", []time.Duration{0, 1}},
		"finer than ns":       {"0.0000000019\n0.1234567899999\n", []time.Duration{0, 123456788}},
		"Unix ms":             {"1712345678123\n1712345678124.5\n", []time.Duration{0, 1500 * time.Microsecond}},
		"Unix µs":             {"1712345678123456\n1712345678123457\n", []time.Duration{0, time.Microsecond}},
		"Unix ns":             {"1712345678123456789\n1712345678123456790\n", []time.Duration{0, 1}},
		"RFC 3339":            {"2026-01-31T08:00:00Z\n2026-01-31T10:00:00.25+02:00\n", []time.Duration{0, 250 * ms}},
		"comments and blanks": {"# a log\n\n  1 # the first\n\t2\t\r\n   \n", []time.Duration{0, time.Second}},
		"not in order":        {"3\n1\n2\n2\n", []time.Duration{0, time.Second, time.Second, 2 * time.Second}},
		"no last newline":     {"1\n2", []time.Duration{0, time.Second}},
		"byte order mark":     {"\ufeff1\n", []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "trace.txt")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := arrivals.LoadTrace(file)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("expected %v, found %v (%v)", c.want, got, err)
			}
		})
	}
}

func TestLoadTraceRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"# nothing\n", "trace.txt:1: expected one time a line, such as 12.5 or 2026-01-31T08:00:00Z, found none"},
		"words":           {"1\nGET /\n", `trace.txt:2: expected one time a line, in seconds such as 12.5, as a Unix time, or such as 2026-01-31T08:00:00Z, found "GET /"`},
		"two columns":     {"1 2\n", `trace.txt:1: expected one time a line`},
		"hexadecimal":     {"0x10\n", "trace.txt:1: expected one time"},
		"infinity":        {"Inf\n", "trace.txt:1: expected one time"},
		"underscore":      {"1_000\n", "trace.txt:1: expected one time"},
		"ms among s":      {"# t\n1712345678\n1712345678123\n", `trace.txt:3: expected seconds as on line 2, found a Unix time in ms: "1712345678123"`},
		"dates among µs":  {"1712345678123456\n2026-01-31T08:00:00Z\n", `expected a Unix time in µs as on line 1, found an RFC 3339 time: "2026-01-31T08:00:00Z"`},
		"a date only":     {"2026-01-31\n", `trace.txt:1: expected a time such as 2026-01-31T08:00:00.25Z, found "2026-01-31"`},
		"no such day":     {"2026-02-31T08:00:00Z\n", "trace.txt:1: expected a time such as"},
		"year 9999":       {"9999-01-01T00:00:00Z\n", "expected a time between the years 1678 and 2261"},
		"far seconds":     {"99999999999\n", "trace.txt:1: expected a time before the year 2262"},
		"far nanoseconds": {"99999999999999999999999\n", "trace.txt:1: expected a time before the year 2262"},
		"far exponent":    {"1e300\n", "trace.txt:1: expected a time before the year 2262"},
		"years apart":     {"0\n40000000\n", "trace.txt:1: expected times within a year, found 0 and 40000000"},
		"ages apart":      {"-9000000000\n9000000000\n", "trace.txt:1: expected times within a year"},
		"years of dates":  {"2026-01-31T08:00:00Z\n2028-01-31T08:00:00Z\n", "found 2026-01-31T08:00:00Z and 2028-01-31T08:00:00Z"},
		"a long line":     {"1\n" + strings.Repeat("1", 1<<17), "trace.txt:2: expected one time a line, found a line of more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "trace.txt")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := arrivals.LoadTrace(file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("expected %q, found %v", c.want, err)
			}
		})
	}
	if _, err := arrivals.LoadTrace(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there passes")
	}
	if _, err := arrivals.ParseTrace(strings.NewReader("1\n2\n3\n"), 2); err == nil || err.Error() != "3: expected at most 2 times, found more" {
		t.Errorf("found %v", err)
	}
	big, err := os.Create(filepath.Join(t.TempDir(), "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	if err := big.Truncate(arrivals.MaxTraceSize + 1); err != nil { // holes: it takes no space
		t.Fatal(err)
	}
	if _, err := arrivals.LoadTrace(big.Name()); err == nil || !strings.Contains(err.Error(), "expected at most 268435456 bytes") {
		t.Errorf("found %v", err)
	}
}

func TestNewTraceRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		speed    float64
		instants []time.Duration
		want     string
	}{
		"nothing":      {1, nil, "file: expected times, found none"},
		"out of order": {1, []time.Duration{0, 2, 1}, "file: expected times in order"},
		"not from 0":   {1, []time.Duration{1, 2}, "file: expected times in order, from 0 on"},
		"speed 0":      {0, []time.Duration{0}, "speed: expected a number above 0 and at most 1000000, found 0"},
		"negative":     {-1, []time.Duration{0}, "speed: expected a number above 0"},
		"no number":    {math.NaN(), []time.Duration{0}, "speed: expected a number above 0"},
		"too fast":     {1e7, []time.Duration{0}, "speed: expected a number above 0"},
		"too slow":     {1e-9, []time.Duration{0, time.Second}, "speed: expected a replay of at most a year"},
	} {
		_, wrong := arrivals.NewTrace("x", c.instants, c.speed)
		if err := wrong.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: expected %q, found %v", name, c.want, err)
		}
		namesFields(t, wrong)
	}
}

// The last arrival lies within the stage that a trace asks for.
func TestTraceLength(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		trace    *arrivals.Trace
		arrivals int
		want     time.Duration
	}{
		"mean gap":   {traceOf("x", 1, 0, s, 4*s), 3, 6 * s},
		"at speed 2": {traceOf("x", 2, 0, s, 4*s), 3, 3 * s},
		"lone":       {traceOf("x", 1, 0), 1, s},
		"no gap":     {traceOf("x", 1, 0, 0, 0), 3, s},
		"least gap":  {traceOf("x", 1, 0, 0, 0, 1), 4, 2},
	} {
		if got := c.trace.Length(); got != c.want {
			t.Errorf("%s: expected %s, found %s", name, c.want, got)
		}
		if n := c.trace.Expected(c.want, c.want); n != float64(c.arrivals) {
			t.Errorf("%s: %v of %d arrivals lie within %s", name, n, c.arrivals, c.want)
		}
	}
}

// plan.json tells traces apart by their instants, not by their names.
func TestTraceDigest(t *testing.T) {
	sum := func(tr *arrivals.Trace) string {
		b, err := tr.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	a := traceOf("x", 1, 0, 5)
	if sum(a) != sum(traceOf("x", 1, 0, 5)) || sum(a) == sum(traceOf("x", 1, 0, 6)) || sum(a) == sum(traceOf("x", 2, 0, 5)) {
		t.Errorf("found %s", sum(a))
	}
	// Pinned: sha256 of 16 bytes, of which the last is 5.
	const want = `{"file":"x","speed":1,"count":2,"sha256":"cb9a02f579da3ffa03dc3ed340e0162018c4c446875d8b15d9f4e23152b25822"}`
	if sum(a) != want {
		t.Errorf("expected %s, found %s", want, sum(a))
	}
}

func FuzzParseTrace(f *testing.F) {
	for _, s := range []string{
		"1\n2.5\n", "1712345678123\n", "2026-01-31T08:00:00.25Z\n2026-01-31T08:00:00+02:00\n", "# x\n\n-1e-3\n", "1\n1712345678123\n",
		"9223372036.854775807\n", "-9223372036.854775808\n9e9\n", "9223372036854775807\n-9223372036854775807\n", ".\n", "\ufeff1\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := arrivals.ParseTrace(bytes.NewReader(b), 1000)
		if err != nil {
			if line, _, ok := strings.Cut(err.Error(), ": "); !ok || strings.Trim(line, "0123456789") != "" {
				t.Errorf("no line in %q", err)
			}
			return
		}
		if n := bytes.Count(b, []byte("\n")) + 1; len(got) == 0 || len(got) > n {
			t.Fatalf("%d arrivals of %d lines: %v", len(got), n, got)
		}
		if got[0] != 0 || !slices.IsSorted(got) {
			t.Errorf("not in order from 0 on: %v", got)
		}
		if last := got[len(got)-1]; last > arrivals.MaxTrace {
			t.Errorf("the last is at %s, beyond %s", last, time.Duration(arrivals.MaxTrace))
		}
		tr, wrong := arrivals.NewTrace("x", got, 1)
		if wrong != nil {
			t.Fatal(wrong)
		}
		if total := tr.Length(); total > 0 && len(intended(all(oneStage(arrivals.Poisson, tr, total)), 0)) != len(got) {
			t.Errorf("%d arrivals are not all within %s", len(got), total)
		}
	})
}
