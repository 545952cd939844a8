// Package textfile reads files of text line by line, and says of a mistake where it
// is. They are UTF-8, with a byte order mark or without. What spreadsheets save else
// is told by its name, and where: sent on as it is, it would be other text to the
// target.
package textfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// AtLine is an error that begins with the line, for "file:line: message".
func AtLine(line int, format string, args ...any) error {
	return fmt.Errorf("%d: %w", line, fmt.Errorf(format, args...))
}

// Mark is what some programs write before a text in UTF-8.
var Mark = []byte("\ufeff")

// Error says where a file is no UTF-8.
type Error struct {
	Line  int
	Found string
}

func (e *Error) Error() string {
	return fmt.Sprintf("expected UTF-8 text, found %s: save the file as UTF-8", e.Found)
}

// NewReader returns r without a byte order mark. Reading fails with an
// *Error where it is no UTF-8.
func NewReader(r io.Reader) *bufio.Reader {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(len(Mark)); bytes.Equal(head, Mark) {
		_, _ = b.Discard(len(Mark)) // what was peeked is there
	}
	v := &utf8Reader{from: b, line: 1}
	head, _ := b.Peek(4)
	v.wide = Wide(head)
	return bufio.NewReader(v)
}

// Wide names an encoding that takes two bytes or more for each character,
// by the first four bytes of a file; empty if it is none.
func Wide(head []byte) string {
	begins := func(mark ...byte) bool { return bytes.HasPrefix(head, mark) }
	zero := func(i int) bool { return i < len(head) && head[i] == 0 }
	switch {
	case begins(0xff, 0xfe, 0, 0),
		begins(0, 0, 0xfe, 0xff),
		len(head) == 4 && zero(0) && zero(1) && zero(2),
		len(head) == 4 && zero(1) && zero(2) && zero(3):
		return "UTF-32"
	case begins(0xff, 0xfe):
		return "UTF-16 (little-endian)"
	case begins(0xfe, 0xff):
		return "UTF-16 (big-endian)"
	case len(head) > 1 && zero(1) && !zero(0):
		return "UTF-16 (little-endian, without a byte order mark)"
	case len(head) > 1 && zero(0) && !zero(1):
		return "UTF-16 (big-endian, without a byte order mark)"
	}
	return ""
}

// utf8Reader passes on what is UTF-8.
type utf8Reader struct {
	from *bufio.Reader
	wide string // the whole is of this encoding
	line int
	open []byte // the beginning of a character that a read cut off, passed on already
	err  error
}

// Read implements io.Reader.
func (v *utf8Reader) Read(p []byte) (n int, err error) {
	if v.wide != "" {
		v.err = &Error{1, v.wide}
	}
	if v.err != nil {
		return 0, v.err
	}
	n, err = v.from.Read(p)
	for at := 0; at < n; {
		c := p[at]
		switch {
		case len(v.open) > 0:
			v.open = append(v.open, c)
			if at++; !utf8.FullRune(v.open) {
				continue
			}
			if r, size := utf8.DecodeRune(v.open); r == utf8.RuneError && size <= 1 {
				return v.fail(0, v.open[0])
			}
			v.open = v.open[:0]
		case c < utf8.RuneSelf:
			if c == '\n' {
				v.line++
			}
			at++
		case !utf8.FullRune(p[at:n]):
			v.open, at = append(v.open, p[at:n]...), n
		default:
			r, size := utf8.DecodeRune(p[at:n])
			if r == utf8.RuneError && size <= 1 {
				return v.fail(at, c)
			}
			at += size
		}
	}
	if err == io.EOF && len(v.open) > 0 {
		_, err = v.fail(n, v.open[0])
	}
	return n, err
}

// fail notes the byte that is no UTF-8; what comes before it is read first.
func (v *utf8Reader) fail(before int, c byte) (int, error) {
	v.err = &Error{v.line, describeByte(c)}
	if before > 0 {
		return before, nil
	}
	return 0, v.err
}

// describeByte says what a byte that is no UTF-8 may be.
func describeByte(c byte) string {
	if c >= 0xa0 {
		return fmt.Sprintf("the byte 0x%02x, which is %q in Latin-1 and Windows-1252", c, rune(c))
	}
	return fmt.Sprintf("the byte 0x%02x", c)
}

// LineOf is the line of an error of reading, if it knows it; else the line given.
func LineOf(err error, line int) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Line
	}
	return line
}
