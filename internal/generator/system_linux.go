package generator

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/cgroup"
)

func readLimits() Limits {
	l := Limits{Cores: cgroup.CPUs(os.ReadFile), Files: softFiles()}
	var mask unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &mask); err == nil {
		l.CPUs = mask.Count()
	}
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		l.Ports = parsePortRange(text)
	}
	return l
}

// system reads the kernel's counters from files that stay open.
type system struct {
	mask unix.CPUSet
	// What cannot be opened is nil, and its figures stay 0.
	stat, statm, sockets, sockets6, fd *os.File

	buf     []byte
	files   uint64
	recount time.Time // when the files are to be counted again
}

func (s *system) open() {
	if err := unix.SchedGetaffinity(os.Getpid(), &s.mask); err != nil {
		for i := range 1024 {
			s.mask.Set(i)
		}
	}
	s.buf = make([]byte, 16<<10)
	for name, to := range map[string]**os.File{
		"/proc/stat": &s.stat, "/proc/self/statm": &s.statm,
		"/proc/net/sockstat": &s.sockets, "/proc/net/sockstat6": &s.sockets6,
		"/proc/self/fd": &s.fd,
	} {
		if f, err := os.Open(name); err == nil {
			*to = f
		}
	}
}

func (s *system) close() {
	for _, f := range []*os.File{s.stat, s.statm, s.sockets, s.sockets6, s.fd} {
		if f != nil {
			f.Close()
		}
	}
}

func (s *system) read(u *usage) {
	u.cpu = ownCPU()
	u.work, u.steal, u.total = parseStat(s.text(s.stat), s.mask.IsSet)
	u.memory = parseStatm(s.text(s.statm)) * uint64(os.Getpagesize())
	u.ports = parseSockstat(s.text(s.sockets)) + parseSockstat(s.text(s.sockets6))
	u.files = s.countFiles()
}

// text reads the beginning of a file, which holds all that is wanted, again. It is
// valid until the next call.
func (s *system) text(f *os.File) []byte {
	if f == nil {
		return nil
	}
	n, err := f.ReadAt(s.buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	if n == len(s.buf) && f == s.stat && !bytes.Contains(s.buf, []byte("\nintr")) && n < 1<<20 {
		s.buf = make([]byte, 2*n) // a machine of many CPUs; once
		return s.text(f)
	}
	return s.buf[:n]
}

// countFiles counts the open file descriptors. Linux 6.2 and later have their
// number as the folder's size; before, they have to be listed, which takes about
// a microsecond each, and so is done less often the longer it takes.
func (s *system) countFiles() uint64 {
	if s.fd == nil {
		return 0
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(s.fd.Fd()), &st); err == nil && st.Size > 0 {
		return uint64(st.Size)
	}
	start := time.Now()
	if start.Before(s.recount) {
		return s.files
	}
	s.files = s.listFiles()
	s.recount = start.Add(2000 * time.Since(start)) // half a thousandth of one core
	return s.files
}

// listFiles counts the open file descriptors one by one.
func (s *system) listFiles() uint64 {
	if _, err := s.fd.Seek(0, io.SeekStart); err != nil {
		return 0
	}
	var n uint64
	for {
		names, err := s.fd.Readdirnames(256)
		n += uint64(len(names))
		if err != nil {
			return n
		}
	}
}
