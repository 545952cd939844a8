package payload

import (
	"iter"
	"maps"
)

// Values are the columns that the caller of a flow has for its next step: its row of data, and
// captures. They take precedence over a request's own data.
type Values struct {
	texts map[string]string
	kinds map[string]Kind // nil: all are untyped
}

// ValuesOf are the values of the data row for the nth arrival of a flow.
func ValuesOf(d *Data, nth uint64) Values {
	v := Values{texts: make(map[string]string)}
	n := d.Len()
	if n == 0 {
		return v
	}
	at := int(nth % uint64(n))
	maps.Insert(v.texts, d.Row(at))
	if d.typed {
		v.kinds = make(map[string]Kind)
		for column := range v.texts {
			v.kinds[column] = d.kind(at, column)
		}
	}
	return v
}

// Set sets the value of a column.
func (v *Values) Set(column, text string, kind Kind) {
	if kind != Untyped && v.kinds == nil {
		v.kinds = make(map[string]Kind)
	}
	if v.texts == nil {
		v.texts = make(map[string]string)
	}
	if v.texts[column] = text; v.kinds != nil {
		v.kinds[column] = kind
	}
}

// All yields columns and their values.
func (v *Values) All() iter.Seq2[string, string] { return maps.All(v.texts) }
