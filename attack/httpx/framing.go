package httpx

import (
	"bytes"
	"net/http"
	"strconv"
)

// Framing follows the bytes of HTTP/1 answers on a connection, to find where each ends. net/http
// finds that too, but reads ahead and does not say whether more came than the answer. After bytes
// that it does not understand, Framing says nothing more about the connection. The zero value waits
// for an answer.
type Framing struct {
	State  frameState
	line   []byte // the beginning of one
	head   bool   // the answer is to a HEAD request
	status int
	length int64 // of the body, -1 if it is not said; of a chunk what is left
	chunks bool
	old    bool // HTTP/1.0, which knows no chunks
}

type frameState uint8

const (
	inStatus frameState = iota
	inHeader
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	InNothing // what follows is not told apart: a body up to the end, no HTTP, or nonsense
)

// maxFrameLine is the longest line that is followed.
const maxFrameLine = 64 << 10

// Next begins with the answer to another request.
func (f *Framing) Next(method string) {
	if f.State != InNothing {
		*f = Framing{line: f.line[:0], head: method == http.MethodHead}
	}
}

// Feed takes what was read, and returns how much of it belongs to the answer, and
// whether that ends there.
func (f *Framing) Feed(p []byte) (n int, done bool) {
	for n < len(p) {
		switch f.State {
		case InNothing:
			return len(p), false
		case inBody, inChunk:
			take := min(int64(len(p)-n), f.length)
			f.length -= take
			n += int(take)
			if f.length > 0 {
				return n, false
			}
			if f.State == inBody {
				return n, true
			}
			f.State = inChunkEnd
		default:
			line, used, whole := f.wholeLine(p[n:])
			n += used
			if whole && f.take(line) {
				return n, true
			}
		}
	}
	return n, false
}

// wholeLine gathers a line, and returns it without its end.
func (f *Framing) wholeLine(p []byte) (line []byte, used int, whole bool) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		if f.line = append(f.line, p...); len(f.line) > maxFrameLine {
			f.State = InNothing
		}
		return nil, len(p), false
	}
	line = p[:i]
	if len(f.line) > 0 {
		f.line = append(f.line, line...)
		line, f.line = f.line, f.line[:0]
	}
	return bytes.TrimSuffix(line, []byte("\r")), i + 1, true
}

// take takes a line; true if the answer ends with it.
func (f *Framing) take(line []byte) bool {
	switch f.State {
	case inStatus:
		f.begin(line)
	case inHeader:
		if len(line) > 0 {
			f.header(line)
			return false
		}
		return f.body()
	case inChunkSize:
		size, err := ChunkSize(line)
		switch f.length = size; {
		case err != nil:
			f.State = InNothing
		case size == 0:
			f.State = inTrailer
		default:
			f.State = inChunk
		}
	case inChunkEnd:
		if f.State = inChunkSize; len(line) > 0 {
			f.State = InNothing
		}
	case inTrailer:
		return len(line) == 0
	}
	return false
}

func (f *Framing) begin(line []byte) {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	status, err := strconv.Atoi(string(code))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) || err != nil || status < 100 {
		f.State = InNothing
		return
	}
	f.State, f.status, f.length, f.chunks = inHeader, status, -1, false
	f.old = string(version) == "HTTP/1.0"
}

func (f *Framing) header(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 || f.length >= 0 && n != f.length {
			f.State = InNothing
		}
		f.length = n
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if f.chunks = bytes.EqualFold(value, []byte("chunked")); !f.chunks || f.old {
			f.State = InNothing
		}
	}
}

// body begins what follows the headers; true if that is nothing.
func (f *Framing) body() bool {
	switch {
	case f.status == http.StatusSwitchingProtocols:
		f.State = InNothing
	case f.status < 200:
		f.State = inStatus // the one that was asked for is still to come
	case f.head, f.status == http.StatusNoContent, f.status == http.StatusNotModified:
		return true
	case f.chunks:
		f.State = inChunkSize
	case f.length == 0:
		return true
	case f.length > 0:
		f.State = inBody
	default:
		f.State = InNothing // it ends with the connection
	}
	return false
}
