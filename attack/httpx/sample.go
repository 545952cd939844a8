package httpx

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

const (
	// maxSample is how much of a body is kept of an answer that nobody asked the
	// body of, should it become a sample.
	maxSample = attack.MaxSample
	// maxSampleHeaders and maxSampleValue bound a sample's headers: lines, and
	// bytes of one value.
	maxSampleHeaders = 32
	maxSampleValue   = 256
)

// newSample copies what people want to see of an answer and of what was sent for it,
// and no more than is good to keep. call may be nil.
func newSample(call *Call, r *Reply) *attack.Sample {
	s := &attack.Sample{Status: r.Status, Header: sampleHeader(r.Header)}
	s.Body, s.Cut = attack.SampleText(r.Body, r.BytesIn)
	if call != nil {
		sent := make(http.Header)
		for _, f := range call.Header {
			sent[f.Name] = append(sent[f.Name], f.Value)
		}
		s.Method, s.URL = call.Method, plaintext.Clip(call.URL, maxSample)
		s.Sent = &attack.Message{Header: sampleHeader(sent)}
		s.Sent.Body, s.Sent.Cut = attack.SampleText(call.Body, int64(len(call.Body)))
	}
	return s
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
			out[name] = append(
				out[name],
				plaintext.Clip(strings.ToValidUTF8(v, "�"), maxSampleValue),
			)
		}
	}
	return out
}
