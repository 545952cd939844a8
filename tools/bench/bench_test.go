package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProc(t *testing.T) {
	if got := highWater([]byte("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n")); got != 2<<20 {
		t.Errorf("VmHWM: %d", got)
	}
	stat := []byte("cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 1000 1 2 4 0 0\ncpu1 10 0 0 0 0 0 0 0 0 0\ncpu10 7 7 7 7 7 7 7 7 0 0\n")
	if got := busyIn(stat, 0, 1); got != 230*time.Millisecond {
		t.Errorf("busy: %v", got)
	}
}

func TestTimeWait(t *testing.T) {
	if got := timeWait([]byte("sockets: used 9\nTCP: inuse 2 orphan 0 tw 3745 alloc 2 mem 33\nUDP: inuse 1 mem 0\n")); got != 3745 {
		t.Error(got)
	}
}

func TestLoads(t *testing.T) {
	got, err := loads(" 5000 100 ")
	if err != nil || !slices.Equal(got, []int{0, 5000, 100}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"5k", "-1", "0", "49"} {
		if _, err := loads(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestFormats(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 999_900: "1 ms", 620 * time.Microsecond: "620 µs", 12345 * time.Microsecond: "12.3 ms", 1500 * time.Millisecond: "1.5 s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func run(rate float64, p50 time.Duration) outcome {
	return outcome{figures: figures{Rate: rate, P50: p50, P99: 2 * p50, OK: int64(rate)}, CPU: time.Second, RSS: 5 << 20}
}

func doubt(o outcome) outcome { o.Doubt = "had doubts"; return o }

// What is missing, failed or was never measured stands in the report with its
// reason; what was measured stands there as a median.
func TestReport(t *testing.T) {
	ms := time.Millisecond
	s := sitting{
		Rounds: 3, Each: time.Second, Loads: []int{0, 5000},
		Tools: []tool{
			{Name: "ordeal fast", Closed: "no closed loop yet"}, {Name: "vegeta"}, {Name: "hey"},
			{Name: "wrk", Open: "no open loop"}, {Name: "k6", Missing: "missing: no proxy"},
		},
		runs: map[key][]outcome{
			{"ordeal fast", 5000}: {run(5000, 1*ms), run(4000, 2*ms), doubt(run(5000, 9*ms))},
			{"vegeta", 5000}:      {run(2500, 2*ms), run(4000, 8*ms), {Err: "exit status 1: boom"}},
			{"hey", 5000}:         {{Err: "a"}, {Err: "b"}, {Err: "c"}},
			{"wrk", 0}:            {run(9, ms), run(7, ms), run(8, ms)},
		},
	}
	text := string(s.markdown())
	for _, want := range []string{
		"| ordeal fast | 5,000/s | yes | 2 ms |", // medians of three
		"| vegeta | 2,500/s | no | 2 ms |",       // the worse of two
		"| 0.50 | 2.00 |",                        // vegeta's ratios, round by round
		"- vegeta: 1 of 3 rounds gave no figures: exit status 1: boom.",
		"- hey: 3 of 3 rounds gave no figures: a.",
		"- ordeal fast: 1 of 3 rounds had doubts.",
		"- k6: missing: no proxy.",
		"- ordeal fast: no closed loop yet.",
		"- wrk: no open loop.",
		"| wrk | 8/s |",
		"| 100,000/s: ≥ 99.5 % of the rate | not measured; RATES adds it | – |",
		"| 5,000/s: ≥ 99.5 % of the rate | 100.0 % | yes |",
		"| 5,000/s | hey | 2 | b |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	if strings.Contains(text, "This sitting was disturbed") {
		t.Error("disturbed without anyone")
	}
	for k := range s.runs {
		for i := range s.runs[k] {
			s.runs[k][i].Others = 0.2
		}
	}
	if !strings.Contains(string(s.markdown()), "This sitting was disturbed") {
		t.Error("not said that the sitting was disturbed")
	}
}

func TestNoPathsOfThisMachine(t *testing.T) {
	for in, want := range map[string]string{
		"open /tmp/x-1/job/run/summary.json: no such file": "open summary.json: no such file",
		`fork/exec /usr/bin/a: "/home/me/b c"`:             `fork/exec a: "b c"`,
		"Get http://127.0.0.1:1/x: EOF":                    "Get http://127.0.0.1:1/x: EOF",
		"go install github.com/a/b@v1: exit status 1":      "go install github.com/a/b@v1: exit status 1",
	} {
		if got := public(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhy(t *testing.T) {
	for _, tt := range []struct {
		tool tool
		rate int
		want string
	}{
		{tool{}, 0, ""},
		{tool{}, 5, ""},
		{tool{Closed: "c", Open: "o"}, 0, "c"},
		{tool{Closed: "c", Open: "o"}, 5, "o"},
		{tool{Missing: "m", Closed: "c", Open: "o"}, 5, "m"},
	} {
		if got := tt.tool.why(tt.rate); got != tt.want {
			t.Errorf("%+v at %d: %q", tt.tool, tt.rate, got)
		}
	}
}
