package main

import (
	"bufio"
	"container/heap"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dealing in this process, until the returned function is called.
func serveHere(t *testing.T, m manner) (addr string, end func() dealt) {
	t.Helper()
	in, stop, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, said, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		dealt
		error
	}
	done := make(chan result, 1)
	go func() {
		d, err := m.serve(in, said)
		_ = said.Close()
		done <- result{d, err}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, (<-done).error)
	}
	return strings.TrimSpace(line), func() dealt {
		_ = stop.Close()
		r := <-done
		_, _ = in.Close(), out.Close()
		if r.error != nil {
			t.Fatal(r.error)
		}
		return r.dealt
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

func answered(t *testing.T, c net.Conn) {
	t.Helper()
	b := make([]byte, len(answerText))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != answerText {
		t.Fatalf("%q, %v", b, err)
	}
}

const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// No answer comes before its time, and what was dealt is written down.
func TestDealer(t *testing.T) {
	delays := []time.Duration{80 * time.Millisecond, 0, 20 * time.Millisecond}
	dealtNow := make(chan int, len(delays))
	addr, end := serveHere(t, manner{record: true, deal: func() deal {
		return func(n int, now time.Duration) time.Duration {
			dealtNow <- n
			return now + delays[n]
		}
	}})
	slow, fast := dial(t, addr), dial(t, addr)
	begin := time.Now()
	_, _ = io.WriteString(slow, request)
	<-dealtNow // the next must not overtake it
	// In pieces, as a request may come.
	for _, piece := range []string{request[:5], request[5 : len(request)-3], request[len(request)-3:]} {
		_, _ = io.WriteString(fast, piece)
		time.Sleep(time.Millisecond)
	}
	answered(t, fast)
	_, _ = io.WriteString(fast, request)
	answered(t, fast)
	answered(t, slow)
	if took := time.Since(begin); took < delays[0] {
		t.Errorf("answered after %v, before it was due", took)
	}
	d := end()
	if d.Answered != 3 || len(d.Delays) != 3 {
		t.Fatalf("%+v", d)
	}
	slices.Sort(d.Delays)
	slices.Sort(delays)
	for i, want := range delays {
		if d.Delays[i] < want {
			t.Errorf("delay %d: %v, due after %v", i, d.Delays[i], want)
		}
	}
}

// Answers go out in the order in which they are due; those due at once, as they came.
func TestAnswersInOrder(t *testing.T) {
	var due answers
	for seq, at := range []time.Duration{5, 1, 3, 1, 9, 3} {
		heap.Push(&due, answer{at: at, seq: seq})
	}
	var got []int
	for len(due) > 0 {
		got = append(got, heap.Pop(&due).(answer).seq)
	}
	if want := []int{1, 3, 2, 5, 0, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Who leaves gets no answer, is not counted, and does no harm to the others.
func TestDealerOutlivesThoseWhoLeave(t *testing.T) {
	d := &dealer{due: answers{{to: &peer{fd: -1, closed: true}}}}
	if d.answer(); d.out.Answered != 0 || len(d.due) != 0 {
		t.Errorf("%+v, %d due", d.out, len(d.due))
	}
	addr, end := serveHere(t, manner{deal: func() deal {
		return func(n int, now time.Duration) time.Duration { return now + 20*time.Millisecond }
	}})
	gone := dial(t, addr)
	_, _ = io.WriteString(gone, request)
	_ = gone.Close()
	stays := dial(t, addr)
	_, _ = io.WriteString(stays, request)
	answered(t, stays)
	if d := end(); d.Answered < 1 || d.Delays != nil {
		t.Errorf("%+v", d)
	}
}

// In a stall nothing is answered, but all that came in is when it ends.
func TestDealerStalls(t *testing.T) {
	w := window{20 * time.Millisecond, 120 * time.Millisecond}
	var due []time.Duration
	addr, end := serveHere(t, manner{record: true, deal: func() deal {
		deal := stalled(w)
		return func(n int, now time.Duration) time.Duration {
			due = append(due, deal(n, now))
			return due[n]
		}
	}})
	c := dial(t, addr)
	begin := time.Now() // the server's first request comes later
	_, _ = io.WriteString(c, request)
	answered(t, c)
	time.Sleep(w.from) // the server has begun, so the next comes in the stall or after it
	late := dial(t, addr)
	_, _ = io.WriteString(c, request)
	_, _ = io.WriteString(late, request)
	answered(t, c)
	answered(t, late)
	if took := time.Since(begin); took < w.to {
		t.Errorf("answered %v after the first request, in the stall of %v", took, w)
	}
	_, _ = io.WriteString(c, request)
	answered(t, c)
	d := end()
	if d.Answered != 4 || len(d.Written) != 4 || !slices.IsSorted(d.Written) {
		t.Fatalf("%+v", d)
	}
	// On a busy machine an answer that was due before the stall can be written in
	// it; none may be due in it, or be written before it is due.
	slices.Sort(due)
	for n, at := range d.Written {
		if due[n] >= w.from && due[n] < w.to || at < due[n] {
			t.Errorf("answer %d due at %v and written at %v, with a stall of %v", n, due[n], at, w)
		}
	}
}

// The first to come is let in, as ordeal looks whether someone is there; then
// nobody, and the port is not given to anyone else.
func TestDealerRefuses(t *testing.T) {
	addr, end := serveHere(t, manners[refusesManner])
	first := dial(t, addr)
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the first: %v", err)
	}
	for range 3 {
		if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("not refused: %v, %v", c, err)
		}
	}
	if l, err := net.Listen("tcp", addr); err == nil {
		_ = l.Close()
		t.Error("the port was free for others")
	}
	if d := end(); d.Answered != 0 {
		t.Errorf("%+v", d)
	}
}
