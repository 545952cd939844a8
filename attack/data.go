package attack

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
	"strings"
)

// LoadData reads the rows that templates draw from: a .csv file whose first
// line names the columns, or a .jsonl, .ndjson or .json file with one object a
// line. Values that are not text become text: numbers as they stand, null as
// nothing, lists and objects as JSON.
func LoadData(path string) ([]map[string]string, error) {
	var parse func(io.Reader) ([]map[string]string, error)
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
	rows, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return rows, nil
}

// The parsers' errors begin with the line, for "file:line: message".

func lineError(line int, format string, args ...any) error {
	return fmt.Errorf("%d: %w", line, fmt.Errorf(format, args...))
}

var byteOrderMark = []byte("\ufeff")

func skipMark(r io.Reader) *bufio.Reader {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(len(byteOrderMark)); bytes.Equal(head, byteOrderMark) {
		_, _ = b.Discard(len(byteOrderMark)) // what was peeked is there
	}
	return b
}

func parseCSV(r io.Reader) ([]map[string]string, error) {
	c := csv.NewReader(skipMark(r))
	c.FieldsPerRecord = -1 // its own message does not say how many there are
	header, err := c.Read()
	if err == io.EOF {
		return nil, lineError(1, "expected a line with the names of the columns, found an empty file")
	}
	if err != nil {
		return nil, csvError(err)
	}
	seen := make(map[string]bool)
	for i, name := range header {
		line, _ := c.FieldPos(i)
		header[i] = strings.TrimSpace(name)
		switch {
		case header[i] == "":
			return nil, lineError(line, "expected a name for column %d, found none", i+1)
		case seen[header[i]]:
			return nil, lineError(line, "expected each column once, found %q twice", header[i])
		}
		seen[header[i]] = true
	}
	var rows []map[string]string
	for {
		rec, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, csvError(err)
		}
		if len(rec) != len(header) {
			line, _ := c.FieldPos(0)
			return nil, lineError(line, "expected %d columns as in the first line, found %d", len(header), len(rec))
		}
		row := make(map[string]string, len(rec))
		for i, v := range rec {
			row[header[i]] = v
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, lineError(1, "expected rows below the names of the columns, found none")
	}
	return rows, nil
}

func csvError(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return lineError(e.Line, "column %d: %w", e.Column, e.Err)
	}
	return lineError(1, "%w", err)
}

func parseJSONLines(r io.Reader) ([]map[string]string, error) {
	b := skipMark(r)
	var rows []map[string]string
	for line := 1; ; line++ {
		s, err := b.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, lineError(line, "%w", err)
		}
		if s = bytes.TrimSpace(s); len(s) > 0 {
			row, perr := parseJSONRow(s)
			if perr != nil {
				return nil, lineError(line, "%w", perr)
			}
			rows = append(rows, row)
		}
		if err == io.EOF {
			break
		}
	}
	if len(rows) == 0 {
		return nil, lineError(1, "expected a JSON object a line, found an empty file")
	}
	return rows, nil
}

// article puts one before a kind of JSON value: an array, a number.
func article(kind string) string {
	if kind == "array" {
		return "an array"
	}
	return "a " + kind
}

func parseJSONRow(s []byte) (map[string]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(s, &raw); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, fmt.Errorf("expected one JSON object a line, found %s", article(wrong.Value))
		}
		return nil, fmt.Errorf("expected one JSON object a line: %w", err)
	}
	if raw == nil {
		return nil, errors.New("expected one JSON object a line, found null")
	}
	row := make(map[string]string, len(raw))
	for k, v := range raw {
		switch {
		case v[0] == '"':
			var t string
			if err := json.Unmarshal(v, &t); err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			row[k] = t
		case string(v) == "null":
			row[k] = ""
		default:
			var c bytes.Buffer
			if err := json.Compact(&c, v); err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			row[k] = c.String()
		}
	}
	return row, nil
}
