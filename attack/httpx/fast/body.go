package fast

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// spaces are what long bodies are read into, past the connection's buffer.
var spaces = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// readBody reads n bytes of a body, or all up to the end of the connection if n
// is below 0. It counts them, and keeps the first MaxBody if they are wanted.
func (c *conn) readBody(n int64, want bool, r *httpx.Reply) error {
	for n != 0 {
		if b := c.br.Buffered(); b > 0 {
			if n > 0 && int64(b) > n {
				b = int(n)
			}
			p, _ := c.br.Peek(b)
			if err := c.take(p, want, r); err != nil {
				return err
			}
			_, _ = c.br.Discard(b)
			n = less(n, b)
			continue
		}
		if n > 0 && n <= int64(c.br.Size()) || len(c.ahead) > 0 {
			if _, err := c.br.Peek(1); err != nil {
				return atEnd(err)
			}
			continue
		}
		got, err := c.readPast(n, want, r)
		n = less(n, got)
		switch {
		case err == io.EOF && n < 0:
			return nil
		case err != nil && (n != 0 || httpx.IsTooLarge(err)):
			return atEnd(err)
		}
	}
	return nil
}

// readPast reads once, past the buffer.
func (c *conn) readPast(n int64, want bool, r *httpx.Reply) (int, error) {
	space := spaces.Get().(*[32 << 10]byte)
	defer spaces.Put(space)
	p := space[:]
	if n > 0 && n < int64(len(p)) {
		p = p[:n]
	}
	got, err := c.Read(p)
	if large := c.take(p[:got], want, r); large != nil {
		return got, large
	}
	return got, err
}

// less is what is left of n, which below 0 is without end.
func less(n int64, by int) int64 {
	if n < 0 {
		return n
	}
	return n - int64(by)
}

// atEnd is for an end in the middle of an answer.
func atEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take is Reply.take for as long as the body is not too large.
func (c *conn) take(p []byte, want bool, r *httpx.Reply) error {
	if room := c.maxBody - r.BytesIn; c.maxBody > 0 && int64(len(p)) > room {
		keepPiece(r, p[:room], want)
		return &httpx.TooLarge{Limit: c.maxBody}
	}
	keepPiece(r, p, want)
	return nil
}

// keepPiece counts a piece of a body.
func keepPiece(r *httpx.Reply, p []byte, want bool) {
	r.BytesIn += int64(len(p))
	if room := httpx.BodyKept(want, r.Status) - len(r.Body); room > 0 {
		r.Body = append(r.Body, p[:min(len(p), room)]...)
	}
}

// maxTrailer bounds what may follow the last chunk.
const maxTrailer = 64 << 10

// readChunks reads a body in chunks. It takes and refuses what net/http does, as a
// run must not depend on the engine; lines that end with LF alone are refused as
// RFC 9112 asks for (its erratum 7633).
func (c *conn) readChunks(want bool, r *httpx.Reply) error {
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		size, err := httpx.ChunkSize(line)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if err := c.readBody(size, want, r); err != nil {
			return err
		}
		end, err := c.br.Peek(2)
		if len(end) > 0 && end[0] != '\r' || len(end) == 2 && end[1] != '\n' {
			return &httpx.Malformed{
				Err: errors.New("a chunk is longer than it says, or its end is not CR and LF"),
			}
		}
		if err != nil {
			return atEnd(err)
		}
		_, _ = c.br.Discard(2)
	}
	for n := 0; n < maxTrailer; {
		line, err := c.readLine()
		if err != nil || len(line) == 0 {
			return err
		}
		i := bytes.IndexByte(line, ':')
		continued := n > 0 && (line[0] == ' ' || line[0] == '\t')
		if !continued && (i <= 0 || !fieldName(bytes.TrimRight(line[:i], " "))) ||
			!fieldValue(line) {
			return &httpx.Malformed{
				Err: errors.New(
					"a line after the last chunk is no header: " + strconv.Quote(
						plaintext.Clip(string(line), 40),
					),
				),
			}
		}
		n += len(line)
	}
	return &httpx.Malformed{Err: fmt.Errorf("its trailer exceeded %d bytes", maxTrailer)}
}

// readLine returns a line of the framing of chunks, without its end; it is valid
// until the next read.
func (c *conn) readLine() ([]byte, error) {
	line, err := c.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return nil, &httpx.Malformed{Err: errors.New("a line between chunks is too long")}
	}
	if err != nil {
		return nil, atEnd(err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	switch {
	case !ok:
		return nil, &httpx.Malformed{Err: errors.New("a line between chunks ends with LF alone")}
	case bytes.IndexByte(line, '\r') >= 0:
		return nil, &httpx.Malformed{Err: errors.New("a line between chunks has a CR within it")}
	}
	return line, nil
}
