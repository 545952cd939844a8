package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
)

// Data are the rows that templates draw from. All values stand one after the
// other in one piece of memory, with four bytes a value beside them, so that a
// file of rows takes little more memory than disk. Data is not changed once made
// and safe for concurrent use. Nil is no rows.
//
// In JSON it is the file's name, the number of rows and a SHA-256 over the file:
// enough to tell two files apart, and not the rows. One that was read from JSON
// has no rows.
type Data struct {
	// File is where the rows come from, as the scenario names it.
	File string

	sum     string
	buf     []byte      // the values
	ends    chunks      // of each value in buf
	rows    int         // how many
	columns []*rowShape // one for all rows, or one a row by shapeOf
	shapeOf chunks      // of each row: index into columns; empty if all are alike
	first   chunks      // of each row: index of its first value; empty if all are alike
	typed   bool        // values were JSON
	texts   bitSet      // and these were strings
}

var (
	_ json.Marshaler   = (*Data)(nil)
	_ json.Unmarshaler = (*Data)(nil)
)

// The bounds of data: offsets have 32 bits, and rows that each have other columns would take more
// memory than their file.
const (
	maxDataBytes  = math.MaxUint32
	maxDataShapes = 10_000
)

// rowShape is a list of columns that rows have.
type rowShape struct {
	names []string
	at    map[string]int // of wide rows only: looking through a few names is quicker
}

const wideRow = 12

func newRowShape(names []string) *rowShape {
	s := &rowShape{names: names}
	if len(names) > wideRow {
		s.at = make(map[string]int, len(names))
		for i, n := range names {
			s.at[n] = i
		}
	}
	return s
}

func (s *rowShape) index(column string) int {
	if s.at == nil {
		return slices.Index(s.names, column)
	}
	if i, ok := s.at[column]; ok {
		return i
	}
	return -1
}

// chunks is a list of numbers that grows without being copied.
type chunks [][]uint32

const chunk = 1 << 14

func (c *chunks) add(n uint32) {
	if last := len(*c) - 1; last < 0 || len((*c)[last]) == chunk {
		*c = append(*c, make([]uint32, 0, chunk))
	}
	last := len(*c) - 1
	(*c)[last] = append((*c)[last], n)
}

func (c chunks) at(i int) uint32 { return c[i/chunk][i%chunk] }

func (c chunks) len() int {
	if len(c) == 0 {
		return 0
	}
	return (len(c)-1)*chunk + len(c[len(c)-1])
}

// NewData makes data of rows that are in memory already. Its digest is that of
// the rows as JSON lines.
func NewData(rows []map[string]string) (*Data, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	b := newDataBuilder(0)
	lines := json.NewEncoder(b.hash)
	for _, row := range rows {
		if err := lines.Encode(row); err != nil {
			return nil, err
		}
		if err := b.addMap(row); err != nil {
			return nil, err
		}
	}
	return b.data(""), nil
}

// Len is the number of rows.
func (d *Data) Len() int {
	if d == nil {
		return 0
	}
	return d.rows
}

// Has says whether any row has the column.
func (d *Data) Has(column string) bool {
	return d != nil &&
		slices.ContainsFunc(d.columns, func(s *rowShape) bool { return s.index(column) >= 0 })
}

// Columns are those of a row, in the order of the file; those of objects are
// sorted.
func (d *Data) Columns(row int) []string {
	if d.Len() == 0 {
		return nil
	}
	shape, _ := d.shape(row)
	return slices.Clone(shape.names)
}

// Get returns a value of a row.
func (d *Data) Get(row int, column string) (string, bool) {
	v, ok := d.bytes(row, column)
	return string(v), ok
}

// Row returns the columns of a row with their values.
func (d *Data) Row(row int) iter.Seq2[string, string] {
	return func(yield func(column, value string) bool) {
		shape, first := d.shape(row)
		for i, name := range shape.names {
			if !yield(name, string(d.value(first+i))) {
				return
			}
		}
	}
}

// bytes is Get without a copy: the caller must not change what it gets.
func (d *Data) bytes(row int, column string) ([]byte, bool) {
	if d == nil {
		return nil, false
	}
	shape, first := d.shape(row)
	i := shape.index(column)
	if i < 0 {
		return nil, false
	}
	return d.value(first + i), true
}

