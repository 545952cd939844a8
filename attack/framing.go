package attack

import (
	"bytes"
	"net/http"
	"strconv"
)

// framing follows the bytes of HTTP/1 answers on a connection, to tell where one
// ends. net/http knows that too, but reads ahead and keeps to itself whether more
// came than it was waiting for. What is not understood ends the following, for good:
// then nothing is said of what comes. The zero value waits for an answer.
type framing struct {
	state  frameState
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
	inNothing // what follows is not told apart: a body up to the end, no HTTP, or nonsense
)

// maxFrameLine is the longest line that is followed.
const maxFrameLine = 64 << 10

// next begins with the answer to another request.
func (f *framing) next(method string) {
	if f.state != inNothing {
		*f = framing{line: f.line[:0], head: method == http.MethodHead}
	}
}

// feed takes what was read, and returns how much of it belongs to the answer, and
// whether that ends there.
func (f *framing) feed(p []byte) (n int, done bool) {
	for n < len(p) {
		switch f.state {
		case inNothing:
			return len(p), false
		case inBody, inChunk:
			take := min(int64(len(p)-n), f.length)
			f.length -= take
			n += int(take)
			if f.length > 0 {
				return n, false
			}
			if f.state == inBody {
				return n, true
			}
			f.state = inChunkEnd
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
func (f *framing) wholeLine(p []byte) (line []byte, used int, whole bool) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		if f.line = append(f.line, p...); len(f.line) > maxFrameLine {
			f.state = inNothing
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
func (f *framing) take(line []byte) bool {
	switch f.state {
	case inStatus:
		f.begin(line)
	case inHeader:
		if len(line) > 0 {
			f.header(line)
			return false
		}
		return f.body()
	case inChunkSize:
		size, err := chunkSize(line)
		switch f.length = size; {
		case err != nil:
			f.state = inNothing
		case size == 0:
			f.state = inTrailer
		default:
			f.state = inChunk
		}
	case inChunkEnd:
		if f.state = inChunkSize; len(line) > 0 {
			f.state = inNothing
		}
	case inTrailer:
		return len(line) == 0
	}
	return false
}

func (f *framing) begin(line []byte) {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	status, err := strconv.Atoi(string(code))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) || err != nil || status < 100 {
		f.state = inNothing
		return
	}
	f.state, f.status, f.length, f.chunks = inHeader, status, -1, false
	f.old = string(version) == "HTTP/1.0"
}

func (f *framing) header(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 || f.length >= 0 && n != f.length {
			f.state = inNothing
		}
		f.length = n
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if f.chunks = bytes.EqualFold(value, []byte("chunked")); !f.chunks || f.old {
			f.state = inNothing
		}
	}
}

// body begins what follows the headers; true if that is nothing.
func (f *framing) body() bool {
	switch {
	case f.status == http.StatusSwitchingProtocols:
		f.state = inNothing
	case f.status < 200:
		f.state = inStatus // the one that was asked for is still to come
	case f.head, f.status == http.StatusNoContent, f.status == http.StatusNotModified:
		return true
	case f.chunks:
		f.state = inChunkSize
	case f.length == 0:
		return true
	case f.length > 0:
		f.state = inBody
	default:
		f.state = inNothing // it ends with the connection
	}
	return false
}
