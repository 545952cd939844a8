package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// File is a value of a JSON file, which is read anew each time.
type File struct {
	Name string `json:"path" required:"true" doc:"the file, from the scenario file's folder"`
	JSON string `json:"json" required:"true" doc:"JSON path (RFC 9535) of the number, such as $.patch_age_hours"`
}

var _ Spec = (*File)(nil)

// Validate implements Spec.
func (f *File) Validate() fielderr.List { return validPath("json", f.JSON) }

// Expanded implements Spec.
func (f *File) Expanded(func(string) string) Spec { return f }

// Asks implements Spec.
func (*File) Asks() string { return "" }

// Headers implements Spec.
func (*File) Headers() []payload.Field { return nil }

// Texts implements Spec.
func (*File) Texts() []string { return nil }

// String implements Spec.
func (f *File) String() string { return f.JSON + " of the file " + f.Name }

// Open implements Spec.
func (f *File) Open(env SourceEnv) (Source, error) {
	taker, err := newTaker(f.JSON)
	if err != nil {
		return nil, err
	}
	path := f.Name
	if !filepath.IsAbs(path) {
		path = filepath.Join(env.Dir, path)
	}
	return func(context.Context) (float64, error) {
		body, err := f.read(path)
		if err != nil {
			return 0, err
		}
		return jsonNumber(taker, body)
	}, nil
}

// read reads a plain file: of anything else, reading may never end.
func (f *File) read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", f.Name)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", f.Name, errors.Unwrap(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no plain file", f.Name)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", f.Name, errors.Unwrap(err))
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxPage+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", f.Name, errors.Unwrap(err))
	case len(body) > maxPage:
		return nil, fmt.Errorf("%s is larger than %d MiB", f.Name, maxPage>>20)
	}
	return body, nil
}
