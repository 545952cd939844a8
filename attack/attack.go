// Package attack sends load: it turns a plan into arrivals, each due at an
// offset that depends on the plan and its seed alone, and sends them open loop,
// whatever the target does.
//
// # Three times
//
// Every arrival has an intended time (when it was due), a sent time and a done
// time. Response time is done − intended, service time done − sent, lag sent −
// intended. An arrival that finds no free slot waits in line, on the clock, and
// is unsent when its timeout, counted from the intended time, has passed.
//
// # Parts
//
//   - Package arrivals has the shapes of load, and draws the arrivals of a plan from
//     them and the seed.
//   - Engine sends one request and returns its answer: listed in Engines.
//   - Run walks the schedule, hands arrivals to the engine and results to a Sink.
package attack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// What a schedule is made of and yields is the business of package arrivals.
type (
	Stage   = arrivals.Stage
	Arrival = arrivals.Arrival
)

// Plan is all that the attack needs to know; it is not changed once built.
type Plan struct {
	Seed        uint64           `json:"seed"`
	Engine      string           `json:"engine"`               // name in Engines
	EngineWhy   string           `json:"engine_why,omitempty"` // why ChooseEngine took it; empty if it was named
	Arrivals    arrivals.Process `json:"arrivals"`
	Timeout     time.Duration    `json:"timeout"` // of a request that sets none; from the intended time
	MaxInFlight int              `json:"max_in_flight"`
	Protocol    string           `json:"protocol"` // auto, http1, http2 (over TLS) or h2c
	TLS         TLS              `json:"tls"`
	LateBudget  time.Duration    `json:"late_budget"`
	CatchUp     CatchUp          `json:"catch_up,omitempty"`  // empty: burst
	MaxBody     int64            `json:"max_body,omitempty"`  // of an answer, in bytes; above it is an error; 0: without end
	Redirects   int              `json:"redirects,omitempty"` // to follow at most, within a request; 0: a redirect is an answer
	Connections Connections      `json:"connections,omitzero"`
	// RedirectHosts are hosts that only redirects lead to: see RedirectHost.
	RedirectHosts []string  `json:"redirect_hosts,omitempty"`
	AllowHosts    []string  `json:"allow_hosts,omitempty"` // where connections may go beside this machine and private networks
	Flows         []Flow    `json:"flows,omitempty"`
	Stages        []Stage   `json:"stages"`
	Requests      []Request `json:"requests"`
	// SecretNames are columns and captures that are secret by declaration, beside those
	// that SecretColumns finds.
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

// Connections says how targets are reached. The zero value keeps connections
// alive, as many as there are requests in flight, and goes where the URL says.
type Connections struct {
	NoKeepAlive bool              `json:"no_keepalive,omitempty"` // a new connection for each request
	PerHost     int               `json:"per_host,omitempty"`     // at most this many to one host; 0: as many as needed
	Unix        string            `json:"unix,omitempty"`         // path of a Unix socket, to which all connections go
	To          map[string]string `json:"to,omitempty"`           // host:port of URLs → host:port to connect to
	Source      string            `json:"source,omitempty"`       // own address to connect from
	DNSRefresh  time.Duration     `json:"dns_refresh,omitempty"`  // how long a looked-up address is good for; 0: look up for each connection
}

// Flow is a list of requests that one caller makes one after the other.
type Flow struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Steps  []Step  `json:"steps"`
	// Data are the rows that the templates of its steps draw from, in place of the
	// rows of their requests: the k-th arrival of the flow takes row k modulo their
	// number, for all its steps.
	Data *Data `json:"data,omitempty"`
}

// Step is one request of a flow. Its captures are columns of the data row for
// the steps that follow.
type Step struct {
	Request  int           `json:"request"` // index into Plan.Requests
	Captures []Capture     `json:"captures,omitempty"`
	Think    time.Duration `json:"think,omitempty"` // after its answer
}

// Capture takes a value out of an answer; exactly one of JSON, Header and
// Matches is set. An answer without it is an error.
type Capture struct {
	Name    string `json:"name"`
	JSON    string `json:"json,omitempty"`    // JSON path (RFC 9535); of several nodes the first
	Header  string `json:"header,omitempty"`  // name of a header
	Matches string `json:"matches,omitempty"` // regular expression; its first group, or all of it if it has none
}

// TLS holds the options of https targets. Files are paths, checked to be
// readable and well-formed when the plan is made.
type TLS struct {
	CA         string `json:"ca,omitempty" doc:"PEM file with the certificate authorities to trust, in place of the system's"`
	Cert       string `json:"cert,omitempty" doc:"PEM file with the client certificate"`
	Key        string `json:"key,omitempty" doc:"PEM file with the client certificate's key"`
	ServerName string `json:"server_name,omitempty" doc:"name to expect in the server's certificate"`
	Insecure   bool   `json:"insecure,omitempty" doc:"accept any certificate"`
}

