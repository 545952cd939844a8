package httpx

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
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

// newSample copies what people want to see of an answer and of what was sent for it,
// and no more than is good to keep. call may be nil.
func newSample(call *Call, r *Reply) *attack.Sample {
	s := &attack.Sample{Status: r.Status, Header: sampleHeader(r.Header)}
	s.Body, s.Cut = sampleBody(r.Body, r.BytesIn)
	if call != nil {
		sent := make(http.Header)
		for _, f := range call.Header {
			sent[f.Name] = append(sent[f.Name], f.Value)
		}
		s.Method, s.URL = call.Method, plaintext.Clip(call.URL, maxSample)
		s.Sent = &attack.Message{Header: sampleHeader(sent)}
		s.Sent.Body, s.Sent.Cut = sampleBody(call.Body, int64(len(call.Body)))
	}
	return s
}

// sampleBody is the beginning of a body, which had so many bytes.
func sampleBody(body []byte, size int64) (text string, cut bool) {
	body = body[:min(len(body), maxSample)]
	if size <= int64(len(body)) {
		return expect.Text(body), false
	}
	return expect.Text(wholeRunes(body)), true
}

func sampleHeader(header http.Header) http.Header {
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
			name := plaintext.Clip(strings.ToValidUTF8(name, "�"), maxSampleValue)
			out[name] = append(out[name], plaintext.Clip(strings.ToValidUTF8(v, "�"), maxSampleValue))
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
