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

	"github.com/seed-1574e9de/ordeal/internal/filelock"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
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
	if err := os.MkdirAll(runsDir, 0o755); err != nil {
		return "", fmt.Errorf(
			"the run directory cannot be made: %w; name another place with --out",
			err,
		)
	}
	base := filepath.Join(runsDir, now.Format("20060102-150405")+"-"+slug(name))
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
		planFile, factsFile, earlierFile, logsDir, record.TimelineFile, record.LogFile, record.SamplesFile,
		ledger.File, ledger.FindingsFile,
	}
	for _, o := range report.Outputs() {
		names = append(names, o.File)
	}
	for _, n := range slices.Clone(names) {
		names = append(names, n+".part") // of a run that was killed
	}
	return names
}

// CanHave says why a run cannot have a directory, nil if it can; with replace an earlier run in
// it would be removed. Nothing is changed.
func CanHave(path string, replace bool) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the run directory cannot be used: %w", err)
	case len(entries) == 0:
		return nil
	}
	earlier, foreign, err := contents(path, entries)
	switch {
	case err != nil:
		return fmt.Errorf("the run directory cannot be used: %w", err)
	case !earlier:
		return fmt.Errorf(
			"the run directory %s is not empty, and holds no run: name another one with --out",
			path,
		)
	case len(foreign) > 0 && replace:
		return fmt.Errorf(
			"%s holds an earlier run, and other files that no run has written (%s): move these "+
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
	return nil
}

// contents says whether a directory holds a run, and what in it no run has written.
func contents(path string, entries []fs.DirEntry) (isRun bool, foreign []string, err error) {
	for _, e := range entries {
		name := e.Name()
		ours := slices.Contains(runFiles(), name) && e.IsDir() == (name == logsDir) &&
			(e.IsDir() || e.Type().IsRegular())
		if ours && name == logsDir {
			logs, err := os.ReadDir(filepath.Join(path, logsDir))
			if err != nil {
				return false, nil, err
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
		isRun = isRun || ours && name == planFile
	}
	return isRun, foreign, nil
}

// makeRoom removes an earlier run from a directory, if that was asked for and
// there is nothing else in it. Nobody's own files are ever touched.
func makeRoom(path string, entries []fs.DirEntry, replace bool) error {
	if err := CanHave(path, replace); err != nil {
		return err
	}
	held, err := hold(path)
	if err != nil {
		return err
	}
	defer held.Close()
	if err := removeRun(path, entries); err != nil {
		return fmt.Errorf("the earlier run in %s cannot be removed: %w", path, err)
	}
	return nil
}

// removeRun removes a run's files from its directory, which stays. entries are all that is in it.
func removeRun(path string, entries []fs.DirEntry) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	// The plan is what tells that this is a run: it goes last.
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
			return err
		}
	}
	return nil
}

// errInUse says that a run writes to its directory, or that it is being judged.
var errInUse = errors.New("it is in use")

// hold keeps a run directory from being removed, until what it returns is closed, or this
// process ends. errInUse: another process has it. Where files cannot be locked nobody is kept
// from anything, and a run counts as in use as long as it is not over.
func hold(dir string) (io.Closer, error) {
	f, err := os.Open(filepath.Join(dir, planFile))
	if err != nil {
		return nil, err
	}
	free, err := filelock.Exclusive(f)
	if err != nil {
		text, readErr := os.ReadFile(filepath.Join(dir, factsFile))
		of, parseErr := parseFacts(text)
		free = readErr == nil && parseErr == nil && of.End != nil
	}
	if !free {
		return nil, errors.Join(fmt.Errorf("the run directory %s: %w", dir, errInUse), f.Close())
	}
	return f, nil
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
