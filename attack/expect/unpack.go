package expect

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// Engines leave bodies as they come over the wire: their size is counted so, and
// load whose bodies nobody looks at pays for no unpacking. A body that a check or
// a capture looks at, or that becomes a sample, is unpacked then.

// unpacker reads a packed body. Its readers are kept for others.
type unpacker interface {
	io.Reader
	reset(packed io.Reader) error
}

// unpackers are the values of Content-Encoding, and what unpacks each.
var unpackers = map[string]*sync.Pool{
	"gzip":    {New: func() any { return new(gunzip) }},
	"deflate": {New: func() any { return new(inflate) }},
	"br":      {New: func() any { return unbrotli{brotli.NewReader(nil)} }},
	"zstd":    {New: func() any { return new(unzstd) }},
}

type gunzip struct{ gzip.Reader }

func (g *gunzip) reset(packed io.Reader) error { return g.Reset(packed) }

// inflate reads deflate as HTTP means it, in zlib's wrapping, and without it, as
// some servers send it.
type inflate struct {
	io.Reader
	zlib, raw io.ReadCloser
}

func (f *inflate) reset(packed io.Reader) (err error) {
	b := bufio.NewReader(packed)
	head, _ := b.Peek(2) // what is wrong with it, reading says
	if len(head) == 2 && head[0]&15 == 8 && (int(head[0])<<8+int(head[1]))%31 == 0 {
		if f.zlib == nil {
			f.zlib, err = zlib.NewReader(b)
		} else {
			err = f.zlib.(zlib.Resetter).Reset(b, nil)
		}
		f.Reader = f.zlib
		return err
	}
	if f.raw == nil {
		f.raw = flate.NewReader(b)
	} else {
		err = f.raw.(flate.Resetter).Reset(b, nil)
	}
	f.Reader = f.raw
	return err
}

type unbrotli struct{ *brotli.Reader }

func (u unbrotli) reset(packed io.Reader) error { return u.Reset(packed) }

// maxWindow is how much of what it has unpacked zstd may look back at in HTTP, as
// RFC 9659 has it.
const maxWindow = 8 << 20

type unzstd struct{ *zstd.Decoder }

func (u *unzstd) reset(packed io.Reader) (err error) {
	if u.Decoder != nil {
		return u.Reset(packed)
	}
	// One that decodes by itself, without goroutines that would have to be ended.
	u.Decoder, err = zstd.NewReader(
		packed,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow),
	)
	return err
}

// EncodingOf is what engine fast says of how a body is packed: of those that are
// known, without a copy.
func EncodingOf(header []byte) string {
	for _, known := range []string{"", "gzip", "br", "zstd", "deflate", "identity"} {
		if string(header) == known {
			return known
		}
	}
	return string(header)
}

// EncodingIn is the same of headers.
func EncodingIn(h http.Header) string { return strings.Join(h["Content-Encoding"], ",") }

// Unpack makes of the body what it was before it was packed, for those who look at
// it: as much as MaxBody of it, however much it would become. It costs nothing if
// the body is not packed, or was looked at before.
func (r *Answer) Unpack() error {
	if r.Encoding == "" || r.packed != nil {
		return r.packed
	}
	encodings := strings.Split(r.Encoding, ",")
	slices.Reverse(encodings) // the last was applied last
	body, cut := r.Body, r.BytesIn > int64(len(r.Body))
	for _, e := range encodings {
		name := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(e)), "x-")
		if name == "identity" || name == "" || len(body) == 0 {
			continue
		}
		pool, ok := unpackers[name]
		if !ok {
			r.packed = fmt.Errorf(
				"expected a body that can be unpacked, found one with Content-Encoding: %s "+
					"(known are gzip, deflate, br and zstd)",
				plaintext.Clip(e, maxShown),
			)
			return r.packed
		}
		var err error
		if body, cut, err = unpacked(pool, body, cut); err != nil {
			r.packed = fmt.Errorf(
				"expected a body in %s as its Content-Encoding says, found one that cannot be unpacked: %s",
				name,
				plaintext.Clip(err.Error(), maxShown),
			)
			return r.packed
		}
	}
	r.Encoding, r.Body, r.unpacked, r.cut = "", body, true, cut
	return nil
}

// more says whether the body is longer than the n bytes of it that somebody has.
func (r *Answer) more(n int) bool {
	if r.unpacked {
		return r.cut || n < len(r.Body)
	}
	return r.BytesIn > int64(n)
}

// unpacked is a body without its packing, up to MaxBody. cut says of what it is
// given, and of what it returns, that it is the beginning only.
func unpacked(pool *sync.Pool, packed []byte, cut bool) (body []byte, more bool, err error) {
	u := pool.Get().(unpacker)
	if err := u.reset(bytes.NewReader(packed)); err != nil {
		if cut && errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, true, nil
		}
		return nil, false, err // u is what its failure left: not for others
	}
	out := bytes.NewBuffer(make([]byte, 0, min(4*len(packed)+bytes.MinRead, MaxBody+bytes.MinRead)))
	_, err = out.ReadFrom(io.LimitReader(u, MaxBody+1))
	switch {
	case out.Len() > MaxBody:
		out.Truncate(MaxBody)
		cut, err = true, nil
	case cut && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		err = nil // no more of it was kept
	case out.Len() > 0 && errors.Is(err, gzip.ErrHeader):
		err = nil // something follows the end, which browsers do not mind
	}
	if err == nil {
		pool.Put(u)
	}
	return out.Bytes(), cut, err
}
