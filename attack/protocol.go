package attack

import (
	"context"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Protocol is an entry of the registry of protocols: what a request is, and how it is
// sent. It knows nothing of when.
type Protocol struct {
	Name string
	Doc  string
	// Compile checks the plan's requests of this protocol and returns what sends them.
	Compile func(p *Plan) (Client, error)
}

// Client sends the requests of a plan that are of one protocol. It is safe for
// concurrent use.
type Client interface {
	// Call sends one request and fills out in. It returns when the answer is complete,
	// when the deadline has passed, or when ctx ends, with the cause of that as the
	// error. Both c and out are the caller's, and are used again after Release.
	Call(ctx context.Context, c *Call, out *Outcome)
	// Renew has what is sent from now on go on connections that are opened from now on.
	// Those that are idle are closed at once, and those in use when their answers are in,
	// for which Renew does not wait. It may be called while calls are sent.
	Renew()
	// Close gives up idle connections and everything that the client started.
	Close() error
}

// Call is an arrival that is to be sent now.
type Call struct {
	Arrival
	Due time.Time // when it was, as an instant
	By  wire.Deadlines
	// Flow and Step say which step of which flow it is; Step is -1 if it is none.
	Flow, Step int
	// Session is what the caller of a flow keeps between its steps; nil if it is no step.
	Session *Session
	// Kept is what the client itself keeps of this caller from one call to the next, such
	// as cookies. It points to nil for somebody new, and is nil itself if it is no step.
	Kept *any
}

// Session is what the caller of a flow keeps between its steps.
type Session struct {
	// Values are columns of the row of data, and captures.
	Values payload.Values
	// Kept is for the clients, one place for each.
	Kept []any
}

// Class says how a call went.
type Class uint8

// The classes.
const (
	Failed Class = iota // there was no complete answer
	Bad                 // there was one, and it was not as expected
	Good                // it was as expected
)

// Outcome is what came of a call.
type Outcome struct {
	// Sent and Done carry monotonic clock readings.
	Sent, Done time.Time
	Class      Class
	Code       int    // of the answer, by which answers are counted; 0 if it has none
	Kind       string // of the error, a row of timeline.Kinds; empty if Class is Good
	Err        error  // why there was no answer; nil if there was one
	BytesIn    int64
	BytesOut   int64
	Phases     timeline.PhaseTimes
	Counts     timeline.Counts
	Opened     time.Time     // when the connection was opened that it was sent on; zero if that is not known
	Within     time.Duration // of timeline.KindSlow: how long it was allowed to take
	// Exchange is what was sent and what came back, for whoever wants it explained; nil
	// if there is no more to say than Kind does.
	Exchange Exchange
}

// Exchange is what was sent and what came back. It makes texts and copies of it when
// it is asked, and for nobody else.
type Exchange interface {
	// Explain sets the Detail of r, its Sample if one is wanted, and its Secrets.
	Explain(r *Result, sample bool)
	// Release gives up all that the exchange holds. Nobody may use it any more.
	Release()
}

// Release gives up the exchange, if there is one.
func (o *Outcome) Release() {
	if o.Exchange != nil {
		o.Exchange.Release()
		o.Exchange = nil
	}
}
