package httpx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/textfile"
)

// LoadTargets reads a target list of vegeta's: format is http, json, or empty
// to go by the file's name (*.json and *.jsonl are json). A body file of the http
// format, @file, is looked for from the list's own folder, and if it is not there,
// from the working directory, where vegeta looks for it. body reads it, and is asked
// each time that the list names it.
func LoadTargets(
	path, format string,
	body func(path string) ([]byte, error),
) ([]Target, error) {
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
	targets, err := parseTargets(b, format, filepath.Dir(path), body)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return targets, nil
}

func parseTargets(
	b []byte,
	format, dir string,
	body func(path string) ([]byte, error),
) ([]Target, error) {
	if wide := textfile.Wide(b[:min(len(b), 4)]); wide != "" {
		return nil, textfile.AtLine(1, "%w", &textfile.Error{Line: 1, Found: wide})
	}
	src := &lines{rest: bytes.TrimPrefix(b, textfile.Mark)}
	var next vegeta.Targeter
	switch format {
	case vegeta.JSONTargetFormat:
		next = vegeta.NewJSONTargeter(src, nil, nil)
	case vegeta.HTTPTargetFormat:
		if err := src.checkLength(); err != nil {
			return nil, err
		}
		if err := src.findBodies(dir); err != nil {
			return nil, err
		}
		next = vegeta.NewHTTPTargeter(src, nil, nil)
	default:
		return nil, textfile.AtLine(1, "expected format http or json, found %q", format)
	}
	var out []Target
	for {
		var t vegeta.Target
		src.body = 0
		err := next(&t)
		if errors.Is(err, vegeta.ErrNoTargets) {
			break
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("expected a whole JSON object on the line, found an unfinished one")
		}
		if err == nil && src.body > 0 {
			t.Body, err = body(src.bodies[src.body])
		}
		if err != nil {
			return nil, textfile.AtLine(max(1, src.line), "%s", src.named(err))
		}
		out = append(out, newTarget(&t))
	}
	if len(out) == 0 {
		return nil, textfile.AtLine(
			1,
			"expected at least one target such as \"GET http://127.0.0.1:8080/\", found none",
		)
	}
	return out, nil
}

func newTarget(t *vegeta.Target) Target {
	out := Target{Method: t.Method, URL: t.URL, Body: t.Body}
	for _, name := range slices.Sorted(maps.Keys(t.Header)) {
		for _, v := range t.Header[name] {
			out.Headers = append(out.Headers, payload.Field{Name: name, Value: v})
		}
	}
	return out
}

// lines returns one line of a file with each Read, so that the line of an error is known: a
// targeter reads on only when it has used up what it read, so it fails at the line that was read
// last. Every line is ended: vegeta drops a last line without a line end.
type lines struct {
	rest    []byte
	pending []byte // of the present line
	line    int
	bodies  map[int]string // where the @file of a line lies
	body    int            // the last line with a body file that was handed out; 0: none
}

// noBody stands in place of body files, which vegeta would read anew for each target.
const noBody = "@" + os.DevNull

// named puts the body file's name back into an error of vegeta's.
func (l *lines) named(err error) string {
	return strings.ReplaceAll(err.Error(), noBody, "@"+l.bodies[l.body])
}

// BodyFileError says that the body file of a target is nowhere to be found.
type BodyFileError struct {
	Name  string
	Tried []string // paths, in this order
}

func (e *BodyFileError) Error() string {
	return fmt.Sprintf(
		"expected the body file @%s, found neither %s beside the list nor %s in the working directory",
		e.Name,
		e.Tried[0],
		e.Tried[1],
	)
}

// findBodies finds the files of bodies, beside the list, in dir, first.
func (l *lines) findBodies(dir string) error {
	l.bodies = make(map[int]string)
	n := 0
	for line := range bytes.Lines(l.rest) {
		n++
		after, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("@"))
		name := string(after)
		if !ok || name == "" {
			continue
		}
		if filepath.IsAbs(name) {
			l.bodies[n] = name
			continue
		}
		l.bodies[n] = name
		beside := filepath.Join(dir, name)
		if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
			l.bodies[n] = beside
		} else if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return textfile.AtLine(n, "%w", &BodyFileError{name, []string{beside, filepath.Clean(name)}})
		}
	}
	return nil
}

func (l *lines) Read(p []byte) (int, error) {
	if len(l.pending) == 0 {
		if len(l.rest) == 0 {
			return 0, io.EOF
		}
		line, rest, _ := bytes.Cut(l.rest, []byte("\n"))
		l.rest = rest
		l.line++
		if _, ok := l.bodies[l.line]; ok {
			line, l.body = []byte(noBody), l.line
		}
		l.pending = append(bytes.Clone(line), '\n')
	}
	n := copy(p, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// checkLength finds a line that is too long for vegeta's scanner, which would take it for the end
// of the file. The name of a folder is put before file names, hence the margin.
func (l *lines) checkLength() error {
	const most = bufio.MaxScanTokenSize - 4096
	n := 0
	for line := range bytes.Lines(l.rest) {
		if n++; len(line) > most {
			return textfile.AtLine(
				n,
				"expected a line of at most %d bytes, found %d: put a long body into a file and name it @file",
				most,
				len(line),
			)
		}
	}
	return nil
}
