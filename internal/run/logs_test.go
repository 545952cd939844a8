package run

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Logs of services can hold what nobody knows for a secret: they are their owner's alone.
func TestLogsArePrivate(t *testing.T) {
	s := &services{logs: filepath.Join(t.TempDir(), "logs"), redact: func(w io.WriteCloser) io.WriteCloser { return w }}
	f, err := s.log("api")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{s.logs: 0o700, filepath.Join(s.logs, "api.log"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}