func (d *Data) shape(row int) (s *rowShape, first int) {
	if len(d.columns) == 1 {
		return d.columns[0], row * len(d.columns[0].names)
	}
	return d.columns[d.shapeOf.at(row)], int(d.first.at(row))
}

func (d *Data) value(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = d.ends.at(i - 1)
	}
	to := d.ends.at(i)
	return d.buf[from:to:to]
}

// MarshalJSON implements json.Marshaler.
func (d *Data) MarshalJSON() ([]byte, error) {
	if d == nil {
		return []byte("null"), nil
	}
	return json.Marshal(dataJSON{d.File, d.rows, d.sum})
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Data) UnmarshalJSON(b []byte) error {
	var in dataJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*d = Data{File: in.File, sum: in.SHA256}
	return nil
}

type dataJSON struct {
	File   string `json:"file,omitempty"`
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

// dataBuilder makes data, row by row.
type dataBuilder struct {
	d      Data
	hash   hash.Hash
	shapes map[string]uint32 // by the columns' names
	key    []byte
}

// newDataBuilder expects values of so many bytes in all.
func newDataBuilder(size int64) *dataBuilder {
	return &dataBuilder{
		d:      Data{buf: make([]byte, 0, size)},
		hash:   sha256.New(),
		shapes: map[string]uint32{},
	}
}

// columns says which columns the values that follow have.
func (b *dataBuilder) columns(names []string) error {
	b.key = b.key[:0]
	for _, n := range names {
		b.key = fmt.Appendf(b.key, "%d:%s", len(n), n)
	}
	shape, known := b.shapes[string(b.key)]
	if !known {
		if len(b.d.columns) == maxDataShapes {
			return fmt.Errorf("expected rows with the same columns, found the %d. set of them: "+
				"leave out columns that no template names", maxDataShapes+1)
		}
		shape = uint32(len(b.d.columns))
		b.shapes[string(b.key)] = shape
		b.d.columns = append(b.d.columns, newRowShape(slices.Clone(names)))
	}
	b.d.shapeOf.add(shape)
	b.d.first.add(uint32(b.d.ends.len()))
	b.d.rows++
	return nil
}

func (b *dataBuilder) add(value string) error {
	if uint64(len(b.d.buf))+uint64(len(value)) > maxDataBytes {
		return fmt.Errorf(
			"expected values of at most %d bytes in all, found more",
			uint64(maxDataBytes),
		)
	}
	b.d.buf = append(b.d.buf, value...)
	b.d.ends.add(uint32(len(b.d.buf)))
	return nil
}

// addJSON is addMap for values of a JSON object; texts says which of them were strings.
func (b *dataBuilder) addJSON(row map[string]string, texts map[string]bool) error {
	b.d.typed = true
	first := b.d.ends.len()
	for i, name := range slices.Sorted(maps.Keys(row)) {
		if texts[name] {
			b.d.texts.add(first + i)
		}
	}
	return b.addMap(row)
}

func (b *dataBuilder) addMap(row map[string]string) error {
	names := slices.Sorted(maps.Keys(row))
	if err := b.columns(names); err != nil {
		return err
	}
	for _, n := range names {
		if err := b.add(row[n]); err != nil {
			return err
		}
	}
	return nil
}

// data ends the building. The digest is that of what was read through b.hash.
func (b *dataBuilder) data(file string) *Data {
	d := b.d
	d.File = file
	d.sum = hex.EncodeToString(b.hash.Sum(nil))
	if len(d.columns) == 1 {
		d.shapeOf, d.first = nil, nil
	}
	return &d
}

// through returns a reader of r that puts all that is read into the digest.
func (b *dataBuilder) through(r io.Reader) io.Reader { return io.TeeReader(r, b.hash) }

// OneOfEach yields the index of one row for each set of columns that rows have.
func (d *Data) OneOfEach() iter.Seq[int] {
	return func(yield func(int) bool) {
		seen := map[*rowShape]bool{}
		for i := 0; i < d.rows && len(seen) < len(d.columns); i++ {
			if s, _ := d.shape(i); !seen[s] {
				seen[s] = true
				if !yield(i) {
					return
				}
			}
		}
	}
}
