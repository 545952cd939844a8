package nethelper

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/chaos"
)

// slow is the condition of a latency.
func slow(delay, jitter time.Duration) chaos.NetCondition {
	return chaos.NetCondition{Latency: chaos.Latency{Delay: delay, Jitter: jitter}}
}

func TestParamsRoundTrip(t *testing.T) {
	for _, want := range []Params{
		{ID: "slow-db/1/db", Condition: slow(120*time.Millisecond, 30*time.Millisecond), Deadline: time.Hour, Seed: 1<<64 - 1},
		{ID: "-id", Condition: slow(time.Second, 0), Deadline: time.Second, Mechanism: "nft-proxy"},
	} {
		args := want.Args()
		if args[0] != "net" {
			t.Fatalf("expected the command net first, found %q", args)
		}
		got, err := parseParams(args[1:])
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("expected %+v, found %+v", want, got)
		}
	}
}

func TestParamsValidate(t *testing.T) {
	good := Params{Condition: slow(time.Second, 0), Deadline: time.Minute}
	tests := []struct {
		name   string
		change func(*Params)
		want   string
	}{
		{"no condition", func(p *Params) { p.Condition = chaos.NetCondition{} }, "expected a network condition that does something"},
		{"negative delay", func(p *Params) { p.Condition = slow(-time.Second, 0) }, "delay: expected one above 0"},
		{"huge delay", func(p *Params) { p.Condition = slow(time.Hour, 0) }, "at most 2m0s later, found 1h0m0s"},
		{"jitter above delay", func(p *Params) { p.Condition = slow(time.Second, 2*time.Second) }, "jitter: expected one of at most the delay"},
		{"negative jitter", func(p *Params) { p.Condition = slow(time.Second, -1) }, "jitter: expected one of at least 0"},
		{"no deadline", func(p *Params) { p.Deadline = 0 }, "expected a deadline"},
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		p := good
		tt.change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: expected an error with %q, found %v", tt.name, tt.want, err)
		}
	}
}

func TestMain_Usage(t *testing.T) {
	for _, args := range [][]string{nil, {"dance"}, {"net"}, {"net", "-condition", `{"latency":{"delay":1}}`, "-deadline", "1s", "more"}, {"net", "-condition", `{"melt":1}`}} {
		var out, stderr bytes.Buffer
		if code := Main(args, strings.NewReader(""), &out, &stderr); code != exitUsage || stderr.Len() == 0 {
			t.Errorf("%q: expected exit code %d and a message, found %d and %q", args, exitUsage, code, stderr.String())
		}
	}
}

func TestMessages(t *testing.T) {
	var buf bytes.Buffer
	want := []Message{
		{Event: EventReady},
		{Event: EventApplied, Mechanism: "nft-proxy", Evidence: "round trip 1ms → 2ms", Refused: []string{"netem: none"}},
		{Event: EventReverted, Stats: &Traffic{Conns: 1, Impaired: true}},
		{Event: EventError, Error: "a\nb", Dirty: true},
	}
	out := newOutput(&buf)
	for _, m := range want {
		out.send(m)
	}
	r := NewMessages(&buf)
	for _, w := range want {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(w, got); d != "" {
			t.Error(d)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("expected EOF, found %v", err)
	}
	for _, bad := range []string{"panic: oh\n", "{}\n", "[1]\n"} {
		if m, err := NewMessages(strings.NewReader(bad)).Next(); err == nil {
			t.Errorf("%q: expected an error, found %+v", bad, m)
		}
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"event":"applied","evidence":"slow"}` + "\n\n" + `{"event":"reverted","stats":{"conns":1}}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewMessages(bytes.NewReader(b))
		for range len(b) + 2 {
			m, err := r.Next()
			if err != nil {
				return
			}
			if m.Event == "" {
				t.Fatal("a message without an event was let through")
			}
		}
		t.Fatal("more messages than bytes")
	})
}

func FuzzParseParams(f *testing.F) {
	f.Add(`-condition {"latency":{"delay":1000,"jitter":5}} -deadline 1m`)
	f.Add("-condition {}")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseParams(strings.Fields(s))
		if err == nil && p.Validate() != nil {
			t.Fatalf("%q gave parameters that are not valid: %+v", s, p)
		}
	})
}
