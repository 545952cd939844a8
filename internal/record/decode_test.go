package record

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"hash/adler32"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// TestDecode reads what the encoder wrote, and reads it as the library does.
func TestDecode(t *testing.T) {
	edges := timeline.NewHistogram()
	for _, v := range []time.Duration{0, 1, 511, 512, 1023, 1024, 1 << 20, 1<<20 - 1, 1<<20 + 1, timeline.Highest - 1, timeline.Highest} {
		if err := edges.RecordValue(int64(v)); err != nil {
			t.Fatal(err)
		}
	}
	many := timeline.NewHistogram()
	if err := many.RecordValues(int64(time.Second), maxCount); err != nil {
		t.Fatal(err)
	}
	e, d := newEncoder(), new(decoder) // one for all, as the recording has them
	for name, h := range map[string]*hdrhistogram.Histogram{
		"empty": timeline.NewHistogram(), "edges": edges, "the greatest count": many,
		"one": histogramOf(1, time.Millisecond, 0), "few": histogramOf(20, 30*time.Millisecond, 1),
		"wide": histogramOf(50000, time.Second, 4),
	} {
		t.Run(name, func(t *testing.T) {
			text, _ := e.append(nil, distributionOf(h))
			got, err := d.decode(text)
			if err != nil {
				t.Fatal(err)
			}
			back := timeline.NewHistogram()
			if dropped := got.MergeInto(back); dropped > 0 || !back.Equals(h) {
				t.Errorf("%d were dropped, and the rest is not what was written", dropped)
			}
		})
	}
}

func TestPlacesOfValues(t *testing.T) {
	for i := range shared.index(int64(timeline.Highest)) + 1 {
		v := shared.value(i)
		if shared.index(v) != i || shared.index(shared.top(v)) != i || i > 0 && shared.top(shared.value(i-1)) != v-1 {
			t.Fatalf("place %d begins at %d, which lies in place %d", i, v, shared.index(v))
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	// encoded is a histogram of this payload, after its header was changed.
	encoded := func(payload []byte, change func(header []byte)) string {
		plain := make([]byte, headerSize, headerSize+len(payload))
		binary.BigEndian.PutUint32(plain[0:], cookiePlain)
		binary.BigEndian.PutUint32(plain[4:], uint32(len(payload)))
		binary.BigEndian.PutUint32(plain[12:], uint32(reference.SignificantFigures()))
		binary.BigEndian.PutUint64(plain[16:], uint64(reference.LowestTrackableValue()))
		binary.BigEndian.PutUint64(plain[24:], uint64(reference.HighestTrackableValue()))
		binary.BigEndian.PutUint64(plain[32:], math.Float64bits(1))
		if change != nil {
			change(plain)
		}
		var b bytes.Buffer
		b.Write(make([]byte, 8))
		z := zlib.NewWriter(&b)
		_, _ = z.Write(append(plain, payload...))
		_ = z.Close()
		binary.BigEndian.PutUint32(b.Bytes()[0:], cookieCompressed)
		binary.BigEndian.PutUint32(b.Bytes()[4:], uint32(b.Len()-8))
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	put := func(at int, v uint32) func([]byte) {
		return func(header []byte) { binary.BigEndian.PutUint32(header[at:], v) }
	}
	numbers := func(ns ...int64) (b []byte) {
		for _, n := range ns {
			b = binary.AppendVarint(b, n)
		}
		return b
	}
	good := encoded(numbers(-5, 3), nil)
	one := timeline.NewHistogram()
	if err := one.RecordValue(int64(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	// tampered is a histogram as the recorder stores it, with another byte at a place, from the end
	// if it is below 0.
	tampered := func(at int) string {
		text, _ := newEncoder().append(nil, distributionOf(one))
		b, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := stored(b[8:]); !ok {
			t.Fatal("expected that so few values are stored as they are")
		}
		b[(at+len(b))%len(b)] ^= 1
		return base64.StdEncoding.EncodeToString(b)
	}
	places := int64(shared.index(int64(timeline.Highest)) + 1)
	d := new(decoder)
	for _, tc := range []struct{ name, text, want string }{
		{"no base64", "!", "illegal base64"},
		{"nothing", "", "does not begin like"},
		{"another cookie", base64.StdEncoding.EncodeToString(make([]byte, 20)), "does not begin like"},
		{"cut off", good[:len(good)-8], "its length is said to be"},
		{"not compressed", base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, cookieCompressed), 4), "abcd"...)), "zlib"},
		{"another cookie within", encoded(nil, put(0, 1)), "is not a V2 histogram"},
		{"another length within", encoded(numbers(1), put(4, 7)), "is not a V2 histogram"},
		{"shifted", encoded(nil, put(8, 1)), "is not a V2 histogram"},
		{"more digits", encoded(nil, put(12, 4)), "with 3 digits, found"},
		{"another range", encoded(nil, put(28, 4)), "found 1000 to"},
		{"values that are scaled", encoded(nil, put(32, 0)), "expected a histogram of"},
		{"a cut number", encoded([]byte{0x80}, nil), "is not a number"},
		{"too long a run", encoded(numbers(-places-1), nil), "more buckets than there are"},
		{"the longest run", encoded(numbers(math.MinInt64), nil), "more buckets than there are"},
		{"a bucket too many", encoded(numbers(-places, 1), nil), "more buckets than there are"},
		{"too great a count", encoded(numbers(maxCount+1), nil), "expected at most"},
		{"too great a sum", encoded(numbers(maxCount, maxCount), nil), "expected at most"},
		{"stored, with a wrong sum", tampered(-1), "zlib: invalid checksum"},
		{"stored, with a wrong count", tampered(-adler32.Size - 1), "zlib: invalid checksum"},
		{"stored, with a wrong length", tampered(8 + len(storedMark)), "corrupt"},
		{"a bomb", encoded(make([]byte, 1<<20), nil), "is not a V2 histogram"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := d.decode([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if h, err := d.decode([]byte(good)); err != nil || h.TotalCount() != 3 {
				t.Errorf("after that, a good one: %v", err)
			}
		})
	}
}
