package observe

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// MetricUnit is a unit that a scenario can declare of a metric.
type MetricUnit struct {
	Name   string
	Unit   timeline.Unit
	Factor float64 // of the figure, to have it in the measure of Unit
}

// MetricUnits lists the units of metrics.
func MetricUnits() []MetricUnit {
	const day = 24 * time.Hour
	return []MetricUnit{
		{"ns", timeline.UnitDuration, 1},
		{"us", timeline.UnitDuration, float64(time.Microsecond)},
		{"ms", timeline.UnitDuration, float64(time.Millisecond)},
		{"s", timeline.UnitDuration, float64(time.Second)},
		{"m", timeline.UnitDuration, float64(time.Minute)},
		{"h", timeline.UnitDuration, float64(time.Hour)},
		{"d", timeline.UnitDuration, float64(day)},
		{"%", timeline.UnitFraction, 0.01},
		{"share", timeline.UnitFraction, 1},
		{"count", timeline.UnitNumber, 1},
		{"bytes", timeline.UnitBytes, 1},
		{"KiB", timeline.UnitBytes, 1 << 10},
		{"MiB", timeline.UnitBytes, 1 << 20},
		{"GiB", timeline.UnitBytes, 1 << 30},
		{"/s", timeline.UnitRate, 1},
		{"/m", timeline.UnitRate, 1.0 / 60},
		{"/h", timeline.UnitRate, 1.0 / 3600},
		{"/d", timeline.UnitRate, 1 / day.Seconds()},
		{"bytes/s", timeline.UnitBytesPerSec, 1},
	}
}

// UnitNames are the names of the units of metrics.
func UnitNames() []string {
	var out []string
	for _, u := range MetricUnits() {
		out = append(out, u.Name)
	}
	return out
}

// ParseUnit finds a unit by its name.
func ParseUnit(name string) (MetricUnit, error) {
	for _, u := range MetricUnits() {
		if u.Name == name {
			return u, nil
		}
	}
	return MetricUnit{}, fmt.Errorf("unit: expected one of %s, found %q",
		strings.Join(UnitNames(), ", "), name)
}
