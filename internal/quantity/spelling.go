package quantity

import (
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// spellings are the words that people write for units, by the unit.
var spellings = map[string][]string{
	"ns": {"ns", "nanosecond", "nanoseconds", "nanos", "nsec"},
	"us": {"us", "µs", "microsecond", "microseconds", "micros", "usec"},
	"ms": {"ms", "millisecond", "milliseconds", "millis", "msec", "msecs"},
	"s":  {"s", "second", "seconds", "sec", "secs"},
	"m":  {"m", "minute", "minutes", "min", "mins"},
	"h":  {"h", "hour", "hours", "hr", "hrs"},
	"d":  {"d", "day", "days"},
	"%":  {"%", "percent", "per cent", "pct"},
	"/s": {
		"/s",
		"rps",
		"qps",
		"tps",
		"hz",
		"r/s",
		"req/s",
		"reqs/s",
		"requests/s",
		"/sec",
		"/second",
		"per second",
		"per s",
		"req/sec",
		"requests/sec",
		"requests per second",
	},
	"/m":  {"/m", "rpm", "qpm", "/min", "/minute", "per minute", "requests per minute"},
	"/h":  {"/h", "/hour", "per hour", "requests per hour"},
	"KiB": {"kib", "kibibytes"},
	"MiB": {"mib", "mebibytes"},
	"GiB": {"gib", "gibibytes"},
	"kB":  {"kb", "kilobytes"},
	"MB":  {"mb", "megabytes"},
	"GB":  {"gb", "gigabytes"},
	"B":   {"b", "byte", "bytes"},
}

var (
	numberAndWord = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*(\D*[^\s\d.])\.?$`)
	lastUnitLeft  = regexp.MustCompile(`^[0-9]+([hm])[0-9]+$`)
)

// Spelled is how to write a quantity that was written in words, "20 seconds" as
// 20s, "100 rps" as 100/s; nothing if it is not known what was meant.
func Spelled(text string) string {
	text = strings.TrimSpace(text)
	if m := lastUnitLeft.FindStringSubmatch(text); m != nil {
		return text + map[string]string{"h": "m", "m": "s"}[m[1]]
	}
	m := numberAndWord.FindStringSubmatch(text)
	if m == nil || m[2] == "M" { // a million, a minute or a megabyte
		return ""
	}
	word := strings.ToLower(m[2])
	unit, distance := "", 3
	for _, u := range sortedUnits {
		for _, w := range spellings[u] {
			switch d := suggest.Distance(word, w); {
			case d == 0:
				return m[1] + u
			case len(w) > 5 && d < distance:
				unit, distance = u, d
			}
		}
	}
	if unit == "" {
		return ""
	}
	return m[1] + unit
}

var sortedUnits = func() []string {
	var units []string
	for u := range spellings {
		units = append(units, u)
	}
	slices.Sort(units)
	return units
}()
