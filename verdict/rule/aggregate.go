package rule

import (
	"fmt"
	"strconv"
	"strings"
)

// Aggregate is what makes one figure of the readings of a stretch of time.
type Aggregate struct {
	Kind     AggregateKind
	Quantile float64 // of AggregateQuantile, in 0..1
}

// AggregateKind is a sort of aggregate.
type AggregateKind int

// The kinds of aggregates.
const (
	// AggregateTotal is of figures that have no other: the sum of what was counted, the share
	// of the time.
	AggregateTotal AggregateKind = iota
	AggregateMax
	AggregateMin
	AggregateMean
	AggregateFirst
	AggregateLast
	AggregateQuantile
	AggregateGrowth
)

// AggregateWord is an entry of the registry of aggregates.
type AggregateWord struct {
	Name string
	Kind AggregateKind
	Doc  string
}

// Aggregates is the registry of the words that follow a figure; percentiles stand for
// themselves, see Percentile.
func Aggregates() []AggregateWord {
	return []AggregateWord{
		{"max", AggregateMax, "greatest reading"},
		{"min", AggregateMin, "least reading"},
		{"mean", AggregateMean, "mean of the readings, of all targets together"},
		{"first", AggregateFirst, "earliest reading"},
		{"last", AggregateLast, "latest reading"},
		{"p95", AggregateQuantile, "percentile of the readings; any from p0 to below p100, " +
			"which needs 20 readings for p95, 100 for p99"},
		{"growth", AggregateGrowth, "how fast it grows, by a line through the readings " +
			"(least squares); needs 10 readings"},
	}
}

// aggregateByName finds an aggregate by how it is written.
func aggregateByName(name string) (Aggregate, bool) {
	if q, ok := Percentile(name); ok {
		return Aggregate{AggregateQuantile, q}, true
	}
	for _, w := range Aggregates() {
		if w.Name == name {
			return Aggregate{Kind: w.Kind}, true
		}
	}
	return Aggregate{}, false
}

// Percentile reads the name of a percentile, p99.9, as a share: 0.999. Percentiles lie between p0,
// which is the least, and 100, and have one spelling: neither p05 nor p99.90.
func Percentile(name string) (q float64, ok bool) {
	whole, part, point := strings.Cut(name, ".")
	if !IsPercentile(whole) || whole[1] == '0' && whole != "p0" {
		return 0, false
	}
	digits := strings.Trim(part, "0123456789") == "" && !strings.HasSuffix(part, "0")
	if point && (part == "" || !digits) {
		return 0, false
	}
	percent, err := strconv.ParseFloat(name[1:], 64)
	if err != nil || percent >= 100 || percent == 0 && point {
		return 0, false
	}
	return percent / 100, true
}

// AggregateTable is the manual's table of aggregates, in Markdown.
func AggregateTable() string {
	var b strings.Builder
	b.WriteString("| aggregate | what it is |\n|---|---|\n")
	for _, w := range Aggregates() {
		fmt.Fprintf(&b, "| `.%s` | %s |\n", w.Name, w.Doc)
	}
	return b.String()
}
