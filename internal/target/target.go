// Package target says what a kind of service is: what can be started or found, put
// under load, and broken.
//
// # What a kind does
//
// A kind is a package below this one and a line in package kinds. Its methods are
// called in this order:
//
//   - New, then Settings: its settings are read from the scenario file, and become a part
//     of the plan. Nothing is touched.
//   - Open, once for a run or a check, then Opener.Open for each service, which starts
//     or finds it; or Opener.Facts, which only says what a run would hit.
//   - What was opened registers with Env.Undo how it is taken down, as soon as there is
//     something to take down. The last registered is undone first.
//   - Heal, in a later process, if the run died: Healer.Reopen finds targets again by
//     what the journal says of them, and Healer.Sweep removes what else was left.
//
// # What can be broken
//
// A target that a kind opens implements chaos.Target, and the small interfaces of
// package chaos for what can be done to it: Killer, Pauser, Impairer. Kind.Can says
// the same before anything is started. TestKinds in package kinds holds both together.
package target

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Kind is an entry of the registry of kinds of service.
type Kind struct {
	// Name is the key of its settings in the plan, and stands in the journal: it is
	// never changed.
	Name string
	// Keys are those of a service, in the file, that make it one of this kind.
	Keys []string
	// Beside are further keys, each of which goes with one of Keys.
	Beside []Beside
	// New returns what the file has of such a service: a pointer to a struct with a
	// field for each of Keys and Beside, tagged as package strictyaml says.
	New func() any
	// Settings checks file, which New returned and the reader filled, and makes the service's
	// settings of it. It notes mistakes with r, and returns settings all the same.
	Settings func(r Reader, file any) Settings
	// Finds says that its Settings are Findable: a run may find such services.
	Finds bool
	// Can is what can be done to its targets.
	Can Capabilities
	// Open returns what starts and finds such services in one run.
	Open func(Env) Opener
	// Heal returns what undoes what runs that are over left of such services.
	Heal func(Healing) Healer
}

// Beside is a key that goes with another one alone.
type Beside struct {
	Key, With string
	Hint      string // what to do with it beside other keys
}

// Capabilities are what can be done to targets of a kind.
type Capabilities struct {
	// Not says, for what cannot be done, what to do instead. All else can be done.
	Not map[chaos.Capability]string
	// Conditions are the network conditions that its targets can be put under, by
	// the names of the faults; see chaos.NetCondition.
	Conditions []string
	// Figures are what is measured of its targets, which are Observable then; none: they
	// cannot be watched.
	Figures []timeline.Figure
}

// Suffer says whether a fault can hit targets of the kind, and otherwise what to do
// instead.
func (k *Kind) Suffer(f chaos.Kind) (instead string, ok bool) {
	return chaos.Suffers(f, k.Can.Not, k.Can.Conditions, "a "+k.Name)
}

// Settings are those of one service. They are a part of the plan: they print as JSON,
// the same bytes for the same file, under the kind's name.
//
// Texts may hold ${NAME.addr}, which Env.Expand puts in.
type Settings interface {
	// Texts returns all texts that may name a service's address, or hold a secret.
	Texts() []string
	// Describe says what the service is, for people, and what they should know of it;
	// "" for nothing.
	Describe() (what, remark string)
	// NoAddress says why the service has no address that others could name, and what
	// to do; "" if it has.
	NoAddress(service string) (why, hint string)
	// Targets is how many things of it can be broken; known is false if only a run
	// can tell.
	Targets() (n int, known bool)
}

// Carrier is Settings of a service that carries connections on from this process.
type Carrier interface {
	// Upstream is where to, as host:port.
	Upstream() string
}

// Findable is Settings of a service that the run may find, in place of starting it. What is found
// can be watched without being a service of the scenario.
type Findable interface {
	// Found says that it is found.
	Found() bool
}

// Reader is what a kind reads a service's settings with: the file's decoder, and what
// the reader of scenarios knows beside it.
type Reader interface {
	Failf(at strictyaml.Span, hint, format string, args ...any)
	Where(ptr any, fallback *strictyaml.Node) *strictyaml.Node
	Find(ptr any) (n *strictyaml.Node, ok bool)
	Set(ptr any) bool
	Broken(ptr any) bool

	// Service is the service's name, and the node where it stands.
	Service() (name string, at *strictyaml.Node)
	// Path returns a path as it is taken from the scenario file's folder, which is dir.
	Path(name string) (path, dir string)
	// Host notes a mistake at a node, and returns false, if the run must not connect to
	// a host.
	Host(host string, at *strictyaml.Node) (ok bool)
	// Env takes what is secret in variables.
	Env(env map[string]string)
	// Ready returns the check that a file asks for; own is the one by default.
	Ready(f *ReadyFile, own ready.Check) ready.Check
}

