package fast

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/httpx/vegeta"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// over is a client that sends by an engine.
func over(tb testing.TB, p *attack.Plan, e httpx.Engine) attack.Clients {
	tb.Helper()
	c, err := httpx.NewClient(p, e)
	if err != nil {
		tb.Fatal(err)
	}
	return attack.Clients{httpx.Name: c}
}

func run(t *testing.T, ctx context.Context, p *attack.Plan, opt runner.Options) (runner.RunResult, *collector) {
	t.Helper()
	c := new(collector)
	opt.Sink = c
	live := new(runner.Counters)
	opt.Counters = live
	res, err := runner.Run(ctx, p, opt)
	if err != nil {
		t.Fatal(err)
	}
	c.balanced(t, res)
	if q, f := live.Queued.Load(), live.InFlight.Load(); q != 0 || f != 0 || live.Planned.Load() != res.Planned {
		t.Errorf("after the run: expected nothing queued or in flight, found %d and %d", q, f)
	}
	return res, c
}

func holdPlan(rate arrivals.Rate, d, timeout time.Duration, maxInFlight int) *attack.Plan {
	p := planOf(arrivals.Uniform, arrivals.Hold{Per: rate}, d)
	p.Timeout, p.MaxInFlight = timeout, maxInFlight
	return p
}

// collector is a Sink that keeps all and checks what a Sink may rely on.
type collector struct {
	mu      sync.Mutex
	planned []attack.Arrival
	results []attack.Result
	faults  []string
}

// percentiles are of the response times of all that was done or unsent.
func (c *collector) percentiles() (p95, p99 time.Duration) {
	d := timeline.NewDistribution(nil)
	for _, r := range c.results {
		d.Record(r.Done - r.Intended)
	}
	p95, _ = d.Quantile(0.95)
	p99, _ = d.Quantile(0.99)
	return p95, p99
}

func (c *collector) Planned(a attack.Arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.planned); n > 0 && (a.Seq != c.planned[n-1].Seq+1 || a.Intended < c.planned[n-1].Intended) {
		c.faults = append(c.faults, fmt.Sprintf("%+v was planned after %+v", a, c.planned[n-1]))
	}
	c.planned = append(c.planned, a)
}

func (c *collector) Record(_ int, r *attack.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Dispatched < r.Intended || r.Done < r.Intended {
		c.faults = append(c.faults, fmt.Sprintf("arrival %d is due at %s, dispatched at %s and done at %s",
			r.Seq, r.Intended, r.Dispatched, r.Done))
	}
	if r.End == attack.Done && (r.Sent < r.Dispatched || r.Done < r.Sent) {
		c.faults = append(c.faults, fmt.Sprintf("arrival %d is dispatched at %s, sent at %s and done at %s",
			r.Seq, r.Dispatched, r.Sent, r.Done))
	}
	c.results = append(c.results, *r)
}

// balanced checks that each planned arrival was recorded once, and that the
// sums agree.
func (c *collector) balanced(t *testing.T, res runner.RunResult) {
	t.Helper()
	for _, f := range c.faults {
		t.Error(f)
	}
	seen := make(map[uint64]bool)
	var by [3]uint64
	for _, r := range c.results {
		if seen[r.Seq] {
			t.Errorf("arrival %d was recorded twice", r.Seq)
		}
		seen[r.Seq] = true
		by[r.End]++
	}
	if len(seen) != len(c.planned) || res.Planned != uint64(len(c.planned)) {
		t.Errorf("expected as many recorded as planned, found %d of %d, and %+v", len(seen), len(c.planned), res)
	}
	if want := (runner.RunResult{Planned: res.Planned, Done: by[attack.Done], Unsent: by[attack.Unsent], Interrupted: by[attack.Interrupted], End: res.End, Stopped: res.Stopped}); res != want {
		t.Errorf("expected sums %+v, found %+v", want, res)
	}
	if res.Planned != res.Done+res.Unsent+res.Interrupted {
		t.Errorf("planned is not done + unsent + interrupted: %+v", res)
	}
}

