// Package fielderr is mistakes in settings, as values: which field, what is wrong
// with it, what to do. Whoever validates an object returns a List of them; whoever
// knows where the fields were written shows each at its place.
package fielderr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Error is a mistake in a setting.
type Error struct {
	// Path leads from the object that was validated to the field, by the keys that
	// scenario files have. It is empty if the mistake is one of the whole object.
	Path Path
	// Offset and Len are the bytes of the field's text that are wrong, in a text with
	// a grammar of its own. With Len 0 it is all of the field.
	Offset, Len int
	// Row is the row of a data file, from 1, with which the field is wrong; 0 if that
	// does not matter.
	Row int
	// Msg says what was expected and what was found. It names the field in words.
	Msg string
	// Hint says what to do; empty if nothing more can be said than what the field is.
	Hint string

	cause error
}

// Error returns the message, with the row that it speaks of.
func (e Error) Error() string {
	if e.Row > 0 {
		return fmt.Sprintf("with data row %d: %s", e.Row, e.Msg)
	}
	return e.Msg
}

// Unwrap returns the error that Wrap was given.
func (e Error) Unwrap() error { return e.cause }

// WithHint returns the mistake with what to do about it.
func (e Error) WithHint(hint string) Error {
	e.Hint = hint
	return e
}

// At is a mistake in the field that a path of keys leads to.
func At(path Path, format string, args ...any) Error {
	return Error{Path: path, Msg: fmt.Sprintf(format, args...)}
}

// Wrap says that an error is one of a field, which messages call what. The hint is
// that of err, if it has one.
func Wrap(err error, what string, path Path) Error {
	e := At(path, "%s: %s", what, err)
	e.cause = err
	if inner, ok := errors.AsType[Error](err); ok {
		e.Hint, e.Offset, e.Len = inner.Hint, inner.Offset, inner.Len
	}
	return e
}

// Path is a list of keys and indices.
type Path []Step

// Step is a key of an object or an index of a list.
type Step struct {
	Key   string
	Index int // if there is no key
}

// Field is the path of a key, or of keys within each other.
func Field(keys ...string) Path {
	p := make(Path, len(keys))
	for i, k := range keys {
		p[i].Key = k
	}
	return p
}

// Item is the path of an item of the list that p leads to.
func (p Path) Item(i int) Path {
	return append(p[:len(p):len(p)], Step{Index: i})
}

// String is the path as people write it: stages[2].rate, headers["X.Y"].
func (p Path) String() string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.Key == "":
			fmt.Fprintf(&b, "[%d]", s.Index)
		case strings.ContainsAny(s.Key, `.[]" `):
			b.WriteString("[" + strconv.Quote(s.Key) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

// List is all that is wrong with an object; nil if nothing.
type List []Error

// Add adds a mistake in the field of a key.
func (l *List) Add(key, format string, args ...any) {
	*l = append(*l, At(Field(key), format, args...))
}

// Below returns the mistakes as those of a greater object, in which p leads to the
// one that was validated, and which messages call what.
func (l List) Below(p Path, what string) List {
	var out List
	for _, e := range l {
		e.Path = append(p[:len(p):len(p)], e.Path...)
		e.Msg = what + ": " + e.Msg
		out = append(out, e)
	}
	return out
}

// Of returns the mistakes that an error is made of: those that were joined, each
// alone. What is no mistake in a setting is one without a path.
func Of(err error) List {
	switch e := err.(type) {
	case nil:
		return nil
	case Error:
		return List{e}
	case interface{ Unwrap() []error }:
		var out List
		for _, one := range e.Unwrap() {
			out = append(out, Of(one)...)
		}
		return out
	}
	return List{{Msg: err.Error(), cause: err}}
}

// Err returns the mistakes as one error, nil if there are none.
func (l List) Err() error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errors.Join(errs...)
}
