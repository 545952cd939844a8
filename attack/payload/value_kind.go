package payload

import "encoding/json"

// Kind is what a value was where it came from, as far as that knows: a column
// of CSV, a header and what an expression matched are text that may mean a number.
type Kind uint8

const (
	Untyped Kind = iota
	Text         // a JSON string: never a number, whatever it looks like
	JSON         // any other JSON value: it stands as it is
)

// AppendJSONValue adds a value to a JSON text, where the file has a template without
// quotes: a number, true, false and null as such, and all else as a string. What was
// JSON stays what it was.
func AppendJSONValue(b, v []byte, kind Kind) ([]byte, error) {
	switch {
	case kind == JSON && len(v) == 0: // null, which is an empty text in rows
		return append(b, "null"...), nil
	case kind == JSON, kind == Untyped && isJSONScalar(v):
		return append(b, v...), nil
	}
	return AppendJSON(b, v)
}

// isJSONScalar says whether a text is a number, a truth or null in JSON. A number
// with leading zeros, as a postal code may have, is none.
func isJSONScalar(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	switch c := v[0]; {
	case c == '-', c >= '0' && c <= '9':
		return v[len(v)-1] >= '0' && v[len(v)-1] <= '9' && json.Valid(v)
	case c == 't', c == 'f', c == 'n':
		s := string(v)
		return s == "true" || s == "false" || s == "null"
	}
	return false
}

// bitSet is a set of numbers.
type bitSet []uint64

func (s *bitSet) add(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

func (s bitSet) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

// kind is that of a row's value.
func (d *Data) kind(row int, column string) Kind {
	if d == nil || !d.typed {
		return Untyped
	}
	shape, first := d.shape(row)
	if i := shape.index(column); i < 0 {
		return Untyped
	} else if d.texts.has(first + i) {
		return Text
	}
	return JSON
}

// kind is that of the value that a template names.
func (r *Row) kind(column string) Kind {
	if _, ok := r.values.texts[column]; ok {
		return r.values.kinds[column]
	}
	return r.data.kind(r.at, column)
}

// IsNumber says whether the text renders to a number whatever the arrival.
func (t *Template) IsNumber() bool {
	if len(t.segments) != 1 {
		return false
	}
	k := t.segments[0].kind
	return k == seqPiece || k == nthPiece || k == randIntPiece
}

// Kind is that of what the text renders to, if it is one value and no more.
func (t *Template) Kind(from *Row) Kind {
	if len(t.segments) != 1 {
		return Untyped
	}
	switch p := &t.segments[0]; p.kind {
	case columnSegment, optionalSegment:
		return from.kind(p.text)
	case uuidPiece:
		return Text
	}
	return Untyped
}