// Env is what a run, or a check, has for its services.
type Env struct {
	Run   string // its id
	Owner owner.Owner
	Dir   string // of the scenario file; relative paths start there
	Seed  uint64

	Hosts   *allow.Hosts          // where the services may connect to
	Refused func(error)           // told of a connection that must not be opened
	Names   func(netip.Addr) bool // whether the scenario has an address in it

	// Expand puts in the addresses of services.
	Expand func(text string) (string, error)
	// Ready completes a check of a service that is reached at own, "" if that is not
	// known; expand puts in what only the run knows.
	Ready func(c ready.Check, service, own string, expand func(string) (string,
		error)) (ready.Check, error)
	// Log opens what takes a service's output.
	Log func(service string) (io.WriteCloser, error)
	// Progress tells people what takes time.
	Progress func(format string, args ...any)
	// Place writes down where the run is about to make things that outlive it, before
	// anything is made there; key is PlaceKey of a Placed healer.
	Place func(key string, place json.RawMessage) error
	// Undo registers how something is taken down. It may be called twice.
	Undo func(func(context.Context) error)
}

// Opener starts and finds the services of one kind in one run. Its methods are called
// one after the other.
type Opener interface {
	// Open starts or finds a service and returns when it is ready.
	Open(ctx context.Context, service string, s Settings) (*Instance, error)
	// Facts says what a run would hit, without starting or changing anything. It
	// fails with an error that is ErrUnreachable if what it has to ask does not answer,
	// and with any other if a run would find nothing.
	Facts(ctx context.Context, service string, s Settings) (Facts, error)
}

// ErrUnreachable says that what services of a kind run at does not answer.
var ErrUnreachable = errors.New("it does not answer")

// Instance is a service that runs.
type Instance struct {
	// Addr is its address as host:port, which is ${NAME.addr}; "" if it has none.
	Addr    string
	Targets []chaos.Target
	// Exits tells of ends that nobody asked for; nil if it cannot.
	Exits <-chan Exit
}

// Exit is an end that nobody had asked for.
type Exit struct {
	Name   string
	Status string // "exit status 2", "signal: killed"
	Tail   string // its last lines, may be empty
}

// String is a line for people.
func (e Exit) String() string {
	s := e.Name + " ended by itself (" + e.Status + ")"
	if e.Tail != "" {
		s += "; its last lines:\n" + e.Tail
	}
	return s
}

// Found is a chaos.Target that a run may find, and another one too.
type Found interface {
	// Identity names it among all that runs may find, for people too; "" if this run made it.
	Identity() string
}

// Published is a chaos.Target that others may stand in front of, as an engine does
// for a port that it publishes.
type Published interface {
	// Behind returns what asks whether connections to an address get to the target,
	// nil if the address is not one of its.
	Behind(ctx context.Context, address string) (func(context.Context) error, error)
}

// Deserted is why connections that are accepted get to nobody, where more is known than
// that they are closed at once. It says what to do.
type Deserted struct{ Err error }

// Error implements error.
func (d *Deserted) Error() string { return d.Err.Error() }

// Unwrap returns the error.
func (d *Deserted) Unwrap() error { return d.Err }

// Facts are what a run would hit of one service.
type Facts struct {
	// Address is where the service is reached, for people; "" if that is not known.
	Address string `json:"address,omitempty"`
	Targets []Fact `json:"targets"`
}

// Fact is one target of a service: one that is there, or one that would be.
type Fact struct {
	Name    string   `json:"name"` // as faults and reports call it
	Details []Detail `json:"details"`
}

// Detail is one thing to know of a target, such as its image.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Healing is what heal knows of runs.
type Healing struct {
	// Liveness says whether a run lives, by its owner and, if that is known, its id;
	// and why that is not known.
	Liveness func(run string, o owner.Owner) (owner.Liveness, string)
}

// Healer undoes what runs that are over left of one kind of service. Its methods are
// called one after the other.
type Healer interface {
	// Reopen finds a target again: chaos.ErrGone if nothing of it needs undoing,
	// chaos.ErrElsewhere if that cannot be told from here.
	Reopen(ctx context.Context, ref chaos.Ref) (chaos.Target, error)
	// Sweep removes what is left. asked says that people asked for it, or that a run
	// that is over had things at a Place; otherwise it does only what costs nothing.
	Sweep(ctx context.Context, asked bool) (Swept, error)
	// Close gives up what was opened, and removes what healing itself needed. Its error says what
	// is left.
	Close() error
}

// Placed is a Healer of services at places that outlive runs, such as engines.
type Placed interface {
	// PlaceKey is the key of Env.Place, which is never changed.
	PlaceKey() string
	// Looked says whether Sweep looked at a place that was written down, and if not,
	// what that place is and what to do.
	Looked(place json.RawMessage) (ok bool, where string, err error)
}

// Swept is what a Healer found.
type Swept struct {
	Done []string // what was removed: "removed: container shop-1"
	Left []Left
	// Unseen is why it did not look; an error only if it is not ErrUnreachable.
	Unseen error
}

// Left is what was left alone of one run, as its owner is not known to be gone.
type Left struct {
	Run    string
	Owner  owner.Owner
	Things []string
}
