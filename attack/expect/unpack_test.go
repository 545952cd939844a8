package expect_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
)

func FuzzUnpackBody(f *testing.F) {
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		f.Add(encoding, attacktest.Pack(f, encoding, []byte("hello")), false)
	}
	f.Fuzz(func(t *testing.T, encoding string, body []byte, cut bool) {
		r := expect.Answer{Body: body, BytesIn: int64(len(body)), Encoding: encoding}
		if cut {
			r.BytesIn++
		}
		if err := r.Unpack(); err == nil && len(r.Body) > max(len(body), expect.MaxBody) {
			t.Errorf("%d bytes", len(r.Body))
		}
	})
}

// BenchmarkUnpack is what a packed answer costs where somebody looks at it.
func BenchmarkUnpackBody(b *testing.B) {
	plain := []byte(`{"items":[` + strings.Repeat(`{"name":"a thing","price":12},`, 100) + `{}]}`)
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		packed := attacktest.Pack(b, encoding, plain)
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := expect.Answer{Body: packed, BytesIn: int64(len(packed)), Encoding: encoding}
				if err := r.Unpack(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
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
		packed := attacktest.Pack(t, encoding, noise)
		r := expect.Answer{Status: 200, Body: packed[:expect.MaxBody], BytesIn: int64(len(packed)), Encoding: encoding}
		if err := r.Unpack(); err != nil {
			t.Errorf("%s: %v", encoding, err)
		}
		if !bytes.HasPrefix(r.Body, []byte("begin")) || !bytes.HasPrefix(noise, r.Body) {
			t.Errorf("%s: the %d bytes are not the begin of what was packed", encoding, len(r.Body))
		}
		c, err := expect.New(expect.Expect{Body: "end"})
		if err != nil {
			t.Fatal(err)
		}
		if _, detail := c.Judge(&r, 0, plainly); !strings.Contains(detail, "(only the first ") {
			t.Errorf("%s: %d bytes are not said to be cut off: %s", encoding, len(r.Body), detail)
		}
	}
}
