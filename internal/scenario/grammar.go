package scenario

import (
	"reflect"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// The structs here are the grammar of the scenario file: the decoder reads by
// their tags, and the JSON Schema is generated from them.

// grammar is what the scenario file has beyond its structs.
var grammar = &strictyaml.Grammar{
	Keys: keysOfRegistries(protocols.All()),
	Lists: map[string]func() []string{
		"builtins": target.Builtins, "protocols": httpVersions, "processes": processes, "engines": engines,
		"units": observe.UnitNames,
	},
	Units:       map[reflect.Type]string{reflect.TypeFor[arrivals.Rate](): strictyaml.UnitRate},
	Foreign:     foreign,
	TemplateEnd: payload.TemplateEnd,
	Hints: strictyaml.Hints{
		Empty:    "ordeal init writes a scenario to start from",
		TooLarge: "put long request lists into a file and name it under targets:",
		TooDeep:  "a scenario needs no more than a handful of levels",
		Unfolds:  "use fewer aliases and shorter variables, or put what is large into a file: data:, file: or targets:",
		Setting:  "write it as attack.timeout=5s",
		KeyPath:  `write it as attack.timeout, stages.0.rate, or headers."X.Y"`,
	},
}

// grammarOf is the grammar of files whose requests can be of these protocols.
func grammarOf(all []attack.Protocol) *strictyaml.Grammar {
	g := *grammar
	g.Keys = keysOfRegistries(all)
	return &g
}

// Settings lists the settings of a shape or a fault, given a pointer to it, as they
// stand in scenario files.
func Settings(ptr any) []strictyaml.Field { return grammar.Fields(ptr) }

type scenarioFile struct {
	Version    int            `json:"version" default:"1" doc:"of the language that the file is written in: 1; what stays compatible within it stands in the reference"`
	Name       string         `json:"name" required:"true" doc:"what the scenario shows, in a few words"`
	Seed       uint64         `json:"seed" default:"1" doc:"what arrivals, picked targets and template values are drawn from: the same seed gives the same run"`
	Services   servicesFile   `json:"services" doc:"what the run starts or finds, and breaks"`
	Target     string         `json:"target" vars:"addr" doc:"base of the requests' paths, such as http://127.0.0.1:8080 or http://${NAME.addr}; tcp://host:port if all of them are tcp"`
	AllowHosts []string       `json:"allow_hosts" doc:"hosts beyond this machine and private networks that may be put under load: names, *.domains, addresses or networks"`
	Secrets    []string       `json:"secrets" doc:"names of environment variables, columns of data and captures whose values are shown as ***, beside those whose name says so"`
	Setup      []setupFile    `json:"setup" doc:"what is done before the load, in this order: requests and commands; what they capture, all requests can use"`
	Teardown   []teardownFile `json:"teardown" doc:"what is done at the end, whatever happened: requests and commands"`
	Attack     attackFile     `json:"attack" required:"true" doc:"the load: requests or flows, and stages"`
	Chaos      []faultFile    `json:"chaos" doc:"faults, on the same clock as the load"`
	Observe    observeFile    `json:"observe" doc:"what is watched beside the load: services, probes and figures from outside"`
	Ledger     []ledgerFile   `json:"ledger" doc:"writes that must not be lost: what was acknowledged is read back after the last fault"`
	Recovery   recoveryFile   `json:"recovery" doc:"when the service counts as normal again after a fault; a fault can have its own"`
	Hypothesis rulesFile      `json:"hypothesis" doc:"rules that must hold before the first fault is injected; otherwise none is, the load ends, and the run is inconclusive"`
	Abort      alarmsFile     `json:"abort" doc:"conditions that end the run and fail it, such as error_rate > 50% for 10s; judged every second, on answers as they come"`
	Verdict    rulesFile      `json:"verdict" doc:"rules that must hold, such as p99 < 200ms, or the word default for the default scorecard; left out, the run only measures"`
	Rerun      int            `json:"rerun" doc:"1: a run that failed is repeated once, and fails only if both do; one failure of two is a warning. 0: it is not"`
}

func (scenarioFile) Noun() string { return "a scenario" }
func (requestFile) Noun() string  { return "a request" }
func (ruleFile) Noun() string     { return "a rule" }
func (probeFile) Noun() string    { return "a probe" }
func (metricFile) Noun() string   { return "a metric" }

type attackFile struct {
	Engine      string        `json:"engine" default:"auto" enum:"@engines" doc:"what sends the requests; auto takes fast, or http where HTTP/2 or a proxy is needed"`
	Arrivals    string        `json:"arrivals" default:"uniform" enum:"@processes" doc:"uniform: evenly spaced; poisson: at random, as independent callers come"`
	Timeout     time.Duration `json:"timeout" default:"5s" positive:"true" doc:"how long an arrival may take, from the moment it was due"`
	MaxInFlight int           `json:"max_in_flight" default:"2000" positive:"true" doc:"how many requests may be open at once; further arrivals wait in the queue, on the clock"`
	Protocol    string        `json:"protocol" default:"auto" enum:"@protocols" doc:"the HTTP version; auto takes HTTP/2 where TLS offers it"`
	TLS         wire.TLS      `json:"tls" doc:"options of https targets"`
	LateBudget  time.Duration `json:"late_budget" default:"50ms" positive:"true" doc:"how late arrivals may be before catch_up: skip leaves them out, and at the 99th percentile before the report says so; rules are judged at any lateness"`
	CatchUp     string        `json:"catch_up" default:"burst" enum:"burst,spread,skip" doc:"what becomes of arrivals that the generator was late for: burst sends them at once, spread at no more than twice their planned pace, skip counts those later than late_budget as unsent"`
	MaxBody     int64         `json:"max_body" default:"64MiB" unit:"bytes" positive:"true" doc:"how large an answer's body may be; a larger one, or one without end, is an error and closes the connection"`

	Redirects   int             `json:"redirects" doc:"how many redirects are followed within a request, to hosts that the scenario names; one more, or one that leads elsewhere, is an error unless expect names its status; 0: a redirect is an answer. Only engine http follows them"`
	RedirectTo  []string        `json:"redirect_hosts" vars:"addr" doc:"hosts that only redirects lead to, beside those of the requests: a name, host:port, or a URL such as https://shop.example"`
	Connections connectionsFile `json:"connections" doc:"how targets are reached"`

	Ready        target.ReadyFile `json:"ready" vars:"addr" doc:"what says that the target is ready for the load: a path of the target or a URL that answers 2xx, tcp://host:port, or a mapping with http, tcp or command"`
	ReadyTimeout time.Duration    `json:"ready_timeout" default:"10s" positive:"true" doc:"how long the target may take to get ready, or else to accept connections and keep them"`

	Requests []requestFile `json:"requests" doc:"what is sent, each drawn by its weight"`
	Flows    []flowFile    `json:"flows" doc:"lists of requests that one caller makes one after the other, drawn by their weights among the requests"`
	Stages   []stageFile   `json:"stages" required:"true" doc:"the load over time, one stage after the other"`
}

// connectionsFile says how targets are reached.
type connectionsFile struct {
	KeepAlive  bool              `json:"keepalive" default:"true" doc:"false: a new connection for each request, which says Connection: close"`
	PerHost    int               `json:"per_host" positive:"true" doc:"how many connections to one host there may be at once; a request waits for one on the clock; left out: as many as needed"`
	Unix       string            `json:"unix" doc:"path of a Unix socket to which all connections go, from the scenario file's folder"`
	ConnectTo  map[string]string `json:"connect_to" vars:"addr" doc:"other addresses to connect to: the host:port of URLs, and the host:port in its place; Host header and server name stay those of the URL"`
	Source     string            `json:"source" doc:"address of this machine to connect from"`
	DNSRefresh time.Duration     `json:"dns_refresh" positive:"true" doc:"how long the addresses of a name are used, in turn, before it is looked up again; left out: it is looked up for each connection"`
}

// requestFile is one kind of request. The method keys stand for method and url
// together.
type requestFile struct {
	Name    string  `json:"name" required:"true" doc:"name in rules and reports"`
	Weight  float64 `json:"weight" default:"1" doc:"share of the arrivals, relative to the other requests' weights"`
	Get     string  `json:"get" vars:"addr" doc:"path or URL to GET"`
	Post    string  `json:"post" vars:"addr" doc:"path or URL to POST to"`
	Put     string  `json:"put" vars:"addr" doc:"path or URL to PUT to"`
	Patch   string  `json:"patch" vars:"addr" doc:"path or URL to PATCH"`
	Delete  string  `json:"delete" vars:"addr" doc:"path or URL to DELETE"`
	Head    string  `json:"head" vars:"addr" doc:"path or URL to ask the HEAD of"`
	Options string  `json:"options" vars:"addr" doc:"path or URL to ask the OPTIONS of"`
	Method  string  `json:"method" doc:"any other method, with url"`
	URL     string  `json:"url" vars:"addr" doc:"path or URL, with method"`

	// Other are the keys of protocols other than HTTP, see protocolKeys.
	Other strictyaml.Keyed `keys:"protocols"`

	Headers []payload.Field `json:"headers" vars:"addr" doc:"headers by name; values may hold templates"`
	Query   []payload.Field `json:"query" vars:"addr" doc:"query parameters by name; values may hold templates"`

	Body     string          `json:"body" vars:"addr" doc:"the body as text; may hold templates"`
	JSON     jsonBody        `json:"json" vars:"addr" doc:"the body as YAML, sent as JSON; texts may hold templates"`
	Form     []payload.Field `json:"form" vars:"addr" doc:"the body as a form; values may hold templates"`
	File     string          `json:"file" doc:"a file whose bytes are the body, whatever they are"`
	Template bool            `json:"template" doc:"true: the content of file holds templates"`

	Data    string        `json:"data" doc:"a .csv or .jsonl file of rows that templates draw from: {{ .column }}"`
	Timeout time.Duration `json:"timeout" positive:"true" doc:"in place of the attack's timeout"`
	Expect  expectFile    `json:"expect" doc:"what a good answer looks like; by default any status from 200 to 399"`
	Targets targetsFile   `json:"targets" doc:"a list of requests in vegeta's format, in place of method, URL and body"`
}

// flowFile is a list of requests that belong together.
type flowFile struct {
	Name   string     `json:"name" required:"true" doc:"name in rules and reports"`
	Weight float64    `json:"weight" default:"1" doc:"share of the arrivals, relative to the weights of requests and other flows"`
	Data   string     `json:"data" doc:"a .csv or .jsonl file of rows that the steps' templates draw from: one row for the whole flow"`
	Steps  []stepFile `json:"steps" required:"true" doc:"the requests, each sent when the one before is done and thought over; one that fails ends the flow"`
}

// stepFile is a request of a flow.
type stepFile struct {
	requestFile `without:"weight,data,targets"`
	Capture     capturesFile  `json:"capture" doc:"values of the answer for templates of later steps, {{ .NAME }}: each a JSON path, a header or a regular expression"`
	Think       time.Duration `json:"think" doc:"how long the caller waits between the answer and the next step"`
}

// captureFile is a way to take a value out of an answer: one of these.
type captureFile struct {
	JSON    string `json:"json" doc:"JSON path (RFC 9535) such as $.token; of several values the first"`
	Header  string `json:"header" doc:"name of a header"`
	Matches string `json:"matches" doc:"regular expression that the body must match; its first group, or all of it if it has none"`
}

type expectFile struct {
	Status  statuses      `json:"status" doc:"the status, a class such as 2xx, or a list of them"`
	Body    string        `json:"body" doc:"text that the body must hold"`
	Matches string        `json:"matches" doc:"regular expression that the body must match"`
	Headers expectHeaders `json:"headers" doc:"headers that must be there: with this value unless it is empty, or with a part of it, { contains: json } or { matches: '^W/' }"`
	JSON    expectJSON    `json:"json" doc:"values that the body must hold by their JSON paths (RFC 9535), such as { \"$.items[0].id\": 7 }; or a list of paths that must find something"`
	Size    sizeFile      `json:"size" doc:"bounds of the body's size, as it comes over the wire"`
	Within  time.Duration `json:"within" positive:"true" doc:"longest response time, from the moment the request was due, of a good answer"`
}

type sizeFile struct {
	Min int64 `json:"min" unit:"bytes" doc:"least size, such as 100B"`
	Max int64 `json:"max" unit:"bytes" positive:"true" doc:"greatest size, such as 1MiB"`
}

type targetsFile struct {
	File   string `json:"file" required:"true" doc:"the list of requests"`
	Format string `json:"format" default:"http" enum:"http,json" doc:"vegeta's HTTP or JSON format"`
}

// observeFile says what is watched beside the load.
type observeFile struct {
	Services observedServices `json:"services" doc:"all, or names of services: what they use of CPU, memory and the like is watched"`
	Every    time.Duration    `json:"every" default:"2s" positive:"true" doc:"how often services are asked, at least 1s apart; more often than 2s costs the engine more than 2 % of a core for ten containers"`
	Watch    watchFile        `json:"watch" doc:"containers that are watched as services are, and neither started nor broken"`
	Probes   []probeFile      `json:"probes" doc:"requests and commands that are asked all the time, load or no load"`
	Metrics  []metricFile     `json:"metrics" doc:"figures from outside"`
}

// probeFile is asked again and again. It is a request, or a command.
type probeFile struct {
	requestFile `without:"weight,data,targets,expect,timeout"`
	Command     []string      `json:"command" empties:"true" vars:"addr" doc:"in place of a request: a command of this machine that exits with status 0"`
	Every       time.Duration `json:"every" default:"1s" positive:"true" doc:"how often it is asked"`
	Timeout     time.Duration `json:"timeout" positive:"true" doc:"how long an answer may take, from the moment the probe was due; left out: 1s, or ten times every if that is less"`
	Expect      probeExpect   `json:"expect" doc:"what a good answer looks like; by default any status from 200 to 399, a connection, or exit status 0"`
}

// probeExpect is what a probe expects, which may be that there is no answer.
type probeExpect struct {
	expectFile
	Refused  bool `json:"refused" doc:"true: the connection must be refused, as nothing listens there"`
	TLSError bool `json:"tls_error" doc:"true: the TLS handshake must fail, as for a certificate that is not to be trusted"`
}

// metricFile is a figure from outside.
type metricFile struct {
	Name    string        `json:"name" required:"true" doc:"name in rules and reports"`
	Unit    string        `json:"unit" default:"count" enum:"@units" doc:"what the source tells it in"`
	Every   time.Duration `json:"every" positive:"true" doc:"how often it is read, from the beginning of the load to its end"`
	Once    string        `json:"once" enum:"before,after" doc:"in place of every: it is read once, before the load begins, or after it is over and all faults are undone"`
	Timeout time.Duration `json:"timeout" positive:"true" doc:"how long the source may take; left out: 5s, or every if that is less"`

	// Source are the keys of the sources, see observe.Sources.
	Source strictyaml.Keyed `keys:"sources"`
}

// ledgerFile says which writes are kept in mind, and how they are read back.
type ledgerFile struct {
	Name         string        `json:"name" required:"true" doc:"name in rules and reports"`
	Write        string        `json:"write" required:"true" doc:"name of the request that writes, such as checkout, or of a step, such as buy/order"`
	Acknowledged statuses      `json:"acknowledged" doc:"the status by which a write is acknowledged, a class such as 2xx, or a list of them; left out, a good answer below 400 acknowledges it"`
	Key          keyFile       `json:"key" required:"true" doc:"by what a write is asked for: a part of the answer that acknowledges it, or a template over what the request is made from"`
	Read         readBackFile  `json:"read" required:"true" doc:"the request that reads a write back; its templates have {{ .key }}"`
	Settle       time.Duration `json:"settle" default:"2s" doc:"how long the target is left alone after the last fault was undone"`
	Rate         arrivals.Rate `json:"rate" default:"200/s" positive:"true" doc:"how many a second are read back at most"`
	Deadline     time.Duration `json:"deadline" default:"60s" positive:"true" doc:"how long the reading back may take; what was not read by then leaves the rules in doubt"`
	Sample       sampleFile    `json:"sample" doc:"how many writes are read back, drawn from the seed, or all (the default)"`
	Duplicates   string        `json:"duplicates" doc:"JSON path in the answer to read: to a number, which is how often the write is there, or to a list, which holds it so often; 0 and an empty list say that it is not there"`
}

// keyFile says where the key of a write stands: one of these, of which it may be a part.
type keyFile struct {
	captureFile
	Template string `json:"template" doc:"a template over the request's row of data or a flow's captures, {{ .order_id }}, or with {{ seq }}: what was refused and what timed out has a key too"`
	Part     string `json:"part" doc:"regular expression that what stands there must match; its first group, or all that it matches, is the key: '[^/]+$' takes the last part of a Location"`
}

// readBackFile is a request that reads back.
type readBackFile struct {
	requestFile `without:"name,weight,data,targets"`
	Missing     expectFile `json:"missing" doc:"the answer that says that the write is not there, looked for first; left out: status 404 or 410"`
}

type stageHead struct {
	Name   string        `json:"name" required:"true" doc:"name in rules and reports"`
	For    time.Duration `json:"for" required:"true" positive:"true" doc:"how long the stage lasts"`
	Judged bool          `json:"judged" default:"true" doc:"false: rules do not look at this stage unless they name it"`
}

// usersFile stands beside a stage's head, in place of the fields of its shape.
type usersFile struct {
	Users usersRange    `json:"users" required:"true" doc:"how many users there are, such as 50, or { from: 1, to: 50 } for a number that changes evenly"`
	Think time.Duration `json:"think" doc:"how long a user waits between an answer and the next request"`
}

type usersBounds struct {
	From int `json:"from" required:"true" doc:"users when the stage begins"`
	To   int `json:"to" required:"true" doc:"users when the stage ends"`
}

// traceFile stands in a stage's trace, in place of the fields of its shape.
type traceFile struct {
	File  string  `json:"file" required:"true" doc:"a file of times, one a line: seconds, Unix times in s, ms, µs or ns, or RFC 3339 times"`
	Speed float64 `json:"speed" default:"1" positive:"true" doc:"what all gaps are divided by: 2 replays in half the time"`
}

// faultHead is what every fault has; beside it stands the key of its kind, and
// the key that says how long it lasts.
type faultHead struct {
	Name string        `json:"name" required:"true" doc:"name in rules and reports"`
	At   time.Duration `json:"at" required:"true" doc:"when it is injected, from the start of the load"`

	Recovery recoveryFile `json:"recovery" doc:"when the service counts as normal again after this fault; what it leaves out is as for the run"`
}

// faultTarget stands in the kind's mapping beside the kind's own settings.
type faultTarget struct {
	Service serviceNames `json:"service" required:"true" doc:"the service to break, or a list of services"`
	Pick    pickFile     `json:"pick" doc:"how many of the service's targets are hit, drawn from the seed: 1, 50% or all (the default)"`
}

type ruleFile struct {
	KPI      string `json:"kpi" required:"true" doc:"the rule, such as p99 < 200ms"`
	Name     string `json:"name" doc:"name in reports"`
	Severity string `json:"severity" default:"fail" enum:"fail,warn" doc:"warn: a broken rule is reported and does not fail the run"`

	Description string `json:"description" doc:"why the rule is there, and what to do when it fails; stands in the report"`
	MinSamples  uint32 `json:"min_samples" doc:"how many arrivals, times or readings its figures need at least: with fewer the rule is inconclusive"`

	Confidence float64 `json:"confidence" unit:"%" doc:"how sure the outcome must be, such as 95%: the rule is inconclusive if the interval of that level, in which its figure truly lies, holds the limit; left out, what was observed decides"`
}

// alarmFile is a condition that ends the run.
type alarmFile struct {
	When        string        `json:"when" required:"true" doc:"the condition, such as error_rate > 50%"`
	For         time.Duration `json:"for" default:"10s" positive:"true" doc:"for how long it must hold, in whole seconds"`
	Name        string        `json:"name" doc:"name in reports"`
	Description string        `json:"description" doc:"what it means and what to do, for reports"`
}

func (alarmFile) Noun() string { return "an abort rule" }

// Schema returns the JSON Schema of the scenario file, for editors. It is made
// from the structs and registries that the decoder reads by.
func Schema() []byte { return grammar.Schema("ordeal scenario", &scenarioFile{}) }
