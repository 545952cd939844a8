// Package quantity reads and prints numbers with units, as they stand in
// scenario files, rules and reports: 200ms, 1h30m, 500/s, 5k/s, 0.1%, 512MiB.
//
// It knows nothing of scenarios or rules: what a number means is its caller's
// business.
package quantity

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration of at least zero: Go's notation, and d for
// days. A bare number is refused, as it would leave the unit to a guess; 0 is
// the one exception.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if s == "" {
		return 0, errors.New("expected a duration such as 200ms, found nothing")
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fmt.Errorf(
			"expected a duration with a unit such as %sms or %ss, found the bare number %s",
			s,
			s,
			s,
		)
	}
	if strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("expected a duration of at least 0, found %s", s)
	}
	wrong := fmt.Errorf("expected a duration such as 200ms, 5s or 1h30m, found %q", s)
	days, rest := 0.0, s
	if n, after, ok := strings.Cut(s, "d"); ok {
		d, err := strconv.ParseFloat(n, 64)
		if !isDecimal(n) || err != nil {
			return 0, wrong
		}
		days, rest = d, after
	}
	var d time.Duration
	if rest != "" {
		if strings.ContainsAny(rest[:1], "+-") {
			return 0, wrong
		}
		var err error
		if d, err = time.ParseDuration(rest); err != nil {
			if goDuration.MatchString(rest) {
				return 0, tooLong(s) // it is one, but overflows
			}
			return 0, wrong
		}
	}
	total := days*float64(24*time.Hour) + float64(d)
	if total > float64(math.MaxInt64/2) {
		return 0, tooLong(s)
	}
	if days == 0 {
		return d, nil
	}
	return time.Duration(total), nil
}

// goDuration is the notation of time.ParseDuration, without a sign.
var goDuration = regexp.MustCompile(`^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`)

func tooLong(s string) error {
	return fmt.Errorf("expected a duration below 146 years, found %s", s)
}

// ParseRate reads a rate per second: 500/s, 5k/s, 30/m, 10/h.
func ParseRate(s string) (float64, error) {
	n, unit, ok := strings.Cut(s, "/")
	if !ok {
		return 0, fmt.Errorf("expected a rate such as 50/s or 5k/s, found %q", s)
	}
	per, ok := map[string]float64{"s": 1, "m": 60, "min": 60, "h": 3600}[unit]
	if !ok {
		return 0, fmt.Errorf("expected a rate per /s, /m or /h, found %q", s)
	}
	v, err := ParseCount(n)
	if err != nil {
		return 0, fmt.Errorf("expected a rate such as 50/s or 5k/s, found %q", s)
	}
	return v / per, nil
}

// ParseFraction reads a share such as 5% or 99.99%, as a fraction of one. The
// decimal point is moved in the text, not in the number, so that 99.9% is the
// float closest to 0.999.
func ParseFraction(s string) (float64, error) {
	n, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, fmt.Errorf("expected a percentage such as 5%%, found %q", s)
	}
	n = strings.TrimSpace(n)
	if !isDecimal(n) {
		return 0, fmt.Errorf("expected a percentage such as 5%%, found %q", s)
	}
	v, err := strconv.ParseFloat(n+"e-2", 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("expected a percentage of at least 0%%, found %q", s)
	}
	return v, nil
}

// ParseCount reads a plain number of at least zero, with k, M or G for
// thousands, millions and thousand millions.
func ParseCount(s string) (float64, error) {
	exp := ""
	n := s
	for suffix, e := range map[string]string{"k": "e3", "K": "e3", "M": "e6", "G": "e9"} {
		if cut, ok := strings.CutSuffix(s, suffix); ok {
			n, exp = cut, e
		}
	}
	if !isDecimal(n) {
		return 0, fmt.Errorf("expected a number such as 100 or 5k, found %q", s)
	}
	v, err := strconv.ParseFloat(n+exp, 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, errors.New("expected a smaller number")
	}
	return v, nil
}

var byteUnits = []struct {
	suffix string
	size   float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// ParseBytes reads a size in bytes: 512MiB, 2GB, 100B.
func ParseBytes(s string) (float64, error) {
	for _, u := range byteUnits {
		n, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		if !isDecimal(n) {
			break
		}
		v, err := strconv.ParseFloat(n, 64)
		if err != nil {
			break
		}
		return v * u.size, nil
	}
	return 0, fmt.Errorf("expected a size such as 512MiB or 2GB, found %q", s)
}

// isDecimal says whether s is a plain decimal of at least zero, digits with at
// most one point between them: no sign, exponent, hexadecimal, underscore, Inf or NaN.
func isDecimal(s string) bool {
	whole, part, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(part))
}

// FormatDuration prints d in three significant digits below a minute and in
// whole seconds above, for people: 0s, 850µs, 12.3ms, 1.2s, 2m3s.
func FormatDuration(d time.Duration) string {
	neg := ""
	if d < 0 {
		neg, d = "-", -max(d, -math.MaxInt64)
	}
	round := func(unit time.Duration) string {
		v := float64(d) / float64(unit)
		prec := 0
		switch {
		case v < 10:
			prec = 2
		case v < 100:
			prec = 1
		}
		return trimZeros(strconv.FormatFloat(v, 'f', prec, 64))
	}
	switch {
	case d == 0:
		return "0s"
	case d < time.Microsecond:
		return neg + strconv.FormatInt(int64(d), 10) + "ns"
	case d < 999500*time.Nanosecond:
		return neg + round(time.Microsecond) + "µs"
	case d < 999500*time.Microsecond:
		return neg + round(time.Millisecond) + "ms"
	case d < 59950*time.Millisecond:
		return neg + round(time.Second) + "s"
	}
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return neg + s
}

// FormatFraction prints a share as a percentage, keeping small ones and those
// near one apart from 0% and 100%.
func FormatFraction(f float64) string {
	p := f * 100
	prec := 2
	if (p > 0 && p < 0.01) || (p > 99.99 && p < 100) {
		prec = 4
	}
	s := trimZeros(strconv.FormatFloat(p, 'f', prec, 64))
	for prec < 15 && (s == "0" && p > 0 || s == "100" && p < 100) {
		prec++
		s = trimZeros(strconv.FormatFloat(p, 'f', prec, 64))
	}
	return s + "%"
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// FormatRate prints a rate per second. One that is too low to show is printed per minute, hour or
// day: the first of which it is at least one, or per day.
func FormatRate(r float64) string {
	if text := FormatCount(r); text != "0" || r == 0 {
		return text + "/s"
	}
	switch {
	case r*60 >= 1:
		return FormatCount(r*60) + "/m"
	case r*3600 >= 1:
		return FormatCount(r*3600) + "/h"
	}
	return FormatCount(r*86400) + "/d"
}

// FormatCount prints a number without exponent, with at most one decimal, two
// below ten.
func FormatCount(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	prec := 1
	if math.Abs(n) < 10 {
		prec = 2
	}
	return trimZeros(strconv.FormatFloat(n, 'f', prec, 64))
}

// FormatWhole prints a whole number with its thousands apart: 12,345.
func FormatWhole(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// FormatPercent prints a share of what can be had in whole percents; above 100%
// are only errors of measurement.
func FormatPercent(f float64) string { return fmt.Sprintf("%.0f%%", 100*min(f, 1)) }

// FormatBytes prints a size in binary units.
func FormatBytes(b float64) string {
	for _, u := range []struct {
		suffix string
		size   float64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if math.Abs(b) >= u.size {
			return FormatCount(b/u.size) + u.suffix
		}
	}
	return FormatCount(b) + "B"
}
