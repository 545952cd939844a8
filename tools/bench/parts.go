package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load is what is asked of a tool.
type load struct {
	Part  string
	From  string        // the manner of the server; empty for nginx
	Rate  int           // arrivals per second; 0 is as fast as connections allow
	Limit int           // requests open at once; 0 is the tool's default
	For   time.Duration // how long
}

func (l load) String() string {
	switch {
	case l.Part == memory:
		return fmt.Sprintf("closed loop for %v", l.For)
	case l.Rate == 0:
		return "closed loop"
	case l.Limit > 0:
		return fmt.Sprintf("%s/s, %s open", thousands(int64(l.Rate)), thousands(int64(l.Limit)))
	case l.Part == overload:
		return fmt.Sprintf("%s/s, server: %s", thousands(int64(l.Rate)), l.From)
	}
	return thousands(int64(l.Rate)) + "/s"
}

// hostile says that good answers are not to be expected.
func (l load) hostile() bool { return l.From == refusesManner }

// The parts of a sitting.
const (
	peak     = "peak"
	open     = "open"
	stall    = "stall"
	known    = "distribution"
	overload = "overload"
	memory   = "memory"
	micro    = "micro"
)

// part is one thing that is measured with loads and tools.
type part struct {
	name   string
	rounds bool // as often as asked, otherwise once
	loads  func(s *sitting) []load
	tools  func(l load) []string
}

const (
	stallRate    = 1000
	knownRate    = 1000
	overloadRate = 20000
)

func atPeak(s *sitting) load        { return load{Part: peak, For: s.Each} }
func atRate(s *sitting, r int) load { return load{Part: open, Rate: r, For: s.Each} }
func atKnown() load {
	return load{Part: known, From: sharesManner, Rate: knownRate, For: 10100 * time.Millisecond}
}
func atStall(limit int) load {
	return load{
		Part:  stall,
		From:  stallManner,
		Rate:  stallRate,
		Limit: limit,
		For:   10 * time.Second,
	}
}

// atMemory goes as fast as connections allow: that carries millions of requests
// on any machine, where a rate that one does not hold would only show an overload.
func atMemory(d time.Duration) load { return load{Part: memory, For: d} }
func against(s *sitting, from string) load {
	return load{Part: overload, From: from, Rate: overloadRate, For: s.Each}
}

// The two runs that memory is judged by: as long as some 50,000/s take for a
// million requests, and for more than ten.
const (
	aMillion    = 20 * time.Second
	tenMillions = 240 * time.Second
)

var (
	racers = []string{
		"ordeal fast",
		"ordeal http",
		"wrk",
		"vegeta",
		"hey",
		"k6",
		"bombardier",
		"fortio",
		"plow",
		"wrk2",
	}
	truthful = []string{
		"ordeal fast",
		"ordeal http",
		"ordeal vegeta",
		"vegeta",
		"hey",
		"k6",
		"bombardier",
		"fortio",
	}
	survivors = []string{"ordeal fast", "ordeal http", "vegeta"}
)

// stallers are the tools of the stall test and how many requests each may have
// open: vegeta has no limit unless it is given one.
var stallers = []struct {
	limit int
	tools []string
}{
	{
		10,
		[]string{
			"ordeal fast",
			"ordeal http",
			"ordeal vegeta",
			"vegeta",
			"hey",
			"bombardier",
			"fortio",
		},
	},
	{50, []string{"k6"}},
	{2000, []string{"ordeal fast", "ordeal http", "ordeal vegeta", "k6"}},
	{0, []string{"vegeta"}},
}

func always(names []string) func(load) []string { return func(load) []string { return names } }

var catalog = []part{
	{peak, true, func(s *sitting) []load { return []load{atPeak(s)} }, always(racers)},
	{open, true, func(s *sitting) (out []load) {
		for _, r := range s.Rates {
			out = append(out, atRate(s, r))
		}
		return out
	}, always(racers)},
	{stall, false, func(*sitting) (out []load) {
		for _, v := range stallers {
			out = append(out, atStall(v.limit))
		}
		return out
	}, func(l load) []string {
		for _, v := range stallers {
			if v.limit == l.Limit {
				return v.tools
			}
		}
		return nil
	}},
	{known, false, func(*sitting) []load { return []load{atKnown()} }, always(truthful)},
	{overload, false, func(s *sitting) []load {
		return []load{against(s, slowManner), against(s, busyManner), against(s, refusesManner)}
	}, always(survivors)},
	{
		memory,
		false,
		func(*sitting) []load { return []load{atMemory(aMillion), atMemory(tenMillions)} },
		always([]string{"ordeal fast"}),
	},
}

func partNames() (names []string) {
	for _, p := range catalog {
		names = append(names, p.name)
	}
	return append(names, micro)
}

// parseParts reads the names of parts; all but memory, which takes five minutes,
// if there are none.
func parseParts(text string) ([]string, error) {
	names := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) == 0 {
		return slices.DeleteFunc(partNames(), func(n string) bool { return n == memory }), nil
	}
	for _, n := range names {
		if !slices.Contains(partNames(), n) {
			return nil, fmt.Errorf(
				"PARTS: expected some of %s, found %q",
				strings.Join(partNames(), ", "),
				n,
			)
		}
	}
	return names, nil
}

// parseRates reads the rates to measure, and sorts them: who fails at one is not asked for more.
func parseRates(text string) ([]int, error) {
	var out []int
	for _, f := range strings.Fields(text) {
		n, err := strconv.Atoi(f)
		if err != nil || n < connections {
			return nil, fmt.Errorf(
				"RATES: expected whole numbers of at least %d, found %q",
				connections,
				f,
			)
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
