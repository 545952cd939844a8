package payload

import "encoding/json"

// Kind is the type that a value had in its source. Columns of CSV, headers and matches of
// expressions have no types: they are text that may mean a number.
type Kind uint8

const (
	Untyped Kind = iota
	Text         // a JSON string: never a number, whatever it looks like
	JSON         // any other JSON value: it stands as it is
)

// AppendJSONValue adds a value to a JSON text in place of a template without quotes: a number,
// true, false and null as such, and all else as a string. A value from JSON keeps its type.
func AppendJSONValue(b, v []byte, kind Kind) ([]byte, error) {
	switch {
	case kind == JSON && len(v) == 0: // null, which is an empty text in rows
		return append(b, "null"...), nil
	case kind == JSON, kind == Untyped && isJSONScalar(v):
		return append(b, v...), nil
	}
	return AppendJSON(b, v)
}

// isJSONScalar says whether a text is a number, true, false or null in JSON. Digits with leading
// zeros, such as a postal code, are no number.
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

// kind is the kind of a row's value.
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

// kind is the kind of the value of a column.
func (r *Row) kind(column string) Kind {
	if _, ok := r.values.texts[column]; ok {
		return r.values.kinds[column]
	}
	if _, ok := r.shared.texts[column]; ok {
		return r.shared.kinds[column]
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

// Kind is the kind of the rendered text if it is one value and nothing else.
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
