package attack

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

const (
	// samplesEach is how many answers are kept of each request and kind of error.
	samplesEach = 5
	// maxSample is how much of a body is kept of an answer that nobody asked the
	// body of, should it become a sample.
	maxSample = 2 << 10
	// maxSampleHeaders and maxSampleValue bound a sample's headers: lines, and
	// bytes of one value.
	maxSampleHeaders = 32
	maxSampleValue   = 256
)

// sampledKinds are the kinds of errors that an answer is to be seen of.
var sampledKinds = [...]string{KindStatus, KindHeader, KindBody, KindJSON, KindSize, KindSlow, KindCapture}

// sampler says which answers are kept: the first of each request and kind, so
// that memory does not grow with the number of errors. It is safe for concurrent
// use.
type sampler struct {
	taken [][len(sampledKinds)]atomic.Uint32 // by request
}

func newSampler(requests int) *sampler {
	return &sampler{make([][len(sampledKinds)]atomic.Uint32, requests)}
}

// take says whether an answer to a request that ended with an error of this kind
// is to be kept.
func (s *sampler) take(request int, kind string) bool {
	i := slices.Index(sampledKinds[:], kind)
	if i < 0 {
		return false
	}
	n := &s.taken[request][i]
	// Looked at first, so that a flood of errors does not fight for the counter.
	return n.Load() < samplesEach && n.Add(1) <= samplesEach
}

// newSample copies what people want to see of an answer, and no more than is
// good to keep. Headers that carry credentials keep their names alone; from what
// remains, what hide knows is taken out, and then what stands under a secret
// name: that is taken to end at a blank or &, which a secret can hold.
func newSample(r *Reply, hide func(string) string) *Sample {
	body := r.Body[:min(len(r.Body), maxSample)]
	cut := r.more(len(body))
	if cut {
		body = wholeRunes(body)
	}
	text := asText(body)
	if cut { // maybe within a secret, as the mark says
		text = strings.TrimSuffix(hide(text+"…"), "…")
	} else {
		text = hide(text)
	}
	s := &Sample{Status: r.Status, Body: secret.Mask(text)}
	lines := 0
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[name] {
			if lines++; lines > maxSampleHeaders {
				return s
			}
			if s.Header == nil {
				s.Header = make(http.Header)
			}
			if secret.Header(name) {
				v = secret.Masked
			}
			name := clip(strings.ToValidUTF8(name, "�"), maxSampleValue)
			v = secret.Mask(hide(strings.ToValidUTF8(v, "�")))
			s.Header[name] = append(s.Header[name], clip(v, maxSampleValue))
		}
	}
	return s
}

// wholeRunes takes off the character that the end of b cuts in two, if any.
func wholeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

// bodyKept is how much of an answer's body an engine keeps: for checks, or the
// beginning of one that is likely to become a sample.
func bodyKept(want bool, status int) int {
	switch {
	case want:
		return MaxBody
	case status >= 400:
		return maxSample
	}
	return 0
}
