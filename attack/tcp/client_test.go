package tcp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server counts its connections.
type server struct {
	net.Listener
	conns atomic.Int64
}

// serve leaves each connection to handle.
func serve(t *testing.T, handle func(c *net.TCPConn)) *server {
	t.Helper()
	s := &server{Listener: porttest.Listen(t)}
	porttest.Serve(t, s, func(c net.Conn) {
		s.conns.Add(1)
		handle(c.(*net.TCPConn))
	})
	return s
}

// lines answers each line.
func lines(answer func(line string) string) func(c *net.TCPConn) {
	return func(c *net.TCPConn) {
		in := bufio.NewReader(c)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, answer(strings.TrimSpace(line))); err != nil {
				return
			}
		}
	}
}

// redis answers as a Redis does.
func redis(line string) string {
	switch word, rest, _ := strings.Cut(line, " "); word {
	case "PING":
		return "+PONG\r\n"
	case "ECHO":
		return "$" + rest + "\r\n"
	}
	return "-ERR unknown command\r\n"
}

func plan(address string, requests ...tcp.Request) *attack.Plan {
	p := &attack.Plan{
		Seed: 1, Arrivals: arrivals.Uniform, Timeout: time.Second, MaxInFlight: 10,
		Stages: []attack.Stage{{Name: "only", For: time.Second, Shape: arrivals.Hold{Per: 20}}},
	}
	for i := range requests {
		r := &requests[i]
		if r.Address == "" {
			r.Address = address
		}
		p.Requests = append(p.Requests, attack.Request{Name: fmt.Sprint("r", i), Weight: 1, Protocol: tcp.Name, Spec: r})
	}
	return p
}

func compile(t *testing.T, p *attack.Plan) attack.Client {
	t.Helper()
	c, err := tcp.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask makes one call, and says what its explanation is.
func ask(ctx context.Context, c attack.Client, a attack.Arrival, within time.Duration) (attack.Outcome, attack.Result) {
	due := time.Now()
	call := attack.Call{Arrival: a, Due: due, By: wire.Deadlines{Done: due.Add(within)}, Step: -1}
	var out attack.Outcome
	c.Call(ctx, &call, &out)
	r := attack.Result{Arrival: a, Kind: out.Kind}
	if out.Kind != "" {
		out.Exchange.Explain(&r, true)
	}
	out.Release()
	return out, r
}

func TestAnswers(t *testing.T) {
	silent := func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }
	says := func(answer string, end bool) func(c *net.TCPConn) {
		return func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 64))
			_, _ = io.WriteString(c, answer)
			if !end {
				_, _ = io.Copy(io.Discard, c)
			}
		}
	}
	const soon, long = 150 * time.Millisecond, 10 * time.Second
	for _, c := range []struct {
		name    string
		serve   func(c *net.TCPConn)
		request tcp.Request
		within  time.Duration
		kind    string
		detail  string
		in      int64
	}{
		{"a line", lines(redis), tcp.Request{Send: "PING\r\n", Expect: "+PONG"}, long, "", "", 7},
		{"a line that matches", lines(redis), tcp.Request{Send: "PING\r\n", Matches: `^\+PON\w`}, long, "", "", 7},
		{"sent as hexadecimal digits", lines(redis), tcp.Request{Hex: "50 49 4e 47 0d0a", Expect: "+PONG"}, long, "", "", 7},
		{"only connected", silent, tcp.Request{}, long, "", "", 0},
		{"connected, and closed at once", func(*net.TCPConn) {}, tcp.Request{}, long, "", "", 0},
		{"so many bytes", says("0123456789", false), tcp.Request{Send: "x", Bytes: 4, Matches: "^0123$"}, long, "", "", 4},
		{"up to the end", says("one\ntwo\n", true), tcp.Request{Send: "x", Until: "close", Expect: "two"}, long, "", "", 8},
		{"said without being asked", says("220 ready\r\n", false), tcp.Request{Send: "\n", Expect: "220"}, long, "", "", 11},
		{"a long line", says(strings.Repeat("x", 50_000)+"\n", false), tcp.Request{Send: "x"}, long, "", "", 50_001},

		{"another answer", lines(redis), tcp.Request{Send: "PUNG\r\n", Expect: "+PONG"}, long, timeline.KindBody, `expected a body with "+PONG", found "-ERR unknown command\r\n"`, 22},
		{"an answer that does not match", lines(redis), tcp.Request{Send: "PING\r\n", Matches: "^-"}, long, timeline.KindBody, `expected a body that matches ^-, found "+PONG\r\n"`, 7},
		{"no answer", silent, tcp.Request{Send: "x"}, soon, timeline.KindTimeout, "no complete answer before the timeout", 0},
		{"half an answer", says("+PO", false), tcp.Request{Send: "x"}, soon, timeline.KindStalled, "the answer began, but was not complete before the timeout", 3},
		{"an answer without its end", says("+PONG\r\n", false), tcp.Request{Send: "x", Until: "close"}, soon, timeline.KindStalled, "the answer began, but was not complete before the timeout", 7},
		{"closed before the answer", says("", true), tcp.Request{Send: "x"}, long, timeline.KindEOF, "unexpected EOF", 0},
		{"closed in the middle", says("+PO", true), tcp.Request{Send: "x"}, long, timeline.KindEOF, "unexpected EOF", 3},
		{"fewer bytes", says("+PO", true), tcp.Request{Send: "x", Bytes: 4}, long, timeline.KindEOF, "unexpected EOF", 3},
		{"cut hard", func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 64))
			_ = c.SetLinger(0)
		}, tcp.Request{Send: "x"}, long, timeline.KindReset, "read: connection reset by peer", 0},
		{"too long", says(strings.Repeat("x", 5000), false), tcp.Request{Send: "x"}, long, timeline.KindTooLarge, "the answer is larger than 4000 bytes", 4096},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.serve)
			p := plan(s.Addr().String(), c.request)
			if c.kind == timeline.KindTooLarge {
				p.MaxBody = 4000
			}
			out, r := ask(t.Context(), compile(t, p), attack.Arrival{}, c.within)
			if out.Kind != c.kind || r.Detail != c.detail || out.BytesIn != c.in {
				t.Errorf("expected %q (%s) and %d bytes, found %q (%s) and %d", c.kind, c.detail, c.in, out.Kind, r.Detail, out.BytesIn)
			}
			class := attack.Good
			switch {
			case timeline.KindNamed(c.kind).Answered:
				class = attack.Bad
			case c.kind != "":
				class = attack.Failed
			}
			if out.Class != class || (out.Err != nil) != (class == attack.Failed) {
				t.Errorf("expected class %d, found %d and %v", class, out.Class, out.Err)
			}
			if out.Phases[timeline.Connect] <= 0 || out.Opened.IsZero() || out.Done.Before(out.Sent) {
				t.Errorf("found %+v", out)
			}
			if class == attack.Bad && (r.Sample == nil || r.Sample.Sent.Body == "" || r.Sample.Body == "") {
				t.Errorf("found sample %+v", r.Sample)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	s := serve(t, func(*net.TCPConn) {})
	s.Close()
	out, r := ask(t.Context(), compile(t, plan(s.Addr().String(), tcp.Request{Send: "x"})), attack.Arrival{}, time.Second)
	if out.Kind != timeline.KindRefused || r.Detail != "dial: connection refused" {
		t.Errorf("found %q: %s", out.Kind, r.Detail)
	}
}

