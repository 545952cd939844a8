package secret

import (
	"io"
	"slices"
	"sync"
)

// Writer returns a writer that passes what it is given on to w with every secret
// replaced by ***, also one that comes in pieces. What may be the beginning of a
// secret is held back until more comes, or until Close, which closes w. It knows
// the usual spellings only: a process that logs much must not wait for it. It is
// safe for concurrent use.
func (r *Redactor) Writer(w io.WriteCloser) io.WriteCloser {
	return &writer{Redactor: r, to: w}
}

type writer struct {
	*Redactor

	mu   sync.Mutex
	to   io.WriteCloser
	held string
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.held + string(b)
	cut := w.settled(all)
	w.held = all[cut:]
	if _, err := io.WriteString(w.to, w.text(all[:cut], false)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// settled is how much of s holds no part of a secret that may go on after s.
func (w *writer) settled(s string) int {
	cut := len(s)
	for i := max(0, len(s)-w.longest+1); i < len(s); i++ {
		if w.begins(s[i:]) {
			cut = i
			break
		}
	}
	// A whole secret must not be cut in two either.
	for i := max(0, cut-w.longest+1); i < cut; i++ {
		if slices.ContainsFunc(w.lengths, func(n int) bool { return i+n > cut && i+n <= len(s) && w.whole[s[i:i+n]] }) {
			cut = i
			i = max(0, cut-w.longest+1) - 1
		}
	}
	return cut
}

// Close implements io.Closer.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	io.WriteString(w.to, w.text(w.held, false))
	w.held = ""
	return w.to.Close()
}
