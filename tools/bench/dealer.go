package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A dealer is a server whose answers take a known time: what it dealt is the
// truth that tools are held against. It runs as a child of its own, this binary
// again, on the server's core. It prints its address and, when its standard
// input ends, what it dealt.
//
// One thread waits for sockets and for a timer, and does nothing else: goroutines
// would wake up late, and late answers would look like the tool's error. What is
// late all the same is written down as it was dealt.

// deal says when a request that came in at now, the n-th since the start, is to
// be answered. Times count from the first request.
type deal func(n int, now time.Duration) (due time.Duration)

// manner is one way to treat those who ask.
type manner struct {
	is   string // as a sentence says it: a server that is ...
	deal func() deal
	// After the first connection: ordeal looks whether someone is there before it starts.
	refuse bool
	record bool // tells of each answer, not only how many there were
}

// window is a stretch of time since the first request.
type window struct{ from, to time.Duration }

const (
	stallManner   = "stall"
	sharesManner  = "shares"
	slowManner    = "slow"
	busyManner    = "busy"
	refusesManner = "refuses"

	slowDelay    = 50 * time.Millisecond
	busyCapacity = 2000 // answers per second
)

var manners = map[string]manner{
	stallManner: {
		deal:   func() deal { return stalled(window{4 * time.Second, 5 * time.Second}) },
		record: true,
	},
	sharesManner:  {deal: shares, record: true},
	slowManner:    {is: "slow", deal: afterDelay},
	busyManner:    {is: "overwhelmed", deal: oneByOne},
	refusesManner: {is: "gone", deal: func() deal { return atOnce }, refuse: true},
}

func atOnce(_ int, now time.Duration) time.Duration { return now }

// stalled answers nothing for a while, and takes what comes in meanwhile as a
// kernel would: so that all that is left to do afterwards is to answer.
func stalled(w window) deal {
	return func(_ int, now time.Duration) time.Duration {
		if now >= w.from && now < w.to {
			return w.to
		}
		return now
	}
}

func afterDelay() deal {
	return func(_ int, now time.Duration) time.Duration { return now + slowDelay }
}

// oneByOne answers busyCapacity requests a second, in the order in which they
// came, however many wait.
func oneByOne() deal {
	var free time.Duration
	return func(_ int, now time.Duration) time.Duration {
		free = max(free, now) + time.Second/busyCapacity
		return free
	}
}

// steps are what is dealt in each block of a thousand requests.
var steps = []struct {
	count int
	delay time.Duration
}{{900, 10 * time.Millisecond}, {90, 50 * time.Millisecond}, {9, 200 * time.Millisecond}, {1, 500 * time.Millisecond}}

// leadIn is how many of the fastest come before the first block. With them no
// percentile lies on the step between two delays, where definitions of
// percentiles differ and all are right.
const leadIn = 100

// shares deals the steps in an order that looks random and is always the same.
func shares() deal {
	var block []time.Duration
	for _, s := range steps {
		block = append(block, slices.Repeat([]time.Duration{s.delay}, s.count)...)
	}
	r := rand.New(rand.NewPCG(3, 14))
	r.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
	return func(n int, now time.Duration) time.Duration {
		if n < leadIn {
			return now + steps[0].delay
		}
		return now + block[(n-leadIn)%len(block)]
	}
}

// dealt is what a dealer says at its end.
type dealt struct {
	Answered int64           `json:"answered"`
	Delays   []time.Duration `json:"delays,omitempty"` // from request read to answer written
	// When each answer was, since the first request.
	Written []time.Duration `json:"written,omitempty"`
}

// delays are the percentiles of how long requests waited in the server.
func (d dealt) delays() quantiles { return exact(d.Delays) }

// waits are the percentiles of how long callers waited for the server who came at
// a steady rate, whatever tool sent for them: the n-th answer is that of who came
// n-th. It is only true of a tool that sent for all of them.
func (d dealt) waits(rate int) quantiles {
	waits := slices.Clone(d.Written)
	for n := range waits {
		waits[n] -= time.Duration(n) * time.Second / time.Duration(rate)
	}
	return exact(waits)
}

// exact are the percentiles of all values: the smallest that at least the share q
// did not exceed.
func exact(all []time.Duration) quantiles {
	if len(all) == 0 {
		return quantiles{}
	}
	v := slices.Sorted(slices.Values(all))
	at := func(perMille int) time.Duration { return v[(len(v)*perMille+999)/1000-1] }
	return quantiles{
		P50:  at(500),
		P90:  at(900),
		P95:  at(950),
		P99:  at(990),
		P999: at(999),
		Max:  at(1000),
	}
}

// dealMain is the child: bench deal MANNER.
func dealMain(args []string) error {
	if len(args) != 1 {
		return errors.New("deal: expected one manner")
	}
	m, ok := manners[args[0]]
	if !ok {
		return fmt.Errorf("deal: no manner %q", args[0])
	}
	d, err := m.serve(os.Stdin, os.Stdout)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(d)
}

// dealing is a running dealer.
type dealing struct {
	url string
	pid int
	end func() (dealt, error) // stops it; to be called once
}

// startDealer starts a dealer on the server's core.
func startDealer(ctx context.Context, taskset, manner string) (*dealing, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Not bound to ctx: it ends when told, and in any case with this process, whose pipe is its
	// standard input.
	cmd := exec.Command(taskset, "-c", fmt.Sprint(serverCore), self, "deal", manner)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := bufio.NewReader(out)
	end := func() (d dealt, err error) {
		_ = in.Close()
		text, err := io.ReadAll(r)
		if err = errors.Join(err, cmd.Wait()); err != nil {
			return d, fmt.Errorf(
				"the server that deals ended with %w: %s",
				err,
				lastLine([]byte(stderr.String())),
			)
		}
		return d, json.Unmarshal(text, &d)
	}
	addr, err := r.ReadString('\n')
	if err != nil || ctx.Err() != nil {
		_, err2 := end()
		return nil, errors.Join(err, err2, ctx.Err())
	}
	return &dealing{url: "http://" + strings.TrimSpace(addr), pid: cmd.Process.Pid, end: end}, nil
}
