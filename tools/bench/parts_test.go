package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	got, err := parseRates(" 5000 100 5000 ")
	if err != nil || !slices.Equal(got, []int{100, 5000}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"5k", "-1", "0", "49"} {
		if _, err := parseRates(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParts(t *testing.T) {
	for text, want := range map[string][]string{
		"":             {peak, open, stall, known, overload, micro}, // memory takes two minutes
		"memory":       {memory},
		"peak, micro":  {peak, micro},
		"stall memory": {stall, memory},
	} {
		if got, err := parseParts(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := parseParts("peak,opne"); err == nil || !strings.Contains(err.Error(), `"opne"`) || !strings.Contains(err.Error(), known) {
		t.Errorf("a part that is not there: %v", err)
	}
}

// Every part has loads, each load tools, and each tool is one of the sitting's;
// no two runs would be taken for one another.
func TestCatalog(t *testing.T) {
	s := &sitting{Each: time.Second, Rates: []int{5000, 20000}}
	names := []string{"ordeal fast", "ordeal http", "ordeal vegeta", "wrk", "vegeta", "hey", "k6", "bombardier", "fortio", "plow", "wrk2"}
	seen := make(map[key]bool)
	for _, p := range catalog {
		loads := p.loads(s)
		if len(loads) == 0 {
			t.Errorf("%s: no loads", p.name)
		}
		for _, l := range loads {
			if l.Part != p.name || l.For <= 0 {
				t.Errorf("%s: %+v", p.name, l)
			}
			if _, ok := manners[l.From]; !ok && l.From != "" {
				t.Errorf("%s: no manner %q", p.name, l.From)
			}
			tools := p.tools(l)
			if len(tools) == 0 {
				t.Errorf("%s, %v: no tools", p.name, l)
			}
			for _, name := range tools {
				if !slices.Contains(names, name) {
					t.Errorf("%s: no tool %q", p.name, name)
				}
				if k := (key{l, name}); seen[k] {
					t.Errorf("twice: %+v", k)
				} else {
					seen[k] = true
				}
			}
		}
	}
}

// A third to connect in, a sixtieth at the end, and together what was asked.
func TestStages(t *testing.T) {
	for _, tt := range []struct {
		load load
		want string
	}{
		{load{Part: peak, For: 3 * time.Second}, "    - { name: hold, users: 50, for: 3000ms }\n"},
		{load{Part: known, Rate: 1000, For: 10100 * time.Millisecond}, "    - { name: hold, rate: 1000/s, for: 10100ms }\n"},
		{load{Part: open, Rate: 5000, For: 3 * time.Second}, "    - { name: start, rate: 5000/s, for: 1000ms }\n" +
			"    - { name: hold, rate: 5000/s, for: 1950ms }\n    - { name: end, rate: 5000/s, for: 50ms }\n"},
	} {
		if got := tt.load.stages(); got != tt.want {
			t.Errorf("%+v:\n%s", tt.load, got)
		}
	}
}

// Each run of nginx has an address of its own until all have been used.
func TestAddresses(t *testing.T) {
	s := &server{port: 80}
	seen := make(map[string]bool)
	for range addresses {
		seen[s.next()] = true
	}
	if len(seen) != addresses || !seen["http://127.0.0.1:80"] || seen["http://127.0.0.0:80"] {
		t.Errorf("%d addresses: %v", len(seen), seen)
	}
}

// What each tool is told: the limits are the user's way to bound it.
func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		tool tool
		load load
		want string
	}{
		{vegeta("v", ""), atStall(10), "v attack -rate 1000 -duration 10s -timeout 5s -output DIR/results.bin -max-workers 10 -workers 10"},
		{vegeta("v", ""), atStall(0), "v attack -rate 1000 -duration 10s -timeout 5s -output DIR/results.bin"},
		{vegeta("v", ""), load{Part: peak, For: time.Second}, "v attack -rate 0 -duration 1s -timeout 5s -output DIR/results.bin -max-workers 50 -workers 50"},
		{hey("h", ""), atStall(10), "h -z 10s -c 10 -t 5 -q 100 URL/"},
		{hey("h", ""), atKnown(), "h -z 10.1s -c 50 -t 5 -q 20 URL/"},
		{hey("h", ""), load{Part: peak, For: time.Second}, "h -z 1s -c 50 -t 5 URL/"},
		{bombardier("b", ""), atStall(10), "b -c 10 -d 10s -t 5s --fasthttp -l -p r -o path:DIR/report.tmpl -r 1000 URL/"},
		{bombardier("b", ""), load{Part: peak, For: time.Second}, "b -c 50 -d 1s -t 5s --fasthttp -l -p r -o path:DIR/report.tmpl URL/"},
		{fortio("f", ""), atStall(10), "f load -quiet -c 10 -qps 1000 -timeout 5s -r 0.001 -p 50,90,95,99,99.9 -json - -uniform -n 10000 URL/"},
		{fortio("f", ""), atKnown(), "f load -quiet -c 50 -qps 1000 -timeout 5s -r 0.001 -p 50,90,95,99,99.9 -json - -uniform -n 10100 URL/"},
		{fortio("f", ""), load{Part: peak, For: time.Second}, "f load -quiet -c 50 -qps 0 -timeout 5s -r 0.00001 -p 50,90,95,99,99.9 -json - -t 1s URL/"},
		{plow("p", ""), load{Part: open, Rate: 5000, For: time.Second}, "p -c 50 -d 1s --timeout 5s --listen= --summary --json --rate 5000 URL/"},
		{plow("p", ""), load{Part: peak, For: time.Second}, "p -c 50 -d 1s --timeout 5s --listen= --summary --json URL/"},
		{wrk("w", ""), load{Part: peak, For: 3 * time.Second}, "w -t1 -c50 --timeout 5s --latency -d3 URL/"},
	} {
		dir := t.TempDir()
		c, err := tt.tool.start(job{load: tt.load, URL: "URL", Dir: dir})
		if got := strings.ReplaceAll(strings.Join(c.Args, " "), dir, "DIR"); err != nil || got != tt.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, tt.want)
		}
	}
}
