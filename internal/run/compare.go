package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Compared is a run to be compared.
type Compared struct {
	Name string // as it was given
	Past *verdict.Past
	baseline.Kind
	Unhealthy string
}

// OpenCompared reads the runs that are to be compared: run directories, or ids of accepted runs in
// a folder.
func OpenCompared(names []string, folder baseline.Folder) ([]Compared, ExitCode, error) {
	out := make([]Compared, len(names))
	codes := make([]ExitCode, len(names))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { out[i], codes[i], errs[i] = openCompared(name, folder) })
	}
	wg.Wait()
	return out, Worst(codes), errors.Join(errs...)
}

func openCompared(name string, folder baseline.Folder) (c Compared, code ExitCode, err error) {
	c.Name = name
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		r, findErr := folder.Find(name)
		if findErr != nil {
			return c, ExitUsage, fmt.Errorf("%s is no run directory, and there is %w", name, findErr)
		}
		c.Kind, c.Unhealthy = r.Kind, r.Unhealthy
		if c.Past, err = r.Past(); err != nil {
			return c, ExitInconclusive, err
		}
		return c, ExitPass, nil
	}
	r, code, err := openRecorded(name)
	if err != nil {
		return c, code, err
	}
	if c.Past, err = verdict.Keep(r.timeline); err != nil {
		return c, ExitInconclusive, damaged(name, err)
	}
	if c.Kind, err = r.facts.kindOf(name, r.timeline); err != nil {
		return c, ExitInconclusive, damaged(name, err)
	}
	return c, ExitPass, nil
}
