package attack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// LoadTargets reads a target list of vegeta's: format is http, json, or empty
// to go by the file's name (*.json and *.jsonl are json). Body files of the
// http format, @file, are read against the list's own folder.
func LoadTargets(path, format string) ([]Target, error) {
	if format == "" {
		format = vegeta.HTTPTargetFormat
		switch strings.ToLower(filepath.Ext(path)) {
		case ".json", ".jsonl", ".ndjson":
			format = vegeta.JSONTargetFormat
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	targets, err := parseTargets(b, format, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return targets, nil
}

func parseTargets(b []byte, format, dir string) ([]Target, error) {
	src := &lines{rest: bytes.TrimPrefix(b, byteOrderMark)}
	var next vegeta.Targeter
	switch format {
	case vegeta.JSONTargetFormat:
		next = vegeta.NewJSONTargeter(src, nil, nil)
	case vegeta.HTTPTargetFormat:
		if err := src.checkLength(); err != nil {
			return nil, err
		}
		src.dir = dir
		next = vegeta.NewHTTPTargeter(src, nil, nil)
	default:
		return nil, lineError(1, "expected format http or json, found %q", format)
	}
	found, err := vegeta.ReadAllTargets(next)
	if errors.Is(err, vegeta.ErrNoTargets) {
		return nil, lineError(1, "expected at least one target such as \"GET http://127.0.0.1:8080/\", found none")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("expected a whole JSON object on the line, found an unfinished one")
	}
	if err != nil {
		return nil, lineError(max(1, src.line), "%w", err)
	}
	out := make([]Target, len(found))
	for i, t := range found {
		out[i] = Target{Method: t.Method, URL: t.URL, Body: t.Body}
		for _, name := range slices.Sorted(maps.Keys(t.Header)) {
			for _, v := range t.Header[name] {
				out[i].Headers = append(out[i].Headers, Field{name, v})
			}
		}
	}
	return out, nil
}

// lines hands out a file one line a Read, so that a targeter, which asks for
// more only when it has used up what it has, is at the line last handed out
// when it fails. Every line is ended: vegeta drops a last one that is not.
type lines struct {
	rest    []byte
	pending []byte // of the present line
	line    int
	dir     string // where relative @files lie; empty: as they are
}

func (l *lines) Read(p []byte) (int, error) {
	if len(l.pending) == 0 {
		if len(l.rest) == 0 {
			return 0, io.EOF
		}
		line, rest, _ := bytes.Cut(l.rest, []byte("\n"))
		l.rest = rest
		l.line++
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("@")); ok && l.dir != "" && !filepath.IsAbs(string(name)) {
			line = []byte("@" + filepath.Join(l.dir, string(name)))
		}
		l.pending = append(bytes.Clone(line), '\n')
	}
	n := copy(p, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// checkLength finds a line that vegeta's scanner would take for the end of the
// file. File names may grow by the folder's, hence the margin.
func (l *lines) checkLength() error {
	const most = bufio.MaxScanTokenSize - 4096
	n := 0
	for line := range bytes.Lines(l.rest) {
		if n++; len(line) > most {
			return lineError(n, "expected a line of at most %d bytes, found %d: put a long body into a file and name it @file", most, len(line))
		}
	}
	return nil
}
