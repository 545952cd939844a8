package payload

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/textfile"
)

// LoadData reads the rows that templates draw from: a .csv file whose first
// line names the columns, or a .jsonl, .ndjson or .json file with one object a
// line. Values that are not text become text: numbers as they stand, null as
// nothing, lists and objects as JSON.
func LoadData(path string) (*Data, error) {
	var parse func(io.Reader, *dataBuilder) error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
		parse = parseCSV
	case ".jsonl", ".ndjson", ".json":
		parse = parseJSONLines
	default:
		return nil, fmt.Errorf("%s: expected a file of data named *.csv, *.jsonl or *.ndjson", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Values are never longer than their notation in the file.
	b := newDataBuilder(min(info.Size(), maxDataBytes))
	if err := parse(b.through(f), b); err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return b.data(path), nil
}

func parseCSV(r io.Reader, b *dataBuilder) error {
	rows := &rowReader{from: textfile.NewReader(r)}
	c := csv.NewReader(rows)
	c.FieldsPerRecord = -1 // its own message does not say how many there are
	c.ReuseRecord = true
	rows.next()
	rec, err := c.Read()
	if err == io.EOF {
		return textfile.AtLine(
			1,
			"expected a line with the names of the columns, found an empty file",
		)
	}
	if err != nil {
		return csvError(err)
	}
	header := slices.Clone(rec)
	seen := make(map[string]bool)
	for i, name := range header {
		line, _ := c.FieldPos(i)
		header[i] = strings.TrimSpace(name)
		switch {
		case header[i] == "":
			return textfile.AtLine(line, "expected a name for column %d, found none", i+1)
		case seen[header[i]]:
			return textfile.AtLine(line, "expected each column once, found %q twice", header[i])
		}
		seen[header[i]] = true
	}
	for {
		rows.next()
		rec, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return csvError(err)
		}
		line, _ := c.FieldPos(0)
		if len(rec) != len(header) {
			return textfile.AtLine(
				line,
				"expected %d columns as in the first line, found %d",
				len(header),
				len(rec),
			)
		}
		if err := b.columns(header); err != nil {
			return textfile.AtLine(line, "%w", err)
		}
		for _, v := range rec {
			if err := b.add(v); err != nil {
				return textfile.AtLine(line, "%w", err)
			}
		}
	}
	if b.d.rows == 0 {
		return textfile.AtLine(1, "expected rows below the names of the columns, found none")
	}
	return nil
}

// maxRow is the most that a row of data may have: as much as a body from a file.
const maxRow = 16 << 20

// rowError says that a row is longer than maxRow.
type rowError struct{ line int }

func (e *rowError) Error() string {
	return fmt.Sprintf("expected a row of at most %d MiB, found a longer one", maxRow>>20)
}

// rowReader reads a file line by line, so that it is known on which line a row began, and stops at
// a row that is too long: a quote that is never closed makes one row of all the rest of a file.
type rowReader struct {
	from  *bufio.Reader
	begun int // the line on which the row begins
	line  int // the line that was read last
	inner bool
	size  int // of what was read of the row
}

// next says that another row begins.
func (r *rowReader) next() { r.size = 0 }

// Read implements io.Reader. It returns one line at the most.
func (r *rowReader) Read(p []byte) (int, error) {
	if _, err := r.from.Peek(1); err != nil {
		return 0, err
	}
	have, err := r.from.Peek(min(len(p), r.from.Buffered()))
	if err != nil {
		return 0, err
	}
	if end := bytes.IndexByte(have, '\n'); end >= 0 {
		have = have[:end+1]
	}
	if !r.inner {
		r.line++
	}
	if r.size == 0 {
		r.begun = r.line
	}
	r.inner = have[len(have)-1] != '\n'
	if blank := len(bytes.TrimRight(have, "\r\n")) == 0; !blank || r.size > 0 {
		r.size += len(have) // blank lines before a row are none of it
	}
	if r.size > maxRow {
		return 0, &rowError{r.begun}
	}
	n := copy(p, have)
	_, err = r.from.Discard(n)
	return n, err
}

// boundedLine reads a line with its line end, or the rest of r.
func boundedLine(r *bufio.Reader, line int) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(whole)+len(part) > maxRow {
			return nil, &rowError{line}
		}
		if whole = append(whole, part...); !errors.Is(err, bufio.ErrBufferFull) {
			return whole, err
		}
	}
}

func csvError(err error) error {
	if long, ok := errors.AsType[*rowError](err); ok {
		return textfile.AtLine(long.line, "%w: is a quote in it never closed?", long)
	}
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return textfile.AtLine(e.Line, "column %d: %w", e.Column, e.Err)
	}
	return textfile.AtLine(textfile.LineOf(err, 1), "%w", err)
}

func parseJSONLines(r io.Reader, b *dataBuilder) error {
	lines := textfile.NewReader(r)
	for line := 1; ; line++ {
		s, err := boundedLine(lines, line)
		if err != nil && err != io.EOF {
			return textfile.AtLine(textfile.LineOf(err, line), "%w", err)
		}
		if s = bytes.TrimSpace(s); len(s) > 0 {
			row, texts, perr := parseJSONRow(s)
			if perr == nil {
				perr = b.addJSON(row, texts)
			}
			if perr != nil {
				return textfile.AtLine(line, "%w", perr)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if b.d.rows == 0 {
		return textfile.AtLine(1, "expected a JSON object a line, found an empty file")
	}
	return nil
}

// article puts "a" or "an" before a kind of JSON value.
func article(kind string) string {
	if kind == "array" {
		return "an array"
	}
	return "a " + kind
}

func parseJSONRow(s []byte) (row map[string]string, texts map[string]bool, err error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(s, &raw); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, nil, fmt.Errorf(
				"expected one JSON object a line, found %s",
				article(wrong.Value),
			)
		}
		return nil, nil, fmt.Errorf("expected one JSON object a line: %w", err)
	}
	if raw == nil {
		return nil, nil, errors.New("expected one JSON object a line, found null")
	}
	row, texts = make(map[string]string, len(raw)), make(map[string]bool)
	for k, v := range raw {
		switch {
		case v[0] == '"':
			var t string
			if err := json.Unmarshal(v, &t); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", k, err)
			}
			row[k], texts[k] = t, true
		case string(v) == "null":
			row[k] = ""
		default:
			var c bytes.Buffer
			if err := json.Compact(&c, v); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", k, err)
			}
			row[k] = c.String()
		}
	}
	return row, texts, nil
}
