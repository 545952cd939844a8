// Package attack is the model of load: a plan of stages and requests, the arrivals
// that it makes, and what comes of them.
//
// # Three times
//
// Every arrival has an intended time (when it was due), a sent time and a done
// time. Response time is done − intended, service time done − sent, lag sent −
// intended. An arrival that finds no free slot waits in the queue, on the clock, and
// is unsent when its timeout, counted from the intended time, has passed.
//
// # Parts
//
//   - Package arrivals has the shapes of load, and draws the arrivals of a plan from
//     them and the seed.
//   - A Protocol knows what is sent, and nothing of when. It makes a Client of a plan.
//     Package protocols lists them; httpx is one of them.
//   - Package runner knows when each arrival is due, hands it to a Client, and its
//     Result to a Sink.
package attack

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// These types belong to package arrivals.
type (
	Stage   = arrivals.Stage
	Arrival = arrivals.Arrival
)

// Plan is all that the attack needs to know; it is not changed once built.
type Plan struct {
	Seed uint64 `json:"seed"`
	// Of HTTP: the name of an engine; empty if nothing is sent by HTTP.
	Engine string `json:"engine"`
	// Why httpx.ChooseEngine took the engine; empty if it was named.
	EngineWhy string           `json:"engine_why,omitempty"`
	Arrivals  arrivals.Process `json:"arrivals"`
	// The timeout of requests that set none; it counts from the intended time.
	Timeout     time.Duration `json:"timeout"`
	MaxInFlight int           `json:"max_in_flight"`
	Protocol    string        `json:"protocol"` // of HTTP: auto, http1, http2 (over TLS) or h2c
	TLS         wire.TLS      `json:"tls"`
	LateBudget  time.Duration `json:"late_budget"`
	CatchUp     CatchUp       `json:"catch_up,omitempty"` // empty: burst
	// How large the body of an answer may be, in bytes, whatever the protocol: a larger one is an
	// error; 0: any size.
	MaxBody int64 `json:"max_body,omitempty"`
	// Of HTTP: how many redirects are followed within a request; 0: a redirect is an answer.
	Redirects   int              `json:"redirects,omitempty"`
	Connections wire.Connections `json:"connections,omitzero"`
	// Of HTTP: hosts that only redirects lead to, as httpx.RedirectHost reads them.
	RedirectHosts []string `json:"redirect_hosts,omitempty"`
	// Where connections may go beside this machine and private networks.
	AllowHosts []string  `json:"allow_hosts,omitempty"`
	Flows      []Flow    `json:"flows,omitempty"`
	Stages     []Stage   `json:"stages"`
	Requests   []Request `json:"requests"`
	// Shared are columns that only the run knows; nil: none.
	Shared *payload.Shared `json:"-"`
	// SecretNames are columns and captures that are secret by declaration, beside those that
	// NewSecrets finds.
	SecretNames []string `json:"-"`
}

// CatchUp is what becomes of arrivals that the generator itself was late for.
type CatchUp string

// The ways to catch up.
const (
	Burst  CatchUp = "burst"  // all at once
	Spread CatchUp = "spread" // at no more than twice the planned pace
	Skip   CatchUp = "skip"   // those later than Plan.LateBudget are unsent
)

// Flow is a list of requests that one caller makes one after the other.
type Flow struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Steps  []Step  `json:"steps"`
	// Data are the rows that the templates of its steps draw from, in place of the
	// rows of their requests: the k-th arrival of the flow takes row k modulo their
	// number, for all its steps.
	Data *payload.Data `json:"data,omitempty"`
}

// Step is one request of a flow. Its captures are columns of the data row for
// the steps that follow.
type Step struct {
	Request  int              `json:"request"` // index into Plan.Requests
	Captures []expect.Capture `json:"captures,omitempty"`
	Think    time.Duration    `json:"think,omitempty"` // after its answer
}

// Request is one kind of arrival: what all protocols have of it, and Spec, which is the
// business of its own.
type Request struct {
	Name    string
	Weight  float64
	Timeout time.Duration // 0: the plan's
	// Data are the rows that templates draw from; the k-th arrival of this
	// request takes row k modulo their number.
	Data *payload.Data
	// Protocol is a name in package protocols, and Spec the settings of that protocol.
	Protocol string
	Spec     Spec
	// Watched are the parts of answers that whoever watches the calls looks at, beside
	// what Spec and captures need: see Answered.
	Watched Parts
}

// Parts are parts of an answer.
type Parts struct{ Body, Header bool }

// End is how an arrival ended.
type End uint8

// The outcomes.
const (
	Done        End = iota // sent, and answered or failed
	Unsent                 // given up before it was sent: an error
	Interrupted            // the run was interrupted before it ended
)

