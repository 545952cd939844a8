package attack

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// maxSample is how much of a body is kept of an answer that nobody asked the
	// body of, should it become a sample.
	maxSample = 2 << 10
	// maxSampleHeaders and maxSampleValue bound a sample's headers: lines, and
	// bytes of one value.
	maxSampleHeaders = 32
	maxSampleValue   = 256
)

// wantsSample says whether the answer to a request that ended with an error is to be
// kept.
func (a *attack) wantsSample(r *Result) bool {
	return timeline.KindNamed(r.Kind).Answered && (a.chooser == nil || a.chooser.WantsSample(r))
}

// newSample copies what people want to see of an answer and of what was sent for it,
// and no more than is good to keep. Headers that carry credentials keep their names alone; from what
// remains, what hide knows is taken out, and then what stands under a secret
// name: that is taken to end at a blank or &, which a secret can hold. call may be nil.
func newSample(call *Call, r *Reply, hide func(string) string) *Sample {
	s := &Sample{Status: r.Status, Body: sampleBody(r.Body, r.BytesIn, hide), Header: sampleHeader(r.Header, hide)}
	if call != nil {
		sent := make(http.Header)
		for _, f := range call.Header {
			sent[f.Name] = append(sent[f.Name], f.Value)
		}
		s.Method, s.URL = call.Method, secret.Mask(hide(clip(call.URL, maxSample)))
		s.Sent = &Message{Header: sampleHeader(sent, hide), Body: sampleBody(call.Body, int64(len(call.Body)), hide)}
	}
	return s
}

// sampleBody is the beginning of a body, which had so many bytes.
func sampleBody(body []byte, size int64, hide func(string) string) string {
	body = body[:min(len(body), maxSample)]
	if size <= int64(len(body)) {
		return secret.Mask(hide(asText(body)))
	}
	// It is cut, maybe within a secret, as the mark says.
	return secret.Mask(strings.TrimSuffix(hide(asText(wholeRunes(body))+"…"), "…"))
}

func sampleHeader(header http.Header, hide func(string) string) http.Header {
	var out http.Header
	lines := 0
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, v := range header[name] {
			if lines++; lines > maxSampleHeaders {
				return out
			}
			if out == nil {
				out = make(http.Header)
			}
			if secret.Header(name) {
				v = secret.Masked
			}
			name := clip(strings.ToValidUTF8(name, "�"), maxSampleValue)
			v = secret.Mask(hide(strings.ToValidUTF8(v, "�")))
			out[name] = append(out[name], clip(v, maxSampleValue))
		}
	}
	return out
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
