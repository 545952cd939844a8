package strictyaml

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// The units of the unit tag. A time.Duration needs none.
const (
	UnitRate     = "/s"
	UnitFraction = "%"
	UnitBytes    = "bytes"
	unitDuration = "s"
)

// unitOf is the unit of a field, by its tag or its type.
func unitOf(f Field) string {
	if f.Value.Type() == durationType {
		return unitDuration
	}
	return f.Unit
}

// units are how quantities are written.
var units = map[string]struct {
	wanted string
	units  string // what units there are, for hints
	bare   string // how to write a number without a unit, if that can be told
	parse  func(string) (float64, error)
}{
	unitDuration: {
		"a duration such as 200ms or 5s", "units are ns, us, ms, s, m, h and d",
		"write %[1]ss for seconds, or %[1]sms for milliseconds",
		func(s string) (float64, error) { d, err := quantity.ParseDuration(s); return float64(d), err },
	},
	UnitRate: {
		"a rate such as 50/s", "units are /s, /m and /h; k, M and G multiply",
		"write %s/s for a rate per second", quantity.ParseRate,
	},
	UnitFraction: {"a percentage such as 5%", "", "write %s%%", quantity.ParseFraction},
	UnitBytes: {
		"a size such as 512MiB", "", "write %[1]sB for bytes, or %[1]sMiB for mebibytes",
		quantity.ParseBytes,
	},
}

// Scalar reads one value: text, number, truth, duration, rate.
func (d *Decoder) Scalar(n *Node, f Field) (ok bool) {
	if !n.IsScalar() {
		d.Failf(n.Span,
			f.Hint("give it one value"),
			"%s: expected %s, found %s", f.Key, wanted(f), n.Describe())
		return false
	}
	if f.Value.Kind() == reflect.String && n.Kind != Text && !f.Loose {
		d.Failf(n.Span,
			`put it in quotes if it is meant as text: "`+n.Text+`"`,
			"%s: expected text, found %s", f.Key, n.Describe())
		return false
	}
	x, ok := d.Expand(n, f.Vars)
	if !ok {
		return false
	}
	if err := parseScalar(x.Text, f); err != nil {
		d.Failf(n.Span, scalarHint(x.Text, f), "%s: %s", f.Key, err)
		return false
	}
	switch {
	case f.Required && f.Value.Kind() == reflect.String && strings.TrimSpace(x.Text) == "":
		d.Failf(n.Span, f.Hint("give it a value"), "%s is empty", f.Key)
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, x.Text):
		d.Failf(n.Span,
			suggest.Hint(x.Text, "value", f.Enum),
			"%s: expected %s, found %q", f.Key, alternatives(f.Enum), Shorten(x.Text))
	case f.Positive && !above(f.Value):
		d.Failf(n.Span,
			f.Hint("give a value above zero"),
			"%s: expected a value above zero, found %s", f.Key, Shorten(x.Text))
	default:
		return true
	}
	return false
}

func above(v reflect.Value) bool {
	switch {
	case v.CanInt():
		return v.Int() > 0
	case v.CanUint():
		return v.Uint() > 0
	case v.CanFloat():
		return v.Float() > 0
	}
	return true
}

func alternatives(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// wanted says what kind of value a field takes.
func wanted(f Field) string {
	u, isQuantity := units[unitOf(f)]
	switch {
	case isQuantity:
		return u.wanted
	case f.Value.Kind() == reflect.Bool:
		return "true or false"
	case f.Value.Kind() == reflect.String:
		return "text"
	}
	return "a number"
}

// spelledFor is how to write what was written in words, if a field takes it.
func spelledFor(f Field, found string) string {
	u, isQuantity := units[unitOf(f)]
	meant := quantity.Spelled(found)
	if !isQuantity || meant == "" {
		return ""
	}
	if _, err := u.parse(meant); err != nil {
		return ""
	}
	return meant
}

// scalarHint says how to write what was probably meant.
func scalarHint(found string, f Field) string {
	x, err := strconv.ParseFloat(found, 64)
	isNumber := err == nil
	u := units[unitOf(f)]
	switch {
	case strings.HasPrefix(found, "-"):
		return "remove the minus sign"
	case spelledFor(f, found) != "":
		return "write " + spelledFor(f, found)
	case unitOf(f) == UnitFraction && isNumber && x < 1: // 0.95 is what others write for 95%
		return fmt.Sprintf("write %s, or %s%% if that is meant", quantity.FormatFraction(x), found)
	case u.bare != "" && isNumber:
		return fmt.Sprintf(u.bare, found)
	case u.units != "":
		return u.units
	}
	return f.Hint("expected " + wanted(f))
}

// parseScalar reads text into the field by its type and unit.
func parseScalar(s string, f Field) error {
	v := f.Value
	switch {
	case v.Type() == durationType:
		x, err := quantity.ParseDuration(s)
		v.SetInt(int64(x))
		return err
	case v.Kind() == reflect.String:
		v.SetString(s)
		return nil
	case v.Kind() == reflect.Bool:
		if s != "true" && s != "false" {
			return fmt.Errorf("expected true or false, found %q", Shorten(s))
		}
		v.SetBool(s == "true")
		return nil
	case v.Kind() == reflect.Uint64 && f.Unit == "":
		x, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return fmt.Errorf(
				"expected a whole number from 0 to %d, found %q",
				uint64(math.MaxUint64),
				Shorten(s),
			)
		}
		v.SetUint(x)
		return nil
	}
	return parseNumber(s, f)
}

func parseNumber(s string, f Field) error {
	parse := quantity.ParseCount
	if u, ok := units[f.Unit]; ok {
		parse = u.parse
	}
	x, err := parse(s)
	if err != nil {
		return err
	}
	v := f.Value
	switch {
	case v.CanFloat():
		v.SetFloat(x)
	case x != math.Trunc(x):
		return fmt.Errorf("expected a whole number, found %q", Shorten(s))
	case x > 1<<53: // the last whole number that a float64 holds exactly
		return fmt.Errorf("expected a smaller number, found %q", Shorten(s))
	case v.CanInt() && !v.OverflowInt(int64(x)):
		v.SetInt(int64(x))
	case v.CanUint() && !v.OverflowUint(uint64(x)):
		v.SetUint(uint64(x))
	default:
		return fmt.Errorf("expected a smaller number, found %q", Shorten(s))
	}
	return nil
}

// Format prints the value of a field as it would stand in a file.
func (f Field) Format() string {
	v := f.Value
	switch {
	case v.Type() == durationType:
		return quantity.FormatDuration(time.Duration(v.Int()))
	case f.Unit == UnitRate:
		return quantity.FormatRate(v.Float())
	case f.Unit == UnitFraction:
		return quantity.FormatFraction(v.Float())
	case f.Unit == UnitBytes && v.CanInt():
		return quantity.FormatBytes(float64(v.Int()))
	}
	return fmt.Sprint(v.Interface())
}