// Request is one kind of arrival. URL, header values, query values and body
// may hold templates over the data row: {{ .sku }}. TemplateFunctions lists
// what else they can call.
type Request struct {
	Name    string  `json:"name"`
	Weight  float64 `json:"weight"`
	Method  string  `json:"method,omitempty"`
	URL     string  `json:"url,omitempty"` // absolute, or relative to the scenario's target
	Headers []Field `json:"headers,omitempty"`
	Query   []Field `json:"query,omitempty"`
	// At most one of these is the body. In JSON, templates stand within strings
	// and what they render is escaped again; in Form, within values.
	Body    string        `json:"body,omitempty"`
	JSON    string        `json:"json,omitempty"`
	Form    []Field       `json:"form,omitempty"`
	File    *BodyFile     `json:"file,omitempty"`
	Timeout time.Duration `json:"timeout"`
	Expect  Expect        `json:"expect"`
	// Data are the rows that templates draw from; the k-th arrival of this
	// request takes row k modulo their number.
	Data *Data `json:"data,omitempty"`
	// Targets, in place of all of the above but name, weight and expect: the
	// k-th arrival takes target k modulo their number.
	Targets Targets `json:"targets,omitempty"`
}

// Field is one header or query parameter; order is kept.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Targets are a vegeta target list. In JSON they are their number and a SHA-256
// over them: enough to tell two lists apart, and not the list, which can be as
// large as data. Those that were read from JSON are none.
type Targets []Target

// MarshalJSON implements json.Marshaler.
func (t Targets) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("null"), nil
	}
	h := sha256.New()
	lines := json.NewEncoder(h)
	for i := range t {
		if err := lines.Encode(&t[i]); err != nil {
			return nil, err
		}
	}
	return json.Marshal(targetsJSON{len(t), hex.EncodeToString(h.Sum(nil))})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Targets) UnmarshalJSON(b []byte) error {
	*t = nil
	return json.Unmarshal(b, new(*targetsJSON))
}

type targetsJSON struct {
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
}

// Target is one line of a vegeta target list.
type Target struct {
	Method  string  `json:"method"`
	URL     string  `json:"url"`
	Headers []Field `json:"headers,omitempty"`
	Body    []byte  `json:"body,omitempty"`
}

// Expect is what a good answer looks like. Without Status, any from 200 to 399 is
// good, or to 299 where redirects are followed.
type Expect struct {
	Status  []int   `json:"status,omitempty"`  // any of these; 1 to 5 is a class, such as 2 for 200 to 299
	Body    string  `json:"body,omitempty"`    // must be contained
	Matches string  `json:"matches,omitempty"` // regular expression the body must match
	Headers []Field `json:"headers,omitempty"` // must be present; with this value unless empty
	// HeaderParts are headers of which a part is expected.
	HeaderParts []HeaderPart `json:"header_parts,omitempty"`
	// JSON are values that the body, read as JSON, must hold.
	JSON []ExpectJSON `json:"json,omitempty"`
	// MinSize and MaxSize bound the body, in bytes; MaxSize 0 is no bound.
	MinSize int64 `json:"min_size,omitempty"`
	MaxSize int64 `json:"max_size,omitempty"`
	// Within bounds the response time; 0 is no bound.
	Within time.Duration `json:"within,omitempty"`
}

// HeaderPart is a header that must be present, with a value that holds Contains and
// matches Matches, where they are set.
type HeaderPart struct {
	Name     string `json:"name"`
	Contains string `json:"contains,omitempty"`
	Matches  string `json:"matches,omitempty"` // regular expression
}

// ExpectJSON is a JSON path (RFC 9535) and what it must find: Value, which is
// JSON text, as one of its nodes, or anything at all if Value is empty.
type ExpectJSON struct {
	Path  string `json:"path"`
	Value string `json:"value,omitempty"`
}

// Call is a request ready to be sent. It must not be changed. One that was made
// from templates is sent by one caller at a time.
type Call struct {
	Method string
	URL    string
	Header []Field
	Body   []byte
	// WantBody says that the answer's body will be looked at; otherwise it is
	// only counted.
	WantBody bool
	// WantHeader says that the answer's headers will be looked at; otherwise an
	// engine need not keep them.
	WantHeader bool
	// wantCookies says that the answer's Set-Cookie lines will be looked at, in
	// Reply.setCookies.
	wantCookies bool
	// jar are the caller's cookies, for an engine that follows redirects; nil: it
	// keeps none from one request to the next.
	jar *cookies
	// fixed says that the call will be sent again and never changed, so that an
	// engine may keep what it has made of it.
	fixed bool
	reuse
}

