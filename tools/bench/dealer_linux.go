package main

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const answerText = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"

// dealer is the loop's state; all of it belongs to one thread.
type dealer struct {
	manner
	deal deal

	epoll, listener, timer int

	listening bool      // the listener is watched: not while there are no more descriptors
	begun     time.Time // the first request
	conns     map[int32]*peer
	due       answers
	out       dealt
	requests  int
}

// peer is one connection. seen is how much of the blank line that ends a request
// has been read.
type peer struct {
	fd     int
	seen   int
	closed bool
}

// answer is one that is due.
type answer struct {
	to       *peer
	read, at time.Duration // since begun
	seq      int           // keeps the order of those due at once
}

type answers []answer

func (a answers) Len() int { return len(a) }
func (a answers) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a answers) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *answers) Push(x any)   { *a = append(*a, x.(answer)) }
func (a *answers) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// serve answers on a free port of the loopback, which it prints, until stdin ends.
func (m manner) serve(stdin *os.File, stdout io.Writer) (dealt, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d := &dealer{manner: m, deal: m.deal(), conns: make(map[int32]*peer)}
	if err := d.open(int(stdin.Fd()), stdout); err != nil {
		return dealt{}, err
	}
	defer d.close()
	err := d.loop(int32(stdin.Fd()))
	return d.out, err
}

func (d *dealer) open(stdin int, stdout io.Writer) (err error) {
	call := func(name string, f func() error) {
		if err == nil {
			if e := f(); e != nil {
				err = fmt.Errorf("%s: %w", name, e)
			}
		}
	}
	call(
		"epoll_create",
		func() (e error) { d.epoll, e = unix.EpollCreate1(unix.EPOLL_CLOEXEC); return },
	)
	call("timerfd_create", func() (e error) {
		d.timer, e = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
		return
	})
	call("socket", func() (e error) {
		d.listener, e = unix.Socket(
			unix.AF_INET,
			unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC,
			0,
		)
		return
	})
	call(
		"bind",
		func() error { return unix.Bind(d.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}) },
	)
	call("listen", func() error { return unix.Listen(d.listener, 4096) })
	call(
		"watch",
		func() error { return errors.Join(d.watch(d.timer), d.watch(stdin), d.watch(d.listener)) },
	)
	call("getsockname", func() error {
		a, e := unix.Getsockname(d.listener)
		if e != nil {
			return e
		}
		d.listening = true
		_, e = fmt.Fprintf(stdout, "127.0.0.1:%d\n", a.(*unix.SockaddrInet4).Port)
		return e
	})
	return err
}

func (d *dealer) close() {
	for _, p := range d.conns {
		_ = unix.Close(p.fd)
	}
	for _, fd := range []int{d.epoll, d.timer, d.listener} {
		_ = unix.Close(fd)
	}
}

func (d *dealer) watch(fd int) error {
	return unix.EpollCtl(
		d.epoll,
		unix.EPOLL_CTL_ADD,
		fd,
		&unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)},
	)
}

// now is the time since the first request, which the first call with one begins.
func (d *dealer) now() time.Duration {
	if d.begun.IsZero() {
		return 0
	}
	return time.Since(d.begun)
}

func (d *dealer) loop(stdin int32) error {
	events := make([]unix.EpollEvent, 512)
	for {
		d.answer()
		wait, err := d.arm()
		if err != nil {
			return err
		}
		n, err := unix.EpollWait(d.epoll, events, wait)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			switch e.Fd {
			case stdin:
				return nil
			case int32(d.listener):
				if err := d.accept(); err != nil {
					return err
				}
			case int32(d.timer):
				var expired [8]byte
				_, _ = unix.Read(d.timer, expired[:])
			default:
				if p := d.conns[e.Fd]; p != nil {
					d.read(p)
				}
			}
		}
	}
}

// arm sets the timer to what comes next; with wait 0 that is now.
func (d *dealer) arm() (wait int, err error) {
	if len(d.due) == 0 {
		return -1, nil
	}
	left := d.due[0].at - d.now()
	if left <= 0 {
		return 0, nil
	}
	if err := unix.TimerfdSettime(d.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}, nil); err != nil {
		return 0, fmt.Errorf("timerfd_settime: %w", err)
	}
	return -1, nil
}

func (d *dealer) accept() error {
	for {
		fd, _, err := unix.Accept4(d.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
		case unix.EAGAIN, unix.ECONNABORTED, unix.EINTR:
			return nil
		case unix.EMFILE, unix.ENFILE:
			d.listening = false
			return unix.EpollCtl(d.epoll, unix.EPOLL_CTL_DEL, d.listener, nil)
		default:
			return fmt.Errorf("accept: %w", err)
		}
		if d.refuse {
			// The port stays bound: were it free, a connection could get it as its own end and meet
			// itself.
			err := errors.Join(
				unix.EpollCtl(d.epoll, unix.EPOLL_CTL_DEL, d.listener, nil),
				unix.Shutdown(d.listener, unix.SHUT_RDWR),
			)
			_ = unix.Close(fd) // who sees this end is refused from then on
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err := d.watch(fd); err != nil {
			_ = unix.Close(fd)
			return fmt.Errorf("watch a connection: %w", err)
		}
		d.conns[int32(fd)] = &peer{fd: fd}
	}
}

func (d *dealer) hangUp(p *peer) {
	p.closed = true
	delete(d.conns, int32(p.fd))
	_ = unix.Close(p.fd)
	if !d.listening {
		d.listening = d.watch(d.listener) == nil
	}
}

// read takes what a connection has to say: requests without a body, each ended by
// a blank line.
func (d *dealer) read(p *peer) {
	var buf [8192]byte
	n, err := unix.Read(p.fd, buf[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		d.hangUp(p)
		return
	}
	if d.begun.IsZero() {
		d.begun = time.Now()
	}
	now := d.now()
	const end = "\r\n\r\n"
	for _, c := range buf[:n] {
		switch {
		case c == end[p.seen]:
			p.seen++
		case c == '\r':
			p.seen = 1
		default:
			p.seen = 0
		}
		if p.seen == len(end) {
			p.seen = 0
			heap.Push(
				&d.due,
				answer{to: p, read: now, at: d.deal(d.requests, now), seq: d.requests},
			)
			d.requests++
		}
	}
}

// answer writes all answers that are due.
func (d *dealer) answer() {
	for len(d.due) > 0 {
		now := d.now()
		if d.due[0].at > now {
			return
		}
		a := heap.Pop(&d.due).(answer)
		if a.to.closed {
			continue // the caller gave up
		}
		if _, err := unix.Write(a.to.fd, []byte(answerText)); err != nil {
			d.hangUp(a.to)
			continue
		}
		d.out.Answered++
		if d.record {
			d.out.Delays = append(d.out.Delays, now-a.read)
			d.out.Written = append(d.out.Written, now)
		}
	}
}
