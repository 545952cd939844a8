package ledger

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// File is the name of the spool in the run directory. Only its owner may read it, as keys can be
// secrets.
const File = "ledger.spool"

const (
	// MaxKey is the longest key that is kept, in bytes.
	MaxKey = 1 << 10
	// maxLine is the longest line: each byte of a key can take four.
	maxLine = 4*MaxKey + 128
	// maxBuffered is how much waits for the disk at most, in bytes; as much again is being
	// written.
	maxBuffered = 4 << 20
)

// entry is a write with its key.
type entry struct {
	ledger     int
	fate       Fate
	sent, done time.Duration
	key        string
}

// append adds the entry as a line: a checksum, and what it is of.
func (e *entry) append(b []byte) []byte {
	at := len(b)
	b = append(b, "00000000 "...)
	from := len(b)
	b = append(b, fateLetters[e.fate], ' ')
	b = append(strconv.AppendInt(b, int64(e.ledger), 10), ' ')
	b = append(strconv.AppendInt(b, int64(e.sent), 10), ' ')
	b = append(strconv.AppendInt(b, int64(e.done), 10), ' ')
	b = strconv.AppendQuote(b, e.key)
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(b[from:]))
	hex.Encode(b[at:], sum[:])
	return append(b, '\n')
}

// parseEntry reads a line without its end; false if it is not what append wrote.
func parseEntry(line []byte) (e entry, ok bool) {
	sum, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(rest)) {
		return e, false
	}
	parts := bytes.SplitN(rest, []byte(" "), 5)
	if len(parts) != 5 || len(parts[0]) != 1 {
		return e, false
	}
	fate := bytes.IndexByte(fateLetters[:], parts[0][0])
	var numbers [3]int64
	for i := range numbers {
		n, err := strconv.ParseInt(string(parts[1+i]), 10, 64)
		if err != nil {
			return e, false
		}
		numbers[i] = n
	}
	key, err := strconv.Unquote(string(parts[4]))
	if fate < 0 || err != nil || len(key) > MaxKey {
		return e, false
	}
	return entry{
		int(numbers[0]), Fate(fate), time.Duration(numbers[1]), time.Duration(numbers[2]), key,
	}, true
}

// scan reads the entries of a spool until yield returns false. Lines that are cut off or damaged
// are left out.
func scan(r io.Reader, yield func(entry) bool) error {
	in := bufio.NewReaderSize(r, maxLine)
	whole := true // the next part begins a line
	for {
		part, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			whole = false
			continue
		case errors.Is(err, io.EOF):
			return nil // a line without its end was cut off
		case err != nil:
			return err
		}
		if e, ok := parseEntry(part[:len(part)-1]); ok && whole && !yield(e) {
			return nil
		}
		whole = true
	}
}

// spool is a file that entries are appended to. It is safe for concurrent use.
type spool struct {
	file *os.File
	wake chan struct{}
	done chan struct{}

	mu     sync.Mutex
	buf    []byte
	closed bool
	err    error // of the disk; what comes after it is dropped
}

func newSpool(path string) (*spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	s := &spool{file: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.write(f)
	return s, nil
}

// lines are buffers for one line each.
var lines = sync.Pool{New: func() any { return new([]byte) }}

// add keeps an entry; false if there is no room for it.
func (s *spool) add(e *entry) bool {
	made := lines.Get().(*[]byte)
	defer lines.Put(made)
	*made = e.append((*made)[:0])
	line := *made
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.closed || len(s.buf)+len(line) > maxBuffered {
		return false
	}
	s.buf = append(s.buf, line...)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

// write brings what is buffered to the disk until the spool is closed.
func (s *spool) write(to io.Writer) {
	defer close(s.done)
	var spare []byte
	for range s.wake {
		s.mu.Lock()
		full := s.buf
		s.buf = spare[:0]
		s.mu.Unlock()
		if _, err := to.Write(full); err != nil {
			s.mu.Lock()
			s.err, s.buf = err, nil
			s.mu.Unlock()
		}
		spare = full
	}
}

// close brings all to the disk, and takes nothing more. It returns the error of the disk.
func (s *spool) close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.done
		return s.err
	}
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // a wake that waits comes after all that was added
	}
	close(s.wake)
	<-s.done
	s.err = errors.Join(s.err, s.file.Close())
	return s.err
}