// of returns the results of one outcome in order of the schedule.
func (c *collector) of(o attack.End) []attack.Result {
	var out []attack.Result
	for _, r := range c.results {
		if r.End == o {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b attack.Result) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// loose is a Sink for load whose arrivals come from several goroutines.
type loose struct {
	collector
}

func (c *loose) Planned(a attack.Arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.planned = append(c.planned, a)
}

// requests are the results that are no whole flows, flows those that are.
func (c *loose) split(t *testing.T, res runner.RunResult) (requests, flows []attack.Result) {
	t.Helper()
	for _, f := range c.faults {
		t.Error(f)
	}
	planned := map[uint64]attack.Arrival{}
	for _, a := range c.planned {
		if _, twice := planned[a.Seq]; twice {
			t.Errorf("two arrivals have number %d", a.Seq)
		}
		planned[a.Seq] = a
	}
	var by [3]uint64
	for _, r := range c.results {
		if planned[r.Seq] != r.Arrival {
			t.Errorf("expected %+v to be planned and recorded once, found %+v", r.Arrival, planned[r.Seq])
		}
		delete(planned, r.Seq)
		if r.IsFlow {
			flows = append(flows, r)
			continue
		}
		by[r.End]++
		requests = append(requests, r)
	}
	if len(planned) > 0 {
		t.Errorf("%d arrivals were planned and never recorded", len(planned))
	}
	if by != [3]uint64{res.Done, res.Unsent, res.Interrupted} || res.Planned != res.Done+res.Unsent+res.Interrupted {
		t.Errorf("recorded %v, and the sums are %+v", by, res)
	}
	xbyIntended := func(a, b attack.Result) int { return int(a.Intended - b.Intended) }
	slices.SortStableFunc(requests, xbyIntended)
	slices.SortStableFunc(flows, xbyIntended)
	return requests, flows
}

func runLoose(t *testing.T, ctx context.Context, p *attack.Plan, opt runner.Options) (runner.RunResult, []attack.Result, []attack.Result) {
	t.Helper()
	c := new(loose)
	opt.Sink = c
	res, err := runner.Run(ctx, p, opt)
	if err != nil {
		t.Fatal(err)
	}
	requests, flows := c.split(t, res)
	return res, requests, flows
}

func planOf(process arrivals.Process, s arrivals.Shape, d time.Duration) *attack.Plan {
	return &attack.Plan{
		Seed: 42, Arrivals: process, Timeout: time.Second, MaxInFlight: 10,
		Stages:   []attack.Stage{{Name: "only", For: d, Shape: s}},
		Requests: []attack.Request{{Name: "a", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/"}}},
	}
}

// dataOf is data of rows that are right.
func dataOf(rows []map[string]string) *payload.Data {
	d, err := payload.NewData(rows)
	if err != nil {
		panic(err)
	}
	return d
}

// judge says what is wrong with a reply, if anything.
func judge(c *expect.Check, r *httpx.Reply, response time.Duration) (kind, detail string) {
	if r.Err != nil {
		return httpx.Classify(r.Err)
	}
	return c.Judge(&r.Answer, response, func(_, value string) string { return value })
}

// valuesOf are columns that a flow's caller brings.
func valuesOf(texts map[string]string) *payload.Values {
	v := new(payload.Values)
	for column, text := range texts {
		v.Set(column, text, payload.Untyped)
	}
	return v
}

// engines are all there are: what one does, all do.
func engines() []httpx.EngineKind {
	return []httpx.EngineKind{{Name: "fast", New: New}, {Name: "http", New: std.New}, {Name: "vegeta", New: vegeta.New}}
}

func build(t *testing.T, r attack.Request) func(attack.Arrival) (*httpx.Call, error) {
	t.Helper()
	f, err := httpx.NewBuilder(&attack.Plan{Seed: 42, Requests: []attack.Request{r}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// oddCookies are values that servers set and parsers mind.
var oddCookies = []string{"sid=2543ebb4,Fy4oMd", "name=John Doe", `q="abc def"`, `prefs={"theme":"dark"}`, "utf8=Zoë", `back=a\b`, "cart[0]=x", "user@x=1"}

func withDefault(fs []payload.Field, name, value string) []payload.Field {
	for _, f := range fs {
		if strings.EqualFold(f.Name, name) {
			return fs
		}
	}
	return append(fs[:len(fs):len(fs)], payload.Field{Name: name, Value: value})
}

// hostIsLiteral says whether the first value in a URL stands behind its host.
func hostIsLiteral(s string) bool {
	begin, _, _ := strings.Cut(s, "{{")
	_, rest, ok := strings.Cut(begin, "://")
	return strings.HasPrefix(s, "/") || ok && strings.ContainsAny(rest, "/?#")
}
