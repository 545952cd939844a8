package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// files are the files that the scenario names.
type files struct {
	*strictyaml.Decoder
	dir string // of the scenario file

	data   reads[*payload.Data]
	lists  reads[[]httpx.Target] // by format and path
	traces reads[*arrivals.Trace]
	bodies reads[[]byte]

	bodySize int // of all bodies
}

// existing returns the path of a file that the scenario names, if it is there
// and can be read whole.
func (f *files) existing(n *strictyaml.Node, key, name string, most int64) (string, bool) {
	if name == "" {
		return "", false
	}
	path := f.path(name)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.Failf(n.Span,
			"paths are taken from the scenario file's folder, "+f.dir,
			"%s: %s", key, newFileError(name, err))
	case !info.Mode().IsRegular():
		f.Failf(n.Span, "name a plain file", "%s: %s is not a plain file", key, name)
	case info.Size() > most:
		f.Failf(n.Span,
			"make it smaller",
			"%s: %s has %d bytes, and at most %d are read", key, name, info.Size(), most)
	default:
		return path, true
	}
	return "", false
}

func (f *files) path(name string) string { return inDir(f.dir, name) }

// inDir is the path of a name that stands in a file of a folder.
func inDir(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// rows reads a file of data; nil if there is none, or something is wrong.
func (f *files) rows(name *string, own *strictyaml.Node) *payload.Data {
	at := f.Where(name, own)
	path, ok := f.existing(at, "data", *name, maxData)
	if !ok {
		return nil
	}
	rows, first, err := f.data.of(
		path,
		func() (*payload.Data, error) { return payload.LoadData(path) },
	)
	if err != nil {
		f.Failf(at.Span,
			"the first line of a .csv file names the columns; a .jsonl file has one object a line",
			"data: %s", err)
		return nil
	}
	if first {
		rows.File = *name
	}
	return rows
}

// body reads a body's file, each once, and all of them up to maxBodies.
func (f *files) body(path string) ([]byte, error) {
	content, _, err := f.bodies.of(path, func() ([]byte, error) {
		content, wrong := readFile(path, maxBody)
		if wrong != nil {
			return nil, wrong
		}
		if f.bodySize += len(content); f.bodySize > maxBodies {
			return nil, fmt.Errorf(
				"bodies from files have at most %d MiB together, and this one is beyond it",
				maxBodies>>20,
			)
		}
		return content, nil
	})
	return content, err
}

// reads are what files were found to hold, by their paths. Requests, flows and
// stages often name the same file: it is read once, and so is one that cannot
// be read, which may be just as large.
type reads[V any] map[string]reading[V]

type reading[V any] struct {
	value V
	err   error
}

// of returns what the file at path holds; first says that it was read just now.
func (r *reads[V]) of(path string, read func() (V, error)) (value V, first bool, err error) {
	found, known := (*r)[path]
	if !known {
		if *r == nil {
			*r = make(reads[V])
		}
		found.value, found.err = read()
		(*r)[path] = found
	}
	return found.value, !known, found.err
}

// fileError says why a file cannot be used.
type fileError struct {
	name   string
	says   string // what stands behind its name: "is a folder"
	err    error  // or why it cannot be read
	noFile bool   // something is there, and it is no plain file
}

// newFileError says why a file cannot be read, without the system call.
func newFileError(name string, err error) *fileError {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return &fileError{name: name, err: err}
}

func (e *fileError) Error() string {
	switch {
	case e.says != "":
		return e.name + " " + e.says
	case errors.Is(e.err, fs.ErrNotExist):
		return "there is no file " + e.name
	}
	return fmt.Sprintf("cannot read %s: %v", e.name, e.err)
}

// it is Error where the file was named just before.
func (e *fileError) it() string {
	switch {
	case e.says != "":
		return "it " + e.says
	case errors.Is(e.err, fs.ErrNotExist):
		return "there is no such file"
	}
	return e.Error()
}

// readFile reads a plain file of at most so many bytes.
func readFile(path string, most int64) ([]byte, *fileError) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, newFileError(path, err)
	case info.IsDir():
		return nil, &fileError{name: path, says: "is a folder", noFile: true}
	case !info.Mode().IsRegular():
		return nil, &fileError{name: path, says: "is not a plain file", noFile: true}
	case info.Size() > most:
		return nil, &fileError{
			name: path,
			says: fmt.Sprintf("has %d bytes, and at most %d are read", info.Size(), most),
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, newFileError(path, err)
	}
	return b, nil
}
