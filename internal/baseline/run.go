// Package baseline keeps accepted runs in a folder, for later ones to be held against.
//
// A run is one file, of some tens of KiB: what came due in all of it, in each stage, request, flow
// and phase of a fault, as counters and histograms, also by blocks of time, and what says whether
// another run can be compared with it: its load, its faults, the class of its machine, and how its
// generator did. Files are written whole under names of their own, so that jobs can accept runs
// into one folder at once, and the folder can be committed or cached.
package baseline

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// schema is the version of the files. Keys are only ever added to a version.
const schema = 1

// Run is an accepted run.
type Run struct {
	Schema   int             `json:"schema"`
	ID       string          `json:"id"`   // its time and what was drawn for it
	Name     string          `json:"name"` // of its scenario
	Started  time.Time       `json:"started"`
	Accepted time.Time       `json:"accepted"`
	Verdict  verdict.Outcome `json:"verdict"`
	Version  string          `json:"version,omitempty"` // of ordeal
	// Pinned says that it stays the baseline though others are accepted later.
	Pinned bool `json:"pinned,omitempty"`
	Kind
	// Unhealthy says why the generator's part in the figures is too large; empty: it is not.
	Unhealthy string  `json:"unhealthy,omitempty"`
	Scopes    []scope `json:"scopes"`
}

// Kind is what two runs must have in common to be compared.
type Kind struct {
	Load    string  `json:"load"`   // digest, see LoadDigest
	Faults  string  `json:"faults"` // digest, see FaultsDigest
	Machine Machine `json:"machine"`
}

// Machine is the class of a machine.
type Machine struct {
	Arch   string  `json:"arch"`
	Cores  float64 `json:"cores"`  // that may be used: the quota, if there is one
	Memory uint64  `json:"memory"` // in bytes
}

// scope is what is kept of one.
type scope struct {
	verdict.PastKey
	Name    string          `json:"name,omitempty"`
	Seconds float64         `json:"seconds"`
	Stats   *timeline.Stats `json:"counts"`
	// Times are the histograms, and the blocks: see pack.
	Times []byte `json:"times"`
}

// maxBlocks is how many blocks of a scope are kept at most; half as many at least, if it had them.
const maxBlocks = 20

// SetPast puts what is kept of the run into it.
func (r *Run) SetPast(p *verdict.Past) error {
	r.Scopes = nil
	for i := range p.Scopes {
		s := &p.Scopes[i]
		times, err := pack(s)
		if err != nil {
			return err
		}
		counts := *s.Stats
		counts.Times = timeline.Times{}
		r.Scopes = append(r.Scopes, scope{s.PastKey, s.Name, s.Seconds, &counts, times})
	}
	return nil
}

// Past is what rules are held against. The error says which scope is damaged.
func (r *Run) Past() (*verdict.Past, error) {
	p := &verdict.Past{ID: r.ID}
	for i := range r.Scopes {
		s := &r.Scopes[i]
		out := verdict.PastScope{PastKey: s.PastKey, Name: s.Name, Seconds: s.Seconds}
		if s.Stats == nil {
			return nil, fmt.Errorf("run %s: %s has no counts", r.ID, &out)
		}
		counts := *s.Stats
		out.Stats = &counts
		if err := unpack(s.Times, &out); err != nil {
			return nil, fmt.Errorf("run %s: %s: %w", r.ID, &out, err)
		}
		p.Scopes = append(p.Scopes, out)
	}
	return p, nil
}

// kept are the distributions that are kept, in the order of files.
func kept(s *timeline.Stats) []*timeline.Distribution {
	return []*timeline.Distribution{&s.OK, &s.Err}
}

// pack writes the histograms of a scope and its blocks, deflated.
func pack(s *verdict.PastScope) ([]byte, error) {
	var b []byte
	for _, d := range kept(s.Stats) {
		b = d.AppendCompact(b)
	}
	blocks := fewer(s.Blocks)
	b = binary.AppendUvarint(b, uint64(len(blocks)))
	for i := range blocks {
		b = binary.AppendUvarint(b, blocks[i].Judged)
		b = binary.AppendUvarint(b, blocks[i].Errors)
		b = blocks[i].Response.AppendCompact(b)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fewer joins neighbours until there are no more than maxBlocks.
func fewer(blocks []verdict.PastBlock) []verdict.PastBlock {
	for len(blocks) > maxBlocks {
		var half []verdict.PastBlock
		for i := 0; i < len(blocks); i += 2 {
			sum := verdict.PastBlock{}
			for _, x := range blocks[i:min(i+2, len(blocks))] {
				sum.Judged += x.Judged
				sum.Errors += x.Errors
				sum.Response.Merge(&x.Response)
			}
			half = append(half, sum)
		}
		blocks = half
	}
	return blocks
}

// mostBytes bounds what a scope is inflated to.
const mostBytes = 16 << 20

func unpack(in []byte, s *verdict.PastScope) error {
	b, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(in)), mostBytes))
	if err != nil {
		return fmt.Errorf("its histograms are damaged: %w", err)
	}
	for _, d := range kept(s.Stats) {
		if *d, b, err = timeline.ReadCompact(b); err != nil {
			return fmt.Errorf("its histograms are damaged: %w", err)
		}
	}
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			err = io.ErrUnexpectedEOF
			return 0
		}
		b = b[n:]
		return v
	}
	for range min(next(), uint64(len(in))*8) {
		x := verdict.PastBlock{Judged: next(), Errors: next()}
		if err == nil {
			x.Response, b, err = timeline.ReadCompactCoarse(b)
		}
		if err != nil {
			break
		}
		s.Blocks = append(s.Blocks, x)
	}
	if err != nil {
		return fmt.Errorf("its blocks are damaged: %w", err)
	}
	return nil
}

// parse reads a file.
func parse(text []byte) (*Run, error) {
	r := new(Run)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("expected an accepted run: %w", err)
	}
	if r.Schema != schema {
		return nil, fmt.Errorf("expected schema %d, found %d: use the version of ordeal that wrote it",
			schema, r.Schema)
	}
	if r.ID == "" || r.Started.IsZero() {
		return nil, fmt.Errorf("expected an accepted run, found one without id or time")
	}
	return r, nil
}
