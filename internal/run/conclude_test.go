package run

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// Of a run that was interrupted before its load, what could not be taken down
// again counts all the same.
func TestConcludeInterruptedBeforeTheLoad(t *testing.T) {
	left := errors.New("a container is left")
	for _, c := range []struct {
		name   string
		broken error
		want   ExitCode
	}{
		{"nothing is left", nil, ExitInterrupted},
		{"something is left", errors.Join(context.Canceled, left), ExitBroken},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &runner{plan: &scenario.Plan{Name: "x"}, opt: Options{Stdout: io.Discard, Stderr: io.Discard}, dir: t.TempDir()}
			code, err := r.conclude(nil, true, c.broken)
			if code != c.want {
				t.Errorf("expected exit code %d, found %d", c.want, code)
			}
			if errors.Is(err, left) != errors.Is(c.broken, left) {
				t.Errorf("expected the error %v, found %v", c.broken, err)
			}
		})
	}
}
