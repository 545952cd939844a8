package record

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// How many samples are kept: of one kind of error of one request, and in all. So
// many show what is wrong; more would only fill the disk.
const (
	samplesOfKind = 5
	samplesInAll  = 1000
)

// sampleLine is a line of samples.jsonl.
type sampleLine struct {
	At      time.Duration `json:"at"` // when the request was due, from the start of the run
	Stage   string        `json:"stage"`
	Request string        `json:"request"`
	Kind    string        `json:"kind"`
	Detail  string        `json:"detail"`
	attack.Sample
}

// samples keeps answers that were not as expected. Workers only put them in line;
// the recorder's own goroutine writes them. It is safe for concurrent use.
type samples struct {
	dir    string
	layout layout
	redact func(string) string
	secret func(string) bool

	mu    sync.Mutex
	kept  map[sampleOf]int
	all   int
	queue []sampleLine

	writing sync.Mutex // guards what follows; taken before mu
	file    *os.File   // nil until there is one
	written int
	err     error
}

type sampleOf struct {
	cell int32
	kind string
}

func newSamples(c *Config) *samples {
	s := &samples{
		dir: c.Dir, layout: layout{c.Stages, c.Requests, c.Flows}, redact: c.Redact, secret: c.SecretHeader,
		kept: make(map[sampleOf]int),
	}
	if s.redact == nil {
		s.redact = func(s string) string { return s }
	}
	if s.secret == nil {
		s.secret = func(string) bool { return false }
	}
	return s
}

// add takes r's sample, unless there are enough like it. It does not write.
func (s *samples) add(r *attack.Result) {
	of := sampleOf{s.layout.cell(&attack.Arrival{Request: r.Request, Whole: r.Whole}), errorKind(r)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= samplesInAll || s.kept[of] >= samplesOfKind {
		return
	}
	s.kept[of]++
	s.all++
	k := s.layout.key(int(s.layout.cell(&r.Arrival)))
	s.queue = append(s.queue, sampleLine{r.Intended, k.Stage, k.Request, of.kind, r.Detail, *r.Sample})
}

// write writes what is in line. After a failure nothing more is written.
func (s *samples) write() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	if len(queue) == 0 || s.err != nil {
		return
	}
	if s.file == nil {
		// For its owner only, as bodies may hold what is personal.
		if s.file, s.err = os.OpenFile(filepath.Join(s.dir, SamplesFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); s.err != nil {
			s.err = fmt.Errorf("create %s in the run directory: %w", SamplesFile, s.err)
			return
		}
	}
	enc := json.NewEncoder(s.file)
	enc.SetEscapeHTML(false)
	for i := range queue {
		s.clean(&queue[i])
		if err := enc.Encode(&queue[i]); err != nil {
			s.err = fmt.Errorf("write %s: %w", SamplesFile, err)
			return
		}
		s.written++
	}
}

// clean takes the secrets out.
func (s *samples) clean(l *sampleLine) {
	// A body may have been cut off within a secret, as the mark says.
	l.Detail, l.Body = s.redact(l.Detail), strings.TrimSuffix(s.redact(l.Body+"…"), "…")
	if l.Header == nil {
		return
	}
	header := make(http.Header, len(l.Header)) // the sample may be shared
	for name, values := range l.Header {
		for _, v := range values {
			if s.secret(name) {
				v = secret.Masked
			}
			header[name] = append(header[name], s.redact(v))
		}
	}
	l.Header = header
}

// close writes what is left, closes the file and says what went wrong.
func (s *samples) close() error {
	s.write()
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.file != nil {
		if err := s.file.Close(); err != nil && s.err == nil {
			s.err = fmt.Errorf("write %s: %w", SamplesFile, err)
		}
		s.file = nil
	}
	return s.err
}

// Samples is how many answers were kept as samples, in SamplesFile, so far.
func (r *Recorder) Samples() int {
	r.samples.writing.Lock()
	defer r.samples.writing.Unlock()
	return r.samples.written
}