// Result is an arrival with what came of it; times are offsets from the start.
type Result struct {
	Arrival
	End        End
	Dispatched time.Duration // when it was dispatched; − Intended is the schedule delay
	Sent       time.Duration // 0 if it never was
	Done       time.Duration // for an unsent arrival: when its timeout passed
	GivenUp    time.Duration // of an unsent arrival: when it was; it may be before its timeout
	Class      Class
	Code       int // of the answer; 0 if it has none, or there was none
	BytesIn    int64
	BytesOut   int64
	Kind       string // of the error; empty if the arrival went well
	Detail     string // of the error, for people; bounded

	// Delay is how much of Done − Intended the generator itself may have made: it acted
	// late, read the answer late, or had a lot to catch up with. At most Done − Intended.
	Delay time.Duration
	// Doubtful says that the generator itself may have made this error.
	Doubtful bool

	ThinkTime time.Duration // of a flow's caller, between its steps; Done leaves it out
	Phases    timeline.PhaseTimes
	Counts    timeline.Counts
	// When the connection was opened that broke before the answer was complete; 0 if that is not
	// known, or none broke.
	Opened time.Duration
	Sample *Sample // of the answer, for some of those that failed a check
	// Secrets are the secrets in Detail and Sample that only the arrival knows: of its row, its
	// flow and its credentials. A writer of Detail or Sample replaces them, and values under secret
	// names.
	Secrets []string
}

// Sample is an answer that was not as expected, and what was sent for it, kept for
// people to look at. It is as it came: see Result.Secrets.
type Sample struct {
	Method string              `json:"method,omitempty"`
	URL    string              `json:"url,omitempty"`
	Sent   *Message            `json:"sent,omitempty"`
	Status int                 `json:"status,omitempty"` // 0: the protocol has none
	Header map[string][]string `json:"header,omitempty"`
	Body   string              `json:"body,omitempty"` // its beginning
	Cut    bool                `json:"-"`              // whether Body is no more than that
}

// Message is what goes over the wire, as far as people want to see it.
type Message struct {
	Header map[string][]string `json:"header,omitempty"`
	Body   string              `json:"body,omitempty"` // its beginning
	Cut    bool                `json:"-"`              // whether Body is no more than that
}

// SampleChooser is a Sink that says which answers it keeps as samples. A sample is made only if it
// wants that of the result, which has no sample yet. Other Sinks get all samples. It is safe for
// concurrent use.
type SampleChooser interface{ WantsSample(r *Result) bool }

// DetailChooser is a Sink that says of which errors it wants the Detail. Detail and Secrets of
// other results may be empty. It is safe for concurrent use.
type DetailChooser interface{ WantsDetail(r *Result) bool }

// Sink receives what the attack does. Every arrival is first Planned and later,
// once, Recorded; both come from any goroutine, Planned at about the
// time at which the arrival is due and in no certain order, as users of a closed
// stage do not wait for each other. Whole flows come like requests, marked
// Arrival.IsFlow, beside their steps. Worker numbers are dense from 0 to at most
// MaxInFlight+1, with those of the users of closed stages above, and no two calls
// of Record with the same number overlap.
type Sink interface {
	Planned(a Arrival)
	Record(worker int, r *Result)
}

// TimeoutOf is how long a request of the plan may take, from its intended time.
func (p *Plan) TimeoutOf(r *Request) time.Duration { return cmp.Or(r.Timeout, p.Timeout) }

// Sends says whether a request of the plan is of a protocol.
func (p *Plan) Sends(protocol string) bool {
	return slices.ContainsFunc(p.Requests, func(r Request) bool { return r.Protocol == protocol })
}

// Duration is the length of all stages.
func (p *Plan) Duration() time.Duration {
	var d time.Duration
	for _, s := range p.Stages {
		d += s.For
	}
	return d
}

// Load is what the plan's schedule is made of.
func (p *Plan) Load() arrivals.Load {
	l := arrivals.Load{Seed: p.Seed, Process: p.Arrivals, Stages: p.Stages}
	for i := range p.Requests {
		l.Requests = append(l.Requests, p.Requests[i].Weight)
	}
	for i := range p.Flows {
		l.Flows = append(
			l.Flows,
			arrivals.Flow{Weight: p.Flows[i].Weight, Steps: len(p.Flows[i].Steps)},
		)
	}
	return l
}

// Schedule yields the plan's arrivals in order of time, the same ones every time:
// see arrivals.Load.
func (p *Plan) Schedule() iter.Seq[Arrival] {
	l := p.Load()
	return l.Schedule()
}

// Expected is the number of arrivals that the open shapes amount to.
func (p *Plan) Expected() float64 {
	l := p.Load()
	return l.Expected()
}

// Digest is a SHA-256 over at most max arrivals of the schedule, and how many they
// were: see arrivals.Load.
func (p *Plan) Digest(max int) (count uint64, sha string) {
	l := p.Load()
	return l.Digest(max)
}

// Windows returns the stages as stretches of the run.
func (p *Plan) Windows() []timeline.Stage {
	var out []timeline.Stage
	var at time.Duration
	for _, s := range p.Stages {
		_, closed := s.Shape.(arrivals.ClosedShape)
		open, _ := s.Shape.(arrivals.OpenShape)
		out = append(out, timeline.Stage{
			Name: s.Name, Window: timeline.Window{From: at, To: at + s.For}, Judged: s.Judged, Closed: closed,
			Idle: open != nil && open.Expected(s.For, s.For) == 0,
		})
		at += s.For
	}
	return out
}
