package secret

import (
	"io"
	"sync"
)

// Writer returns a writer that passes what it is given on to w with every secret
// replaced by ***, also one that comes in pieces. What may be the beginning of a
// secret is held back until more comes, or until Close, which closes w. It is safe
// for concurrent use.
func (r *Redactor) Writer(w io.WriteCloser) io.WriteCloser { return &writer{redactor: r, to: w} }

type writer struct {
	redactor *Redactor

	mu   sync.Mutex
	to   io.WriteCloser
	held string
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.held + string(b)
	cut := w.redactor.begun(all, 1)
	// A whole secret must not be cut in two either.
	spans := w.redactor.find(all)
	for i := len(spans) - 1; i >= 0; i-- {
		if spans[i].from < cut && cut < spans[i].to {
			cut = spans[i].from
		}
	}
	w.held = all[cut:]
	if _, err := io.WriteString(w.to, w.redactor.Text(all[:cut])); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close implements io.Closer.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	io.WriteString(w.to, w.redactor.Text(w.held))
	w.held = ""
	return w.to.Close()
}
