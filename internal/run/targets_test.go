package run_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/run"
)

// Two runs are not at one target at once, unless that is asked for; it is free again when the
// first is over.
func TestTwoRunsOnOneTarget(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	hold, held := make(chan struct{}), make(chan struct{})
	var first sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		first.Do(func() { close(held) })
		<-hold
	}))
	defer srv.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	scenario := func(url string) string {
		return fmt.Sprintf(`
name: one of two
target: %s
attack:
  late_budget: 10m
  timeout: 1m
  requests: [{ name: a, get: / }]
  stages: [{ name: s, rate: 20/s, for: 100ms }]
`, url)
	}
	drive := func(url string, share bool) (run.ExitCode, string, error) {
		screen := &watcher{text: "each is in the other's figures", then: func() { close(hold) }}
		code, err := run.Run(t.Context(), t.Context(), load(t, scenario(url)), run.Options{
			Out: filepath.Join(t.TempDir(), "run"), Share: share, Stdout: screen, Stderr: io.Discard,
		})
		return code, screen.seen.String(), err
	}
	var running sync.WaitGroup
	running.Go(func() {
		if code, screen, err := drive(srv.URL, false); code != run.ExitPass || err != nil {
			t.Errorf("the first: exit %d, %v\n%s", code, err, screen)
		}
	})
	<-held
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "http://"), ":")
	for _, url := range []string{srv.URL, "http://localhost:" + port} {
		code, screen, err := drive(url, false)
		if code != run.ExitBroken || err == nil {
			t.Errorf("%s: exit %d, %v; want it refused\n%s", url, code, err, screen)
			continue
		}
		for _, want := range []string{"is at localhost:" + port + " too", "--share"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want %q in the error, found %v", url, want, err)
			}
		}
	}
	if code, screen, err := drive(other.URL, false); code != run.ExitPass || err != nil {
		t.Errorf("another target: exit %d, %v\n%s", code, err, screen)
	}
	// It says so, whereupon the first goes on.
	if code, screen, err := drive(srv.URL, true); code != run.ExitPass || err != nil {
		t.Errorf("with --share: exit %d, %v\n%s", code, err, screen)
	}
	running.Wait()
	if code, screen, err := drive(srv.URL, false); code != run.ExitPass || err != nil {
		t.Errorf("after both: exit %d, %v\n%s", code, err, screen)
	}
}
