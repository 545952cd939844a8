package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// How many samples are kept: of answers that are alike, see sampleOf, and in all. These are enough
// to show what is wrong; more would only fill memory and disk.
const (
	samplesOfKind = 5
	samplesInAll  = 1000
	// samplesEvery is how often the file is written anew while samples come, so
	// that a run which is killed leaves some.
	samplesEvery = 5 * time.Second
)

// sampleLine is a line of samples.jsonl.
type sampleLine struct {
	At      time.Duration `json:"at"`   // when the request was due, from the start of the run
	Took    time.Duration `json:"took"` // its response time
	Stage   string        `json:"stage"`
	Request string        `json:"request"`
	// Faults that were in force at any moment from At on, for as long as the request took.
	Faults []string `json:"faults,omitempty"`
	Kind   string   `json:"kind"`
	Detail string   `json:"detail"`
	attack.Sample

	rank    uint64
	secrets []string // those that only its arrival has; nil once they are replaced
	clean   bool
}

// samples keeps answers that were not as expected: of answers that are alike a few, drawn evenly
// from the whole run. Each arrival has a rank, drawn from the seed and its number, and the answers
// of the least ranks are kept, so that it does not matter which comes first. They are in memory
// until the end. It is safe for concurrent use.
type samples struct {
	dir       string
	seed      uint64
	cellIndex cellIndex
	clock     func() time.Duration
	redact    func(own []string) func(string) string

	mu   sync.Mutex
	cuts []time.Duration // where disturbances began and ended, sorted
	kept map[sampleOf][]*sampleLine
	all  int
	// The rank below which a sample is kept once nothing more can be thinned out; 0: there is still
	// something to thin out.
	full  uint64
	fresh bool // something changed since it was written

	writing sync.Mutex // guards what follows; taken before mu
	next    time.Duration
	written int
	err     error
}

// sampleOf is what samples are alike in: the request, in its stage, the kind of error,
// with its status, and between which cuts it was due and ended. So those from before,
// during and after a fault, and those that were open when it struck, are kept apart.
type sampleOf struct {
	cell     int32
	kind     string
	from, to int // numbers of the stretches between cuts
}

func newSamples(c *Config) *samples {
	return &samples{
		dir: c.Dir, seed: c.Seed, cellIndex: cellIndex{c.Stages, c.Requests, c.Flows}, clock: c.Clock, redact: c.redact,
		kept: make(map[sampleOf][]*sampleLine),
	}
}

// redact returns a function that replaces known secrets in a text, and then values under a secret
// name. Such a value is taken to end at a blank or &, although a secret can hold these.
func (c *Config) redact(own []string) func(string) string {
	known := c.Redactor.With(own)
	return func(text string) string { return secret.Mask(known.Text(text)) }
}

// cut says that a disturbance began or ended; at never goes back.
func (s *samples) cut(at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts = append(s.cuts, at)
}

// of says what r's sample is like. The caller holds mu.
func (s *samples) of(r *attack.Result) sampleOf {
	stretch := func(at time.Duration) int {
		i, found := slices.BinarySearch(s.cuts, at)
		if found {
			i++
		}
		return i
	}
	return sampleOf{
		s.cellIndex.cell(&r.Arrival),
		errorKind(r),
		stretch(r.Intended),
		stretch(r.Done),
	}
}