// Answer is what checks and captures look at. It is not safe for concurrent use.
type Answer struct {
	Status  int         // 0 if there was no complete answer
	Header  http.Header // nil if there was no complete answer; and maybe if nobody looks at it
	Body    []byte      // at most MaxBody bytes; if nobody looks at it, the beginning, if Status is 400 or above
	BytesIn int64       // as it came over the wire
	// Encoding is the Content-Encoding of Body until it is unpacked; only if somebody may
	// look at it.
	Encoding string
	// Unfollowed is why a redirect was not followed, though some are; empty if it is none.
	Unfollowed string

	packed   error // why it cannot be unpacked
	unpacked bool  // Body is no longer what came over the wire
	cut      bool  // and only its beginning

	looked, valid bool      // whether Body is JSON; known once looked
	doc           *document // Body, read as JSON; nil until somebody needs it
}

// Reply is what came of a call. Sent and Done carry monotonic clock readings.
type Reply struct {
	Answer
	Sent, Done time.Time
	Phases     timeline.PhaseTimes
	Opened     time.Time // when the last connection that it was sent on was opened; zero if that is not known
	BytesOut   int64
	Err        error

	setCookies  []string // its Set-Cookie lines; only with Call.wantCookies
	keptCookies bool     // the engine has kept them already
}

// MaxBody is how much of an answer's body is kept for checks; the rest is read
// and counted only.
const MaxBody = 1 << 20

// Engine sends requests.
type Engine interface {
	// Send sends call and reads its whole answer, or gives up when ctx ends, with
	// the cause of that as its error. It is safe for concurrent use and never returns before Reply is complete.
	Send(ctx context.Context, call *Call) Reply
	// Close gives up idle connections and everything the engine started.
	Close() error
}

// DeadlineSender is an Engine that keeps deadlines by itself, which spares a
// context for each send.
type DeadlineSender interface {
	// SendBy is Send with deadlines beside ctx. All calls should come with the same
	// ctx: its end may be watched for between them.
	SendBy(ctx context.Context, by Deadlines, call *Call) Reply
}

// Outcome is how an arrival ended.
type Outcome uint8

// The outcomes.
const (
	Done        Outcome = iota // sent, and answered or failed
	Unsent                     // given up before it was sent: an error
	Interrupted                // the run was interrupted before it ended
)

// Result is an arrival with what came of it; times are offsets from the start.
type Result struct {
	Arrival
	Outcome  Outcome
	Acted    time.Duration // when the generator acted on it; − Intended is the generator's own lateness
	Sent     time.Duration // 0 if it never was
	Done     time.Duration // for an unsent arrival: when its timeout passed
	GivenUp  time.Duration // of an unsent arrival: when it was; it may be before its timeout
	Status   int
	BytesIn  int64
	BytesOut int64
	Kind     string // of the error; empty if the arrival went well
	Detail   string // of the error, for people; bounded

	// Delay is how much of Done − Intended the generator itself may have made: it acted
	// late, read the answer late, or had a lot to catch up with. At most Done − Intended.
	Delay time.Duration
	// Doubtful says that the generator itself may have made this error.
	Doubtful bool

	Thought time.Duration // by the caller of a whole flow, between its steps; Done leaves it out
	Phases  timeline.PhaseTimes
	Opened  time.Duration // when the connection was opened that broke before the answer was complete; 0 if it is not known, or none broke
	Sample  *Sample       // of the answer, for some of those that failed a check
	// Secrets are those of Detail and Sample that only the arrival knows: of its row, its
	// flow and its credentials. Whoever writes either takes them out, and what stands
	// under a secret name.
	Secrets []string
}

// Sample is an answer that was not as expected, and what was sent for it, kept for
// people to look at. It is as it came: see Result.Secrets.
type Sample struct {
	Method string      `json:"method,omitempty"`
	URL    string      `json:"url,omitempty"`
	Sent   *Message    `json:"sent,omitempty"`
	Status int         `json:"status"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"` // its beginning
	Cut    bool        `json:"-"`              // whether Body is no more than that
}

// Message is what goes over the wire, as far as people want to see it.
type Message struct {
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"` // its beginning
	Cut    bool        `json:"-"`              // whether Body is no more than that
}

// SampleChooser is a Sink that says which answers it keeps as samples: a sample is
// made only of a result, without one yet, that it wants. To other Sinks come all that
// there can be. It is safe for concurrent use.
type SampleChooser interface{ WantsSample(r *Result) bool }

// DetailChooser is a Sink that says of which errors it wants to know more than the
// kind: Detail and Secrets of other results may be empty. It is safe for concurrent use.
type DetailChooser interface{ WantsDetail(r *Result) bool }

// Sink receives what the attack does. Every arrival is first Planned and later,
// once, Recorded; both come from any goroutine, Planned at about the
// time at which the arrival is due and in no certain order, as users of a closed
// stage do not wait for each other. Whole flows come like requests, marked
// Arrival.Whole, beside their steps. Worker numbers are dense from 0 to at most
// MaxInFlight+1, with those of the users of closed stages above, and no two calls
// of Record with the same number overlap.
type Sink interface {
	Planned(a Arrival)
	Record(worker int, r *Result)
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
		l.Flows = append(l.Flows, arrivals.Flow{Weight: p.Flows[i].Weight, Steps: len(p.Flows[i].Steps)})
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
