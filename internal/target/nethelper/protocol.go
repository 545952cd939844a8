package nethelper

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Lines that a helper reads.
const (
	LineBeat   = "beat"   // whoever started the helper is alive
	LineApply  = "apply"  // bend the traffic: whoever started the helper is ready for what it cuts
	LineRevert = "revert" // put the traffic right and exit
)

// BeatEvery is how often LineBeat is to be sent, and BeatTimeout how long a
// helper waits for it before it takes ordeal for dead. Ten beats may be lost: a
// machine under load must not lose its faults.
const (
	BeatEvery   = 500 * time.Millisecond
	BeatTimeout = 5 * time.Second
)

// Params is what a helper is to do.
type Params struct {
	ID        string        // of the fault, for people
	Delay     time.Duration // added to each answer and to the opening of a connection
	Jitter    time.Duration // uniform, ± around Delay; at most Delay
	Deadline  time.Duration // after which traffic is put right, come what may
	Seed      uint64        // of the jitter
	Mechanism string        // only this one; "" tries all in order
}

// Args returns the arguments of Main for p.
func (p Params) Args() []string {
	args := []string{
		"net", "-id", p.ID, "-delay", p.Delay.String(), "-jitter", p.Jitter.String(),
		"-deadline", p.Deadline.String(), "-seed", strconv.FormatUint(p.Seed, 10),
	}
	if p.Mechanism != "" {
		args = append(args, "-mechanism", p.Mechanism)
	}
	return args
}

// Validate says what is wrong with p, nil if nothing.
func (p Params) Validate() error {
	var errs []error
	if p.Delay <= 0 || p.Delay > time.Minute {
		errs = append(errs, fmt.Errorf("expected a delay above 0s and up to 1m, found %s", p.Delay))
	}
	if p.Jitter < 0 || p.Jitter > p.Delay {
		errs = append(errs, fmt.Errorf("expected a jitter from 0s to the delay (%s), found %s", p.Delay, p.Jitter))
	}
	if p.Deadline <= 0 {
		errs = append(errs, fmt.Errorf("expected a deadline above 0s, found %s", p.Deadline))
	}
	return errors.Join(errs...)
}

func parseParams(args []string) (Params, error) {
	var p Params
	f := flag.NewFlagSet("agent net", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&p.ID, "id", "", "")
	f.DurationVar(&p.Delay, "delay", 0, "")
	f.DurationVar(&p.Jitter, "jitter", 0, "")
	f.DurationVar(&p.Deadline, "deadline", 0, "")
	f.Uint64Var(&p.Seed, "seed", 0, "")
	f.StringVar(&p.Mechanism, "mechanism", "", "")
	if err := f.Parse(args); err != nil {
		return Params{}, err
	}
	if f.NArg() > 0 {
		return Params{}, fmt.Errorf("expected flags only, found %q", f.Arg(0))
	}
	return p, p.Validate()
}

// Events that a helper tells.
const (
	EventReady    = "ready"    // it runs
	EventCarrying = "carrying" // every new connection goes through the helper; older ones are cut
	EventApplied  = "applied"  // traffic is bent, and that was measured
	EventStraight = "straight" // traffic is no longer bent; the undo is not finished
	EventReverted = "reverted" // traffic is straight, and that was verified
	EventClean    = "clean"    // nothing of ordeal is left in the namespace
	EventError    = "error"    // Error says what went wrong; the helper exits
)

// Message is a line that a helper writes. Durations are in nanoseconds.
type Message struct {
	Event     string        `json:"event"`
	Mechanism string        `json:"mechanism,omitempty"`
	Evidence  string        `json:"evidence,omitempty"`   // for people
	RTTBefore time.Duration `json:"rtt_before,omitempty"` // mean round trips, before and under the fault
	RTTAfter  time.Duration `json:"rtt_after,omitempty"`
	Refused   []string      `json:"refused,omitempty"` // mechanisms tried before, and why they would not do
	Why       string        `json:"why,omitempty"`     // reverted: the reason to stop
	Told      bool          `json:"told,omitempty"`    // reverted: the reason was LineRevert
	Stats     *Traffic      `json:"stats,omitempty"`   // reverted: what was delayed, nil if it was not counted
	Found     []string      `json:"found,omitempty"`   // clean: what was removed
	Error     string        `json:"error,omitempty"`
	Dirty     bool          `json:"dirty,omitempty"` // error: something of ordeal may be left in the namespace
}

// Traffic counts what went through a bent namespace, without the helper's own
// probes.
type Traffic struct {
	Conns        uint64 `json:"conns"`
	DelayedBytes uint64 `json:"delayed_bytes"`
}

// Messages reads what a helper writes.
type Messages struct{ s *bufio.Scanner }

// NewMessages reads from r.
func NewMessages(r io.Reader) *Messages {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	return &Messages{s}
}

// Next returns the next message; io.EOF after the last.
func (m *Messages) Next() (Message, error) {
	for m.s.Scan() {
		line := strings.TrimSpace(m.s.Text())
		if line == "" {
			continue
		}
		var msg Message
		if err := json.Unmarshal([]byte(line), &msg); err != nil {
			return Message{}, fmt.Errorf("expected a JSON message from the helper, found %q", line)
		}
		if msg.Event == "" {
			return Message{}, fmt.Errorf("expected an event in the helper's message, found %q", line)
		}
		return msg, nil
	}
	if err := m.s.Err(); err != nil {
		return Message{}, err
	}
	return Message{}, io.EOF
}

// output writes messages. It is safe for concurrent use.
type output struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func newOutput(w io.Writer) *output { return &output{enc: json.NewEncoder(w)} }

// send does not report errors: with nobody left to read, the helper still has
// its undo to do.
func (o *output) send(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.enc.Encode(m)
}

// Proxy is the mechanism that carries connections itself, and so has to cut some.
const Proxy = "nft-proxy"
