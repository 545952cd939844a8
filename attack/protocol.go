package attack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Protocol is an entry of the registry of protocols: what a request is, and how it is
// sent. It knows nothing of when.
type Protocol struct {
	// Name is that in Request.Protocol, and the key of a request in the scenario file.
	// HTTP's keys stand beside the name of a request there.
	Name string
	// Doc is one line on what stands below the key.
	Doc string
	// New returns the settings of a request with their defaults.
	New func() Spec
	// Compile checks the plan's requests of this protocol and returns a client that sends them, or
	// all mistakes, by field of the plan: requests[2].url, allow_hosts. A mistake that is of no
	// setting has no path.
	Compile func(p *Plan) (Client, fielderr.List)
}

// Spec is what a request of a protocol says of itself: a pointer to a struct whose
// exported fields carry json and doc tags. It is not changed once its plan is built.
type Spec interface {
	// Validate says what is wrong, by field, nil if nothing. Templates draw from data,
	// and from values of these names that a flow brings.
	Validate(data *payload.Data, names []string) fielderr.List
	// Expanded is a copy whose texts went through expand, which puts names of the run
	// in. target is the URL of the scenario's target, such as tcp://127.0.0.1:6379, for
	// what does not say itself where it goes; empty if there is none.
	Expanded(expand func(string) string, target string) Spec
	// Endpoint is the host:port that it is sent to, empty if the scenario's target is.
	Endpoint() string
	// String says in few words what is asked.
	String() string
}

// SecretTexts is a Spec that puts texts under secret names: into an Authorization
// header, after password=. The columns that templates take into them are secrets.
type SecretTexts interface{ SecretTexts() []string }

// Connectionless is a Spec whose endpoint accepts no connections, such as one of UDP: the
// load does not wait until it does.
type Connectionless interface{ Connectionless() }

// Printer is a Spec that prints a request into plan.json in a form of its own: Printed
// returns what is encoded in place of the request.
type Printer interface{ Printed(of *Request) any }

// InRequest returns the mistakes in the settings of the request at i as those of the plan.
func InRequest(p *Plan, i int, wrong fielderr.List) fielderr.List {
	path := fielderr.Field("requests").Item(i)
	return wrong.Below(path, fmt.Sprintf("request %q", p.Requests[i].Name))
}

// Client sends the requests of a plan that are of one protocol. It is safe for
// concurrent use.
type Client interface {
	// Call sends one request and fills out in. It returns when the answer is complete,
	// when the deadline has passed, or when ctx ends, with the cause of that as the
	// error. Both c and out are the caller's, and are used again after Release.
	Call(ctx context.Context, c *Call, out *Outcome)
	// Renew makes all later calls use connections that are opened after it. Idle connections are
	// closed at once, and those in use when their answers are in; Renew does not wait for these. It
	// may be called while calls are sent.
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
	// Kept is what the client itself keeps of this caller from one call to the next, such as
	// cookies. It points to nil for a new caller, and is nil if the call is no step of a flow.
	Kept *any
}

// Session is what the caller of a flow keeps between its steps.
type Session struct {
	// Values are columns of the row of data, and captures.
	Values payload.Values
	// Kept is for the clients, one place for each.
	Kept []any
}

// Clients are those of a plan, by Request.Protocol.
type Clients map[string]Client

// Close closes all of them.
func (c Clients) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// Renew renews all of them.
func (c Clients) Renew() {
	for _, one := range c {
		one.Renew()
	}
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
	// When the connection was opened on which the call was sent; zero if that is not known.
	Opened time.Time
	Within time.Duration // of timeline.KindSlow: how long it was allowed to take
	// Exchange is what was sent and what came back, from which explanations are made; nil if Kind
	// and Err say all.
	Exchange Exchange
}

// Exchange is what was sent and what came back. It makes texts and copies only when it is asked to.
type Exchange interface {
	// Explain sets the Detail of r, its Sample if one is wanted, and its Secrets.
	Explain(r *Result, sample bool)
	// Release gives up all that the exchange holds. It must not be used after that.
	Release()
}

// Answered is an Exchange that shows the answer, with the parts that are watched.
type Answered interface {
	// Answer is the answer until Release; nil if none came.
	Answer() *expect.Answer
}

// Release gives up the exchange, if there is one.
func (o *Outcome) Release() {
	if o.Exchange != nil {
		o.Exchange.Release()
		o.Exchange = nil
	}
}