// A connection to an address that is not allowed is never opened.
func TestAllowedAddresses(t *testing.T) {
	out, _ := ask(t.Context(), compile(t, plan("203.0.113.9:6379", tcp.Request{})), attack.Arrival{}, time.Second)
	if out.Kind != timeline.KindNotAllowed || out.Err == nil {
		t.Errorf("found %q, %v", out.Kind, out.Err)
	}
}

// Connections are kept unless the request or the plan says otherwise, and one that the
// server has closed, or said something on, is not used again.
func TestConnectionsAreKept(t *testing.T) {
	once := func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 64))
		_, _ = io.WriteString(c, "+PONG\r\n")
	}
	chatty := func(c *net.TCPConn) {
		for {
			if _, err := c.Read(make([]byte, 64)); err != nil {
				return
			}
			_, _ = io.WriteString(c, "+PONG\r\n")
			time.Sleep(20 * time.Millisecond)
			_, _ = io.WriteString(c, "+AND MORE\r\n")
		}
	}
	for _, c := range []struct {
		name    string
		serve   func(c *net.TCPConn)
		request tcp.Request
		close   bool // of the plan's connections
		conns   int64
	}{
		{"kept", lines(redis), tcp.Request{Send: "PING\r\n", Expect: "+PONG"}, false, 1},
		{"asked to be new", lines(redis), tcp.Request{Send: "PING\r\n", Fresh: true}, false, 3},
		{"none is kept", lines(redis), tcp.Request{Send: "PING\r\n"}, true, 3},
		{"that is what is asked", lines(redis), tcp.Request{}, false, 3},
		{"closed by the server meanwhile", once, tcp.Request{Send: "PING\r\n", Expect: "+PONG"}, false, 3},
		{"the server went on", chatty, tcp.Request{Send: "PING\r\n", Expect: "+PONG"}, false, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.serve)
			p := plan(s.Addr().String(), c.request)
			p.Connections.NoKeepAlive = c.close
			client := compile(t, p)
			for i := range uint64(3) {
				if out, r := ask(t.Context(), client, attack.Arrival{Seq: i}, time.Minute); out.Class != attack.Good {
					t.Errorf("found %q: %s", out.Kind, r.Detail)
				}
				time.Sleep(50 * time.Millisecond) // for the server to do what it does then
			}
			if n := s.conns.Load(); n != c.conns {
				t.Errorf("expected %d connections, found %d", c.conns, n)
			}
		})
	}
}

