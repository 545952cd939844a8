package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
)

// logsDir is the folder of the run directory that holds what processes print.
const logsDir = "logs"

// missingDirs are the folders of a path that do not exist, the innermost first.
func missingDirs(path string) []string {
	var out []string
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return out
		}
		out = append(out, dir)
	}
}

// newRunDir makes the run directory: path, or runs/<time>-<name> if that is empty.
// It must not hold anything yet, as two runs in one directory would be no record
// of either; with replace, an earlier run's files may be there, and nothing else.
func newRunDir(path, name string, replace bool, now time.Time) (string, error) {
	if path != "" {
		entries, err := os.ReadDir(path)
		switch {
		case err == nil && len(entries) > 0:
			if err := makeRoom(path, entries, replace); err != nil {
				return "", err
			}
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("the run directory cannot be used: %w", err)
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			return "", fmt.Errorf("the run directory cannot be made: %w", err)
		}
		return path, nil
	}
	if err := os.MkdirAll("runs", 0o755); err != nil {
		return "", fmt.Errorf(
			"the run directory cannot be made: %w; name another place with --out",
			err,
		)
	}
	base := filepath.Join("runs", now.Format("20060102-150405")+"-"+slug(name))
	for i := 1; ; i++ {
		dir := base
		if i > 1 {
			dir = fmt.Sprintf("%s-%d", base, i)
		}
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrExist) || i == 100 {
			return "", fmt.Errorf(
				"the run directory cannot be made: %w; name another place with --out",
				err,
			)
		}
	}
}

// runFiles are the names of all that a run writes into its directory.
func runFiles() []string {
	names := []string{
		planFile, factsFile, logsDir, record.TimelineFile, record.LogFile, record.SamplesFile,
	}
	for _, o := range report.Outputs() {
		names = append(names, o.File)
	}
	for _, n := range slices.Clone(names) {
		names = append(names, n+".part") // of a run that was killed
	}
	return names
}

// makeRoom removes an earlier run from a directory, if replace is set and there is nothing else in
// it. It never touches files that no run has written.
func makeRoom(path string, entries []fs.DirEntry, replace bool) error {
	var foreign []string
	earlier := false
	for _, e := range entries {
		name := e.Name()
		ours := slices.Contains(runFiles(), name) && e.IsDir() == (name == logsDir) &&
			(e.IsDir() || e.Type().IsRegular())
		if ours && name == logsDir {
			logs, err := os.ReadDir(filepath.Join(path, logsDir))
			if err != nil {
				return fmt.Errorf("the run directory cannot be used: %w", err)
			}
			for _, l := range logs {
				if !l.Type().IsRegular() || !strings.HasSuffix(l.Name(), ".log") {
					foreign = append(foreign, filepath.Join(logsDir, l.Name()))
				}
			}
		}
		if !ours {
			foreign = append(foreign, name)
		}
		earlier = earlier || name == planFile
	}
	switch {
	case !earlier:
		return fmt.Errorf(
			"the run directory %s is not empty, and holds no run: name another one with --out",
			path,
		)
	case len(foreign) > 0 && replace:
		return fmt.Errorf(
			"%s holds an earlier run, and besides what no run has written (%s): move that "+
				"elsewhere, or name another directory with --out",
			path,
			strings.Join(foreign[:min(len(foreign), 3)], ", "),
		)
	case !replace:
		return fmt.Errorf(
			"%s holds an earlier run: add --replace to put this one in its place, or name another directory with --out",
			path,
		)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return fmt.Errorf("the run directory cannot be used: %w", err)
	}
	defer root.Close()
	// The plan shows that this is a run directory, so it is removed last.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		if a.Name() == planFile {
			return 1
		}
		if b.Name() == planFile {
			return -1
		}
		return strings.Compare(a.Name(), b.Name())
	})
	for _, e := range entries {
		if err := root.RemoveAll(e.Name()); err != nil {
			return fmt.Errorf("the earlier run in %s cannot be removed: %w", path, err)
		}
	}
	return nil
}

// slug makes a scenario's name fit for a path: lower case, letters and digits, the
// rest as single dashes, at most 40 bytes.
func slug(name string) string {
	var b strings.Builder
	dash := false
	for _, c := range strings.ToLower(name) {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			dash = b.Len() > 0
			continue
		}
		if b.Len() > 40 {
			break
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteRune(c)
	}
	if b.Len() == 0 {
		return "run"
	}
	return b.String()
}

// writeFile writes one file of the run directory, and cannot leave it (os.Root). After an error the
// file is as it was, or not there.
func writeFile(dir, name string, write func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = writeError(filepath.Join(dir, name), err)
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	part := name + ".part"
	f, err := root.Create(part)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		root.Remove(part)
	}
	return err
}

// writeError says what could not be written, and what to do about it.
func writeError(what string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	return fmt.Errorf(
		"%s could not be written: %w: free space there, or name another run directory with --out",
		what,
		err,
	)
}
