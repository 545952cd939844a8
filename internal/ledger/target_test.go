package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
)

// store is a target that keeps writes by key, and does wrong where it is told to. It is an
// engine, so that no test depends on sockets.
type store struct {
	mu    sync.Mutex
	kept  map[string]int
	reads int
	// write says what becomes of the n-th write: how often it is kept, and the answer; 0 is none.
	write func(key string) (times, status int)
	// read is the status in place of the true one, if it is not 0.
	read func(key string, nth int) int
	// takes is how long a read takes.
	takes time.Duration
}

func (s *store) Send(ctx context.Context, c *httpx.Call) (r httpx.Reply) {
	r.Sent = time.Now()
	defer func() { r.Done = time.Now() }()
	_, key, _ := strings.Cut(c.URL, "http://store/")
	if c.Method == http.MethodPost {
		s.mu.Lock()
		defer s.mu.Unlock()
		times, status := s.write(key)
		if s.kept == nil {
			s.kept = map[string]int{}
		}
		s.kept[key] += times
		if r.Status = status; status == 0 {
			r.Err = context.DeadlineExceeded
		}
		r.Body = fmt.Appendf(nil, `{"id":%q}`, key)
		return r
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		r.Err = context.Cause(ctx)
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	times := s.kept[key]
	r.Status = http.StatusOK
	if times == 0 {
		r.Status = http.StatusNotFound
	}
	if s.read != nil {
		if other := s.read(key, s.reads); other != 0 {
			r.Status = other
		}
	}
	r.Body, _ = json.Marshal(map[string]int{"times": times})
	return r
}

func (*store) Close() error { return nil }

// orders is a ledger of what the first request of a plan writes.
func orders() ledger.Ledger {
	return ledger.Ledger{
		Name: "orders", Write: "order", Key: ledger.Key{Template: "k{{ seq }}"},
		Read: attack.Request{Name: "orders", Protocol: httpx.Name, Timeout: time.Second,
			Spec: &httpx.Request{URL: "http://store/{{ .key }}", Expect: expect.Expect{Status: []int{2}}}},
		Missing: expect.Expect{Status: []int{404, 410}},
		Settle:  2 * time.Second, Rate: 200, Deadline: time.Minute, Duplicates: "$.times",
	}
}

func writes() *attack.Plan {
	return &attack.Plan{Seed: 7, MaxInFlight: 1, Protocol: "http1", Timeout: time.Second, Requests: []attack.Request{
		{Name: "order", Weight: 1, Protocol: httpx.Name, Watched: attack.Parts{Body: true},
			Spec: &httpx.Request{Method: "POST", URL: "http://store/k{{ seq }}"}},
		{Name: "other", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://store/"}},
	}}
}

// sendAll sends so many writes, one each 10 ms, as the runner would, and tells the book.
func sendAll(t *testing.T, b *ledger.Book, p *attack.Plan, s *store, n int) {
	t.Helper()
	client := attacktest.Clients(t, p, s)[httpx.Name]
	for i := range n {
		a := attack.Arrival{Seq: uint64(i), Nth: uint64(i)}
		call := attack.Call{Arrival: a, Step: -1, Due: time.Now()}
		call.By.Done = time.Now().Add(time.Second)
		var out attack.Outcome
		client.Call(t.Context(), &call, &out)
		r := attack.Result{
			Arrival: a, End: attack.Done, Class: out.Class, Code: out.Code, Kind: out.Kind,
			Sent: time.Duration(i) * 10 * time.Millisecond, Done: time.Duration(i)*10*time.Millisecond + time.Millisecond,
		}
		var answer *expect.Answer
		if x, ok := out.Exchange.(attack.Answered); ok {
			answer = x.Answer()
		}
		b.Watch(&call, &r, answer)
		out.Release()
	}
}

// asking reads back from the store.
func asking(t *testing.T, p *attack.Plan, s *store, of ...ledger.Ledger) ledger.Asking {
	t.Helper()
	reads := ledger.ReadPlan(*p, of)
	return ledger.Asking{Plan: &reads, Clients: attacktest.Clients(t, &reads, s)}
}
