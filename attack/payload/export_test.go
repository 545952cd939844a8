package payload

import (
	"iter"
	"maps"
	"strings"
)

// Bounds that tests stay on both sides of.
const (
	Chunk         = chunk
	MaxDataShapes = maxDataShapes
	MaxRow        = maxRow
	WideRow       = wideRow
)

// ParseCSV and ParseJSONLines parse without a file, to be fuzzed.
func ParseCSV(s string) (*Data, error) {
	b := newDataBuilder(0)
	err := parseCSV(strings.NewReader(s), b)
	return b.data(""), err
}

func ParseJSONLines(s string) (*Data, error) {
	b := newDataBuilder(0)
	err := parseJSONLines(strings.NewReader(s), b)
	return b.data(""), err
}

// ColumnSets is how many sets of columns its rows have.
func ColumnSets(d *Data) int { return len(d.columns) }

// Held is how many bytes the rows are held in.
func Held(d *Data) int {
	held := cap(d.buf)
	for _, c := range []chunks{d.ends, d.shapeOf, d.first} {
		for _, part := range c {
			held += 4 * cap(part)
		}
	}
	return held
}

// FunctionNames are those that templates can call.
func FunctionNames() iter.Seq[string] { return maps.Keys(new(Draw).functions()) }