// What was opened before Renew is not used after it, be it idle or in use by then.
func TestRenew(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	s := serve(t, lines(func(line string) string {
		if line == "SLOW" {
			asked <- struct{}{}
			<-answer
		}
		return "+OK\r\n"
	}))
	client := compile(t, plan(s.Addr().String(), tcp.Request{Send: "PING\r\n"}, tcp.Request{Send: "SLOW\r\n"}))
	call := func(request int) {
		if out, r := ask(t.Context(), client, attack.Arrival{Request: request}, time.Minute); out.Class != attack.Good {
			t.Errorf("found %q: %s", out.Kind, r.Detail)
		}
	}
	call(0)
	var slow sync.WaitGroup
	slow.Go(func() { call(1) })
	<-asked
	client.Renew()
	call(0)
	answer <- struct{}{}
	slow.Wait()
	call(0)
	if n := s.conns.Load(); n != 2 {
		t.Errorf("expected two connections, found %d", n)
	}
}

// Of few connections there are never more, and who waits for one does so on the clock.
func TestFewConnections(t *testing.T) {
	s := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	p := plan(s.Addr().String(), tcp.Request{Send: "x"})
	p.Connections.PerHost = 1
	client := compile(t, p)
	var asking sync.WaitGroup
	kinds := make(chan error, 3)
	for range 3 {
		asking.Go(func() {
			out, _ := ask(t.Context(), client, attack.Arrival{}, 200*time.Millisecond)
			kinds <- out.Err
		})
	}
	asking.Wait()
	close(kinds)
	waited := 0
	for err := range kinds {
		if errors.Is(err, wire.ErrNoConnection) {
			waited++
		}
	}
	if n := s.conns.Load(); n != 1 || waited != 2 {
		t.Errorf("expected one connection and two that had none, found %d and %d", n, waited)
	}
}

// One that is kept counts among them, so that a new one takes its place.
func TestFewConnectionsAndANewOne(t *testing.T) {
	for name, request := range map[string]tcp.Request{
		"new_connection": {Send: "PING\r\n", Fresh: true}, "connect": {Until: "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			var open, most atomic.Int64
			looked := make(chan struct{}, 2)
			// Who opens the second one has closed the first, which the server reads at once.
			s := serve(t, func(c *net.TCPConn) {
				defer open.Add(-1)
				n := open.Add(1)
				time.Sleep(50 * time.Millisecond) // for the server to see an end that came before
				if n = min(n, open.Load()); n > most.Load() {
					most.Store(n)
				}
				looked <- struct{}{}
				lines(redis)(c)
			})
			p := plan(s.Addr().String(), tcp.Request{Send: "PING\r\n"}, request)
			p.Connections.PerHost = 1
			client := compile(t, p)
			for i := range 2 {
				if out, r := ask(t.Context(), client, attack.Arrival{Request: i}, time.Minute); out.Class != attack.Good {
					t.Errorf("found %q: %s", out.Kind, r.Detail)
				}
			}
			for range 2 {
				<-looked
			}
			if n := most.Load(); n != 1 {
				t.Errorf("expected one connection at a time, found %d", n)
			}
		})
	}
}

// The end of the run ends what is under way, with its cause.
func TestCancelled(t *testing.T) {
	s := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	client := compile(t, plan(s.Addr().String(), tcp.Request{Send: "x"}))
	cause := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if out, _ := ask(ctx, client, attack.Arrival{}, time.Minute); out.Err != cause {
		t.Errorf("expected %v, found %v", cause, out.Err)
	}
}

// run sends a plan as a run does.
func run(t *testing.T, p *attack.Plan) []attack.Result {
	t.Helper()
	clients := attack.Clients{tcp.Name: compile(t, p)}
	_, sink := attacktest.RunClients(t, t.Context(), p, clients, runner.Options{Start: time.Now()})
	return sink.Results
}

