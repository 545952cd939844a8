package arrivals

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/textfile"
)

// The bounds of a trace: its instants take 8 bytes each.
const (
	maxTraceSize     = 256 << 20
	maxTraceArrivals = 10_000_000
)

// LoadTrace reads the instants at which requests came, one a line: seconds from
// any origin, Unix times in seconds, ms, µs or ns, or RFC 3339 times. The unit of a number is taken
// from its magnitude, and must be the same in all lines. Blank lines and comments, from # on, are
// skipped. The result is sorted, as logs are often a little out of order, and counts from the
// earliest instant.
func LoadTrace(path string) ([]time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxTraceSize {
		return nil, fmt.Errorf(
			"%s: expected at most %d bytes, found %d",
			path,
			maxTraceSize,
			info.Size(),
		)
	}
	instants, err := parseTrace(f, maxTraceArrivals)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return instants, nil
}

func parseTrace(r io.Reader, most int) ([]time.Duration, error) {
	var (
		out  []time.Duration // from the Unix epoch, or from whatever seconds count from
		unit timeUnit
		from int // the line from which the unit is known
		line int
	)
	lines := bufio.NewScanner(textfile.NewReader(r))
	for lines.Scan() {
		line++
		text, _, _ := bytes.Cut(lines.Bytes(), []byte("#"))
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		at, u, err := parseInstant(string(text))
		switch {
		case err != nil:
			return nil, textfile.AtLine(line, "%w", err)
		case len(out) == 0:
			unit, from = u, line
		case u != unit:
			return nil, textfile.AtLine(
				line,
				"expected %s as on line %d, found %s: %q",
				unit,
				from,
				u,
				plaintext.Clip(string(text), 60),
			)
		case len(out) == most:
			return nil, textfile.AtLine(line, "expected at most %d times, found more", most)
		}
		out = append(out, at)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, textfile.AtLine(
			line+1,
			"expected one time a line, found a line of more than %d bytes",
			bufio.MaxScanTokenSize,
		)
	} else if err != nil {
		return nil, textfile.AtLine(textfile.LineOf(err, line+1), "%w", err)
	}
	if len(out) == 0 {
		return nil, textfile.AtLine(
			1,
			"expected one time a line, such as 12.5 or 2026-01-31T08:00:00Z, found none",
		)
	}
	slices.Sort(out)
	first := out[0]
	if last := out[len(out)-1]; last-first < 0 || last-first > maxTrace {
		return nil, textfile.AtLine(
			from,
			"expected times within a year, found %s and %s",
			unit.show(first),
			unit.show(last),
		)
	}
	for i := range out {
		out[i] -= first
	}
	return out, nil
}

// timeUnit is a way to write an instant: a number of these, or a date.
type timeUnit time.Duration

const rfc3339 timeUnit = 0

func (u timeUnit) String() string {
	switch time.Duration(u) {
	case time.Second:
		return "seconds"
	case time.Millisecond:
		return "a Unix time in ms"
	case time.Microsecond:
		return "a Unix time in µs"
	case time.Nanosecond:
		return "a Unix time in ns"
	}
	return "an RFC 3339 time"
}

func (u timeUnit) show(at time.Duration) string {
	if time.Duration(u) == time.Second {
		return strconv.FormatFloat(at.Seconds(), 'f', -1, 64)
	}
	return time.Unix(0, int64(at)).UTC().Format(time.RFC3339Nano)
}

// unitOf tells the unit of a number by its magnitude: taken as a Unix time, it
// lies between the years 1973 and 5138 in one of them. Seconds can be smaller.
func unitOf(n float64) timeUnit {
	switch n = math.Abs(n); {
	case n < 1e11:
		return timeUnit(time.Second)
	case n < 1e14:
		return timeUnit(time.Millisecond)
	case n < 1e17:
		return timeUnit(time.Microsecond)
	}
	return timeUnit(time.Nanosecond)
}

// parseInstant reads one time, in nanoseconds. Finer digits are cut off.
func parseInstant(s string) (time.Duration, timeUnit, error) {
	if i := strings.IndexByte(s, '-'); i > 0 && s[i-1] >= '0' && s[i-1] <= '9' { // no exponent's
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return 0, 0, fmt.Errorf(
				"expected a time such as 2026-01-31T08:00:00.25Z, found %q",
				plaintext.Clip(s, 60),
			)
		}
		if y := t.Year(); y < 1678 || y > 2261 {
			return 0, 0, fmt.Errorf(
				"expected a time between the years 1678 and 2261, found %q",
				plaintext.Clip(s, 60),
			)
		}
		return time.Duration(t.UnixNano()), rfc3339, nil
	}
	wrong := func() (time.Duration, timeUnit, error) {
		return 0, 0, fmt.Errorf(
			"expected one time a line, in seconds such as 12.5, as a Unix time, or such as "+
				"2026-01-31T08:00:00Z, found %q",
			plaintext.Clip(s, 60),
		)
	}
	far := func() (time.Duration, timeUnit, error) {
		return 0, 0, fmt.Errorf(
			"expected a time before the year 2262, found %q",
			plaintext.Clip(s, 60),
		)
	}
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return wrong() // a hexadecimal number, Inf, a separator
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return wrong()
	}
	unit := unitOf(n)
	if math.Abs(n)*float64(unit) >= math.MaxInt64 {
		return far()
	}
	if strings.ContainsAny(s, "eE") {
		return time.Duration(math.Round(n * float64(unit))), unit, nil
	}
	// Digit by digit: a float64 has only 200 ns left for a Unix time in seconds.
	whole, part, _ := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	var ns int64
	if whole != "" {
		if ns, err = strconv.ParseInt(whole, 10, 64); err != nil || ns > math.MaxInt64/int64(unit) {
			return far()
		}
		ns *= int64(unit)
	}
	scale := int64(unit)
	for _, digit := range part {
		scale /= 10
		ns += int64(digit-'0') * scale
	}
	if ns < 0 {
		return far()
	}
	if s[0] == '-' {
		ns = -ns
	}
	return time.Duration(ns), unit, nil
}