// rank is a number that is as good as drawn: the finalizer of splitmix64 over the seed
// and the arrival's number.
func (s *samples) rank(a *attack.Arrival) uint64 {
	z := s.seed*0x9e3779b97f4a7c15 + a.Seq + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// wants says whether a sample of r would be kept as things stand.
func (s *samples) wants(r *attack.Result) bool {
	rank := s.rank(&r.Arrival)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fits(s.kept[s.of(r)], rank)
}

// fits says whether a sample of this rank is to be kept with those that are like it, which are
// sorted by rank.
func (s *samples) fits(like []*sampleLine, rank uint64) bool {
	switch n := len(like); {
	case s.full > 0 && n == 0:
		return rank < s.full
	case s.full > 0 || n == samplesOfKind:
		return rank < like[n-1].rank
	}
	return true
}

// add keeps r's sample, unless there are enough of lower rank that are like it. It does not write.
func (s *samples) add(r *attack.Result) {
	rank := s.rank(&r.Arrival)
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.of(r)
	like := s.kept[of]
	if !s.fits(like, rank) {
		return
	}
	k := s.cellIndex.key(int(of.cell))
	l := &sampleLine{
		At: r.Intended, Took: r.Done - r.Intended, Stage: k.Stage, Request: k.Request, Kind: r.Kind,
		Detail: r.Detail, Sample: *r.Sample, rank: rank, secrets: r.Secrets,
	}
	i, _ := slices.BinarySearchFunc(
		like,
		rank,
		func(l *sampleLine, rank uint64) int { return cmp.Compare(l.rank, rank) },
	)
	like = slices.Insert(like, i, l)
	s.all++
	s.fresh = true
	if len(like) > samplesOfKind || s.full > 0 && len(like) > 1 {
		like = like[:len(like)-1]
		s.all--
	}
	s.kept[of] = like
	if s.all > samplesInAll {
		s.thinOut()
	}
}

// thinOut drops a sample of the kind that has most. If no two samples are alike, it drops the one
// of the greatest rank.
func (s *samples) thinOut() {
	var drop, last sampleOf
	most, greatest, second := 0, uint64(0), uint64(0)
	for of, like := range s.kept {
		rank := like[len(like)-1].rank
		if n := len(like); n > most || n == most && rank > s.kept[drop][n-1].rank {
			drop, most = of, n
		}
		if rank > greatest {
			last, greatest, second = of, rank, greatest
		} else {
			second = max(second, rank)
		}
	}
	if most == 1 {
		delete(s.kept, last)
		s.full = max(second, 1)
	} else {
		s.kept[drop] = s.kept[drop][:most-1]
	}
	s.all--
}

// write writes the samples, if it is time to. After a failure nothing more is written.
func (s *samples) write() {
	s.writing.Lock()
	defer s.writing.Unlock()
	now := s.clock()
	s.mu.Lock()
	due := s.fresh && now >= s.next
	s.mu.Unlock()
	if !due || s.err != nil {
		return
	}
	s.next = now + samplesEvery
	s.writeAll(nil)
}

// writeAll writes the file anew; it is there whole or as it was. The caller holds
// writing.
func (s *samples) writeAll(faults []timeline.Fault) {
	s.mu.Lock()
	s.fresh = false
	lines := make([]*sampleLine, 0, s.all)
	for _, like := range s.kept {
		lines = append(lines, like...)
	}
	s.mu.Unlock()
	slices.SortFunc(lines, func(a, b *sampleLine) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.rank, b.rank))
	})
	if len(lines) == 0 {
		return
	}
	path := filepath.Join(s.dir, SamplesFile)
	// For its owner only, as bodies may hold what is personal.
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		s.err = fmt.Errorf("create %s in the run directory: %w", SamplesFile, err)
		return
	}
	enc := json.NewEncoder(f)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		s.clean(l)
		l.Faults = during(faults, l)
		err = errors.Join(err, enc.Encode(l))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		os.Remove(path + ".part")
		s.err = fmt.Errorf("write %s: %w", SamplesFile, err)
		return
	}
	s.written = len(lines)
}

// during names the faults that were in force while a request was due or under way.
func during(faults []timeline.Fault, l *sampleLine) []string {
	var out []string
	for i := range faults {
		w, ok := faults[i].Disturbance()
		if ok && w.From <= l.At+l.Took && l.At < w.To && !slices.Contains(out, faults[i].Name) {
			out = append(out, faults[i].Name)
		}
	}
	return out
}

// clean replaces the secrets, once. Only the goroutine that writes calls it.
func (s *samples) clean(l *sampleLine) {
	if l.clean {
		return
	}
	text := s.redact(l.secrets)
	body := func(body string, cut bool) string {
		if !cut {
			return text(body)
		}
		// It may have been cut off within a secret, as the mark says.
		return strings.TrimSuffix(text(body+"…"), "…")
	}
	header := func(in map[string][]string) map[string][]string {
		out := make(map[string][]string, len(in)) // the sample may be shared
		for name, values := range in {
			for _, v := range values {
				out[name] = append(out[name], text(secret.Shown(name, v)))
			}
		}
		return out
	}
	l.Detail, l.URL = text(l.Detail), text(l.URL)
	l.Body, l.Header = body(l.Body, l.Cut), header(l.Header)
	if l.Sent != nil { // the sample may be shared
		l.Sent = &attack.Message{Header: header(l.Sent.Header), Body: body(l.Sent.Body, l.Sent.Cut)}
	}
	l.clean, l.secrets = true, nil
}

// close writes all there is, with the faults that were in force, and says what went
// wrong.
func (s *samples) close(faults []timeline.Fault) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.err == nil {
		s.writeAll(faults)
	}
	return s.err
}

// Samples is how many answers were kept as samples, in SamplesFile, so far.
func (r *Recorder) Samples() int {
	r.samples.writing.Lock()
	defer r.samples.writing.Unlock()
	return r.samples.written
}

// WantsSample implements attack.SampleChooser.
func (r *Recorder) WantsSample(res *attack.Result) bool { return r.samples.wants(res) }

var _ attack.SampleChooser = (*Recorder)(nil)
