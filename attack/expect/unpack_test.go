package expect

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

func FuzzUnpackBody(f *testing.F) {
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		f.Add(encoding, packBody(f, encoding, []byte("hello")), false)
	}
	f.Fuzz(func(t *testing.T, encoding string, body []byte, cut bool) {
		r := Answer{Body: body, BytesIn: int64(len(body)), Encoding: encoding}
		if cut {
			r.BytesIn++
		}
		if err := r.Unpack(); err == nil && len(r.Body) > max(len(body), MaxBody) {
			t.Errorf("%d bytes", len(r.Body))
		}
	})
}

// BenchmarkUnpack is what a packed answer costs where somebody looks at it.
func BenchmarkUnpackBody(b *testing.B) {
	plain := []byte(`{"items":[` + strings.Repeat(`{"name":"a thing","price":12},`, 100) + `{}]}`)
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		packed := packBody(b, encoding, plain)
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := Answer{Body: packed, BytesIn: int64(len(packed)), Encoding: encoding}
				if err := r.Unpack(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// packBody packs a body as a server does.
func packBody(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw deflate":
		w, _ = flate.NewWriter(&b, flate.DefaultCompression)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b, zstd.WithWindowSize(1<<20))
	default:
		return body
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Of a large answer the first MaxBody as they came are kept, and what they hold is
// looked at.
func TestPackedAndLarge(t *testing.T) {
	noise := make([]byte, 2<<20)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	copy(noise, "begin")
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		packed := packBody(t, encoding, noise)
		r := Answer{Status: 200, Body: packed[:MaxBody], BytesIn: int64(len(packed)), Encoding: encoding}
		if err := r.Unpack(); err != nil {
			t.Errorf("%s: %v", encoding, err)
		}
		if !bytes.HasPrefix(r.Body, []byte("begin")) || !bytes.HasPrefix(noise, r.Body) {
			t.Errorf("%s: the %d bytes are not the begin of what was packed", encoding, len(r.Body))
		}
		if !r.cut {
			t.Errorf("%s: %d bytes are not said to be cut off", encoding, len(r.Body))
		}
	}
}
