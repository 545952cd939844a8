package record

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// histogramOf records n log-normal values around the median.
func histogramOf(n int, median time.Duration, spread float64) *hdrhistogram.Histogram {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	h := timeline.NewHistogram()
	for range n {
		v := math.Exp(rng.NormFloat64()*spread) * float64(median)
		if err := h.RecordValue(int64(min(v, float64(timeline.Highest)))); err != nil {
			panic(err)
		}
	}
	return h
}

func distributionOf(h *hdrhistogram.Histogram) *timeline.Distribution {
	d := new(timeline.Distribution)
	d.Lend(h)
	return d
}

// TestEncode has the library read what the encoder wrote, and compares what was
// compressed with what the library would have: byte by byte.
func TestEncode(t *testing.T) {
	huge := timeline.NewHistogram()
	if err := huge.RecordValues(int64(time.Second), math.MaxInt64/4); err != nil {
		t.Fatal(err)
	}
	edges := timeline.NewHistogram()
	for _, v := range []time.Duration{0, 1, 511, 512, 1023, 1024, 1 << 20, 1<<20 - 1, 1<<20 + 1, timeline.Highest - 1, timeline.Highest} {
		if err := edges.RecordValue(int64(v)); err != nil {
			t.Fatal(err)
		}
	}
	zero := timeline.NewHistogram()
	if err := zero.RecordValue(0); err != nil {
		t.Fatal(err)
	}
	e := newEncoder() // one for all, as the recorder has it
	for name, h := range map[string]*hdrhistogram.Histogram{
		"empty": timeline.NewHistogram(), "zero": zero, "edges": edges, "a huge count": huge,
		"one": histogramOf(1, time.Millisecond, 0), "few": histogramOf(20, 30*time.Millisecond, 1),
		"many": histogramOf(50000, time.Millisecond, 0.7), "wide": histogramOf(50000, time.Second, 4),
	} {
		t.Run(name, func(t *testing.T) {
			got, highest := e.append([]byte("HIST:"), distributionOf(h))
			if !bytes.HasPrefix(got, []byte("HIST:")) {
				t.Fatalf("found %.20q, want it to be added to what was there", got)
			}
			got = got[len("HIST:"):]
			back, err := hdrhistogram.Decode(got)
			if err != nil {
				t.Fatal(err)
			}
			if !back.Equals(h) {
				t.Error("what the library reads is not what was written")
			}
			if h.TotalCount() > 0 && highest != h.Max() {
				t.Errorf("the greatest value is %d, want %d", highest, h.Max())
			}
			theirs, err := back.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
			if err != nil {
				t.Fatal(err)
			}
			if h.TotalCount() > 0 && !bytes.Equal(unzip(t, got), unzip(t, theirs)) {
				t.Error("the format differs from the library's")
			}
		})
	}
}

// unzip returns what of an encoded histogram was compressed.
func unzip(t *testing.T, encoded []byte) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if n := binary.BigEndian.Uint32(b[4:]); int(n) != len(b)-8 {
		t.Fatalf("the length is %d, want %d", n, len(b)-8)
	}
	z, err := zlib.NewReader(bytes.NewReader(b[8:]))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	full := distributionOf(histogramOf(5000, time.Millisecond, 0.7))
	var packed timeline.Distribution
	packed.Merge(full)
	e := newEncoder()
	for name, d := range map[string]*timeline.Distribution{"full": full, "packed": &packed} {
		out, _ := e.append(nil, d)
		if n := testing.AllocsPerRun(10, func() { out, _ = e.append(out[:0], d) }); n > 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, h := range map[string]*hdrhistogram.Histogram{
		"50 values": histogramOf(50, time.Millisecond, 0.7), "5000 values": histogramOf(5000, time.Millisecond, 0.7),
	} {
		b.Run("library/"+name, func(b *testing.B) {
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				var err error
				if out, err = h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(out)), "B-encoded")
		})
		b.Run("own/"+name, func(b *testing.B) {
			b.ReportAllocs()
			e := newEncoder()
			var out []byte
			for b.Loop() {
				out, _ = e.append(out[:0], distributionOf(h))
			}
			b.ReportMetric(float64(len(out)), "B-encoded")
		})
	}
}
