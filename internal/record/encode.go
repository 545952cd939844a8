package record

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"hash/adler32"
	"math"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// encoder writes histograms of the shared geometry in HdrHistogram's V2 format,
// compressed and in base64, as any tool reads it:
//
//	cookie, length, zlib( cookie, length, 0, digits, lowest, highest, 1.0, counts )
//
// in big-endian numbers; counts are ZigZag LEB128, and a negative one is a run of
// that many empty buckets. The library's own encoder makes 0.8 MB of garbage for each
// histogram, most of it a new compressor; this one keeps its compressor. It is not safe
// for concurrent use.
type encoder struct {
	buckets *hdrhistogram.PackedHistogram // those that are not empty
	total   *hdrhistogram.PackedHistogram // see sum
	plain   []byte
	zipped  bytes.Buffer
	zip     *zlib.Writer
}

// The format's numbers: the cookies of V2, with the size of words in them.
const (
	cookieCompressed = uint32(hdrhistogram.V2CompressedEncodingCookieBase | 0x10)
	cookiePlain      = uint32(hdrhistogram.V2EncodingCookieBase | 0x10)
	headerSize       = hdrhistogram.ENCODING_HEADER_SIZE
)

// geometry tells where in a histogram a value lies, and how wide its bucket is,
// by the format's definition: buckets of twice the width each, in subBuckets
// parts, the first of unit wide.
type geometry struct{ unit, subBuckets int } // as powers of two

var shared = geometry{
	unit:       bits.Len64(uint64(timeline.Lowest)) - 1,
	subBuckets: bits.Len64(uint64(2*math.Pow10(int(reference.SignificantFigures()))) - 1),
}

// bucket is the number of the doubling that v lies in.
func (g geometry) bucket(v int64) int {
	mask := uint64(1)<<(g.unit+g.subBuckets) - 1
	return bits.Len64(uint64(v)|mask) - g.unit - g.subBuckets
}

// index is v's place in the counts.
func (g geometry) index(v int64) int {
	b := g.bucket(v)
	half := 1 << (g.subBuckets - 1)
	return b*half + int(v>>(b+g.unit))
}

// value is the least value of the place i in the counts.
func (g geometry) value(i int) int64 {
	half := 1 << (g.subBuckets - 1)
	b := max(i/half-1, 0)
	return int64(i-b*half) << (b + g.unit)
}

// top is the greatest value of v's bucket.
func (g geometry) top(v int64) int64 {
	width := int64(1) << (g.bucket(v) + g.unit)
	return v&^(width-1) + width - 1
}

func newEncoder() *encoder {
	e := &encoder{buckets: timeline.NewPackedHistogram(), total: timeline.NewPackedHistogram()}
	e.zip, _ = zlib.NewWriterLevel(&e.zipped, zlib.BestSpeed) // the level is valid
	return e
}

// append adds d, encoded, to out, and returns the greatest value in it, read at
// the top of its bucket as the library's Max reads it.
func (e *encoder) append(out []byte, d *timeline.Distribution) (_ []byte, highest int64) {
	e.buckets.Reset()
	d.MergeInto(e.buckets)
	return e.appendPacked(out, e.buckets)
}

// sum adds the histogram that was encoded last to those that appendSum encodes
// together.
func (e *encoder) sum() { e.total.Merge(e.buckets) }

// appendSum is append for the sum, which is empty afterwards.
func (e *encoder) appendSum(out []byte) (_ []byte, highest int64) {
	out, highest = e.appendPacked(out, e.total)
	e.total.Reset()
	return out, highest
}

func (e *encoder) appendPacked(
	out []byte,
	h *hdrhistogram.PackedHistogram,
) (_ []byte, highest int64) {
	b := append(e.plain[:0], make([]byte, headerSize)...)
	next := 0 // index
	for v, n := range h.ForEachBucket {
		i := shared.index(v)
		switch empty := i - next; {
		case empty == 1:
			b = append(b, 0)
		case empty > 1:
			b = binary.AppendVarint(b, -int64(empty))
		}
		// Varint is ZigZag LEB128; the format cuts it at nine bytes, which counts
		// below 2⁶² never reach.
		b = binary.AppendVarint(b, n)
		next, highest = i+1, v
	}
	binary.BigEndian.PutUint32(b[0:], cookiePlain)
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-headerSize))
	binary.BigEndian.PutUint32(b[8:], 0) // normalizing index offset
	binary.BigEndian.PutUint32(b[12:], uint32(reference.SignificantFigures()))
	binary.BigEndian.PutUint64(b[16:], uint64(reference.LowestTrackableValue()))
	binary.BigEndian.PutUint64(b[24:], uint64(reference.HighestTrackableValue()))
	binary.BigEndian.PutUint64(b[32:], math.Float64bits(1)) // integers to doubles
	e.plain = b

	e.zipped.Reset()
	e.zipped.Write(make([]byte, 8))
	if len(b) <= maxStored {
		e.store(b)
	} else {
		e.zip.Reset(&e.zipped)
		// A bytes.Buffer does not fail.
		_, _ = e.zip.Write(b)
		_ = e.zip.Close()
	}
	z := e.zipped.Bytes()
	binary.BigEndian.PutUint32(z[0:], cookieCompressed)
	binary.BigEndian.PutUint32(z[4:], uint32(len(z)-8))
	if h.TotalCount() > 0 {
		highest = shared.top(highest)
	}
	return base64.StdEncoding.AppendEncode(out, z), highest
}

// maxStored is how many bytes are not worth compressing: the code that they would be written in
// takes as much as it saves, and most of the time of reading them.
const maxStored = 96

// How zlib data begins that is not compressed: a mark, the length of the one block, and its
// complement.
const (
	storedMark = "\x78\x01\x01" // RFC 1950: deflate, quickest; RFC 1951: the last block, stored
	storedHead = len(storedMark) + 4
)

// store writes b as zlib data that is not compressed.
func (e *encoder) store(b []byte) {
	var length [4]byte
	binary.LittleEndian.PutUint16(length[:], uint16(len(b)))
	binary.LittleEndian.PutUint16(length[2:], ^uint16(len(b)))
	e.zipped.WriteString(storedMark)
	e.zipped.Write(length[:])
	e.zipped.Write(b)
	e.zipped.Write(binary.BigEndian.AppendUint32(nil, adler32.Checksum(b)))
}
