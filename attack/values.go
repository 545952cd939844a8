package attack

import (
	"iter"
	"maps"
)

// values are columns that the caller of a flow brings to its next step: those of its
// row of data, and captures. They come before the row of a request's own data.
type values struct {
	texts map[string]string
	kinds map[string]valueKind // nil: all are untyped
}

// newValues are those of the row for the nth arrival of a flow.
func newValues(d *Data, nth uint64) values {
	v := values{texts: make(map[string]string)}
	n := d.Len()
	if n == 0 {
		return v
	}
	at := int(nth % uint64(n))
	maps.Insert(v.texts, d.Row(at))
	if d.typed {
		v.kinds = make(map[string]valueKind)
		for column := range v.texts {
			v.kinds[column] = d.kind(at, column)
		}
	}
	return v
}

// Set puts a value in, also over that of an earlier one.
func (v *values) Set(column, text string, kind valueKind) {
	if kind != untyped && v.kinds == nil {
		v.kinds = make(map[string]valueKind)
	}
	if v.texts == nil {
		v.texts = make(map[string]string)
	}
	if v.texts[column] = text; v.kinds != nil {
		v.kinds[column] = kind
	}
}

// All yields columns and their values.
func (v *values) All() iter.Seq2[string, string] { return maps.All(v.texts) }
