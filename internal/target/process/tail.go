package process

import (
	"io"
	"strings"
	"sync"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

const (
	tailLines = 8
	tailBytes = 4 << 10
)

// tail passes output on and keeps the last of it.
type tail struct {
	mu   sync.Mutex
	to   io.Writer
	last []byte
}

func newTail(to io.Writer) *tail { return &tail{to: to} }

// Write implements io.Writer. It takes all, also if the log takes no more: a
// full disk is no reason to let the process fail.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	if extra := len(t.last) - tailBytes; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	t.to.Write(b)
	return len(b), nil
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = nil
}

// String returns the last lines, fit to be shown.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(plaintext.Lines(strings.TrimRight(string(t.last), "\r\n")), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// quoted returns the last lines as they stand at the end of an error.
func (t *tail) quoted() string {
	s := t.String()
	if s == "" {
		return "; it printed nothing"
	}
	return "; its last lines:\n\t" + strings.ReplaceAll(s, "\n", "\n\t")
}
