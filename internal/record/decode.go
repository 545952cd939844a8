package record

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/klauspost/compress/zlib"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// decoder reads histograms that an encoder wrote. The library's decoder makes a decompressor of
// 40 KB for each histogram, and a recording has histograms for every second, stage and request;
// this one keeps its decompressor. It is not safe for concurrent use.
type decoder struct {
	raw   []byte
	tag   []byte // of the line
	in    bytes.Reader
	zip   io.ReadCloser
	upTo  io.LimitedReader
	plain bytes.Buffer
	found *hdrhistogram.PackedHistogram // nil until one is read
}

// maxPlain is the length of a histogram without an empty bucket, each with a count
// of nine bytes.
var maxPlain = headerSize + 9*(shared.index(int64(timeline.Highest))+1)

// decode reads a histogram of the shared geometry.
func (d *decoder) decode(text []byte) (*hdrhistogram.PackedHistogram, error) {
	var err error
	if d.raw, err = base64.StdEncoding.AppendDecode(d.raw[:0], text); err != nil {
		return nil, err
	}
	if len(d.raw) < 8 || binary.BigEndian.Uint32(d.raw) != cookieCompressed {
		return nil, errors.New("it does not begin like a compressed V2 histogram")
	}
	if n, rest := binary.BigEndian.Uint32(d.raw[4:]), len(d.raw)-8; uint64(n) != uint64(rest) {
		return nil, fmt.Errorf("its length is said to be %d, and is %d", n, rest)
	}
	b, ok := stored(d.raw[8:])
	if !ok {
		if b, err = d.unzip(d.raw[8:]); err != nil {
			return nil, err
		}
	}
	if len(b) < headerSize || len(b) > maxPlain || binary.BigEndian.Uint32(b) != cookiePlain ||
		uint64(binary.BigEndian.Uint32(b[4:])) != uint64(len(b)-headerSize) ||
		binary.BigEndian.Uint32(b[8:]) != 0 {
		return nil, errors.New("what was compressed is not a V2 histogram")
	}
	digits := binary.BigEndian.Uint32(b[12:])
	lowest, highest := binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	if int64(digits) != reference.SignificantFigures() ||
		int64(lowest) != reference.LowestTrackableValue() ||
		int64(highest) != reference.HighestTrackableValue() ||
		binary.BigEndian.Uint64(b[32:]) != math.Float64bits(1) {
		return nil, fmt.Errorf(
			"expected a histogram of %d to %d with %d digits, found %d to %d with %d",
			reference.LowestTrackableValue(),
			reference.HighestTrackableValue(),
			reference.SignificantFigures(),
			lowest,
			highest,
			digits,
		)
	}
	if d.found == nil {
		d.found = timeline.NewPackedHistogram()
	}
	d.found.Reset()
	if err := counts(d.found, b[headerSize:]); err != nil {
		return nil, err
	}
	return d.found.Clone(), nil // of the size that it needs
}

// unzip reads zlib data. What it returns holds until the next call; it is cut off where it is too
// long for a histogram.
func (d *decoder) unzip(b []byte) ([]byte, error) {
	d.in.Reset(b)
	var err error
	if d.zip == nil {
		d.zip, err = zlib.NewReader(&d.in)
	} else {
		err = d.zip.(zlib.Resetter).Reset(&d.in, nil)
	}
	if err != nil {
		d.zip = nil
		return nil, err
	}
	d.plain.Reset()
	d.upTo = io.LimitedReader{R: d.zip, N: int64(maxPlain) + 1}
	if _, err := d.plain.ReadFrom(&d.upTo); err != nil {
		return nil, err
	}
	return d.plain.Bytes(), nil
}

// stored returns what encoder.store wrote; false for any other zlib data.
func stored(b []byte) ([]byte, bool) {
	n := len(b) - storedHead - adler32.Size
	if n < 0 || n > maxStored || string(b[:3]) != storedMark ||
		binary.LittleEndian.Uint16(b[3:]) != uint16(n) ||
		binary.LittleEndian.Uint16(b[5:]) != ^uint16(n) {
		return nil, false
	}
	plain := b[storedHead : storedHead+n]
	return plain, binary.BigEndian.Uint32(b[storedHead+n:]) == adler32.Checksum(plain)
}

// counts reads a histogram's buckets into an empty one.
func counts(h *hdrhistogram.PackedHistogram, b []byte) error {
	last := int64(shared.index(int64(timeline.Highest)))
	for next := int64(0); len(b) > 0; {
		n, size := binary.Varint(b)
		switch {
		case size <= 0:
			return errors.New("a count of it is not a number")
		case n < -(last + 1): // also the one that has no opposite
			return errors.New("it has more buckets than there are")
		case n < 0:
			next -= n
		case next > last:
			return errors.New("it has more buckets than there are")
		default:
			if n > maxCount || h.TotalCount()+n > maxCount {
				return fmt.Errorf("expected at most %d values, found more", int64(maxCount))
			}
			if err := h.RecordValues(shared.value(int(next)), n); err != nil {
				return err
			}
			next++
		}
		b = b[size:]
	}
	return nil
}