// A flow's steps send what the answers before gave.
func TestFlows(t *testing.T) {
	got := make(chan string, 100)
	s := serve(t, lines(func(line string) string {
		got <- line
		return redis(line)
	}))
	p := plan(s.Addr().String(), tcp.Request{Send: "ECHO id{{ .user }}\r\n"}, tcp.Request{Send: "ECHO {{ .token }}\r\n", Expect: "idann"})
	rows := attacktest.Data([]map[string]string{{"user": "ann"}})
	p.Flows = []attack.Flow{{Name: "f", Weight: 1, Data: rows, Steps: []attack.Step{
		{Request: 0, Captures: []expect.Capture{{Name: "token", Matches: `\$(\w+)`}}}, {Request: 1},
	}}}
	for i := range p.Requests {
		p.Requests[i].Weight = 0
	}
	results := run(t, p)
	for _, r := range results {
		if r.Class != attack.Good {
			t.Errorf("found %+v", r)
		}
	}
	if len(results) != 60 { // 20 flows and their steps
		t.Errorf("expected 60 results, found %d", len(results))
	}
	if one, two := <-got, <-got; one != "ECHO idann" || two != one {
		t.Errorf("found %q and %q", one, two)
	}
}

// Response times count from the moment a request was due, whoever was busy then.
func TestDeadlinesCountFromTheIntendedTime(t *testing.T) {
	s := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	p := plan(s.Addr().String(), tcp.Request{Send: "x"})
	p.Timeout, p.MaxInFlight = 300*time.Millisecond, 1
	p.Stages[0].For = 200 * time.Millisecond
	for _, r := range run(t, p) {
		if r.Kind != timeline.KindTimeout && r.Kind != timeline.KindUnsent {
			t.Errorf("found %+v", r)
		}
		if took := r.Done - r.Intended; took < p.Timeout || r.Kind == timeline.KindTimeout && r.Sent > r.Intended+p.Timeout {
			t.Errorf("%s after %s, sent after %s", r.Kind, took, r.Sent-r.Intended)
		}
	}
}

func TestValidate(t *testing.T) {
	rows := attacktest.Data([]map[string]string{{"a": "1"}, {"b": "2"}})
	for _, c := range []struct {
		name    string
		request tcp.Request
		data    *payload.Data
		want    string // path: message
	}{
		{"nothing but a connection", tcp.Request{Address: "127.0.0.1:1"}, nil, ""},
		{"of a service", tcp.Request{Address: "${db.addr}", Send: "x"}, nil, ""},
		{"no port", tcp.Request{Address: "localhost"}, nil, `address: address: expected host:port such as 127.0.0.1:6379, found "localhost"`},
		{"two ways to send", tcp.Request{Send: "x", Hex: "00"}, nil, "hex: expected one of send and hex, found both"},
		{"half a byte", tcp.Request{Hex: "0"}, nil, "hex: hex: expected pairs of hexadecimal digits such as 0d 0a: odd length hex string"},
		{"how many bytes", tcp.Request{Until: "bytes"}, nil, "bytes: bytes: expected 1 to 67108864 with until: bytes, found 0"},
		{"bytes of a line", tcp.Request{Until: "line", Bytes: 3}, nil, "bytes: bytes goes with until: bytes, found until: line"},
		{"an answer to nothing", tcp.Request{Until: "connect", Expect: "x"}, nil, "until: until: connect has no answer, but one is expected"},
		{"until whatever", tcp.Request{Until: "later"}, nil, `until: until: expected connect, line, bytes or close, found "later"`},
		{"no expression", tcp.Request{Matches: "("}, nil, "matches: matches: expected a regular expression: missing closing ): `(`"},
		{"no column", tcp.Request{Send: "{{ .a }}"}, nil, `send: send: the data row has no column "a"`},
		{"no column in one row", tcp.Request{Send: "{{ .a }}"}, rows, `send: send: with data row 2: the data row has no column "a"`},
	} {
		var got []string
		for _, e := range c.request.Validate(c.data, nil) {
			got = append(got, fmt.Sprintf("%s: %s", e.Path, e))
		}
		if found := strings.Join(got, "; "); found != c.want {
			t.Errorf("%s: expected %q, found %q", c.name, c.want, found)
		}
	}
	if wrong := (&tcp.Request{Send: "{{ .token }}"}).Validate(nil, []string{"token"}); wrong != nil {
		t.Errorf("found %v", wrong)
	}
}

func TestCompileRefuses(t *testing.T) {
	p := plan("no port", tcp.Request{})
	_, wrong := tcp.Compile(p)
	if len(wrong) != 1 || wrong[0].Path.String() != "requests[0].address" ||
		!strings.Contains(wrong[0].Error(), `request "r0": address: expected host:port`) {
		t.Errorf("found %v", wrong)
	}
	p.Requests[0].Spec = nil
	_, wrong = tcp.Compile(p)
	if len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "expected settings of protocol tcp") {
		t.Errorf("found %v", wrong)
	}
}
