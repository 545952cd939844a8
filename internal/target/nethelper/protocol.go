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

	"github.com/seed-1574e9de/ordeal/chaos"
)

// Lines that a helper reads.
const (
	LineBeat   = "beat"   // ordeal is alive
	LineApply  = "apply"  // impair the traffic: ordeal is ready for connections to be cut
	LineReset  = "reset"  // the load has left its connections: those from before may be reset
	LineRevert = "revert" // clear the traffic and exit
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
	ID        string             // of the fault, for people
	Condition chaos.NetCondition // that traffic is put under
	Deadline  time.Duration      // after which traffic is cleared, come what may
	Seed      uint64             // of what is drawn, such as jitter
	Mechanism string             // only this one; "" tries all in order
}

// Args returns the arguments of Main for p.
func (p Params) Args() []string {
	condition, err := json.Marshal(p.Condition)
	if err != nil {
		panic("nethelper: numbers did not become JSON: " + err.Error())
	}
	args := []string{
		"net", "-id", p.ID, "-condition", string(condition),
		"-deadline", p.Deadline.String(), "-seed", strconv.FormatUint(p.Seed, 10),
	}
	if p.Mechanism != "" {
		args = append(args, "-mechanism", p.Mechanism)
	}
	return args
}

// maxSlower is how much later a condition may make an answer: measuring it takes
// several round trips.
const maxSlower = 2 * time.Minute

// Validate says what is wrong with p, nil if nothing.
func (p Params) Validate() error {
	errs := []error{p.Condition.Validate()}
	if s := p.Condition.Slower(); s > maxSlower {
		errs = append(
			errs,
			fmt.Errorf(
				"expected a condition that makes answers at most %s later, found %s",
				maxSlower,
				s,
			),
		)
	}
	if p.Deadline <= 0 {
		errs = append(errs, fmt.Errorf("expected a deadline above 0s, found %s", p.Deadline))
	}
	return errors.Join(errs...)
}

// ApplyTimeout is how long a helper may take to put traffic under a condition.
func ApplyTimeout(c chaos.NetCondition) time.Duration { return 10*time.Second + 8*c.Slower() }

func parseParams(args []string) (Params, error) {
	var p Params
	f := flag.NewFlagSet(Command+" net", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&p.ID, "id", "", "")
	f.Func("condition", "", func(text string) error {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		return d.Decode(&p.Condition)
	})
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
	EventCarrying = "carrying" // new connections go through the helper; it waits for LineReset
	EventApplied  = "applied"  // traffic is impaired, and that was measured
	EventCleared  = "cleared"  // traffic is no longer impaired; the undo is not finished
	EventReverted = "reverted" // traffic is clear, and that was verified
	EventClean    = "clean"    // nothing of ordeal is left in the namespace
	EventError    = "error"    // Error says what went wrong; the helper exits
)

// Message is a line that a helper writes. Durations are in nanoseconds.
type Message struct {
	Event     string `json:"event"`
	Mechanism string `json:"mechanism,omitempty"`
	Evidence  string `json:"evidence,omitempty"` // for people
	// Mechanisms that were tried before, and why each could not be used.
	Refused []string `json:"refused,omitempty"`
	Why     string   `json:"why,omitempty"`  // reverted: the reason to stop
	Told    bool     `json:"told,omitempty"` // reverted: the reason was LineRevert
	// Reverted: what traffic there was, nil if it was not counted.
	Stats *Traffic `json:"stats,omitempty"`
	Found []string `json:"found,omitempty"` // clean: what was removed
	Error string   `json:"error,omitempty"`
	// Error: something of ordeal may be left in the namespace.
	Dirty bool `json:"dirty,omitempty"`
}

// Traffic counts what went through the namespace while it was impaired, without the helper's own
// probes.
type Traffic struct {
	Conns    uint64 `json:"conns"`
	Impaired bool   `json:"shaped"` // whether any of it met the condition
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
			return Message{}, fmt.Errorf(
				"expected an event in the helper's message, found %q",
				line,
			)
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

// send reports no errors: if nobody reads the messages any more, the helper still has to undo.
func (o *output) send(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.enc.Encode(m)
}
