package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target/kinds"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// knocks is a protocol that only this test knows: its client answers by itself, and
// counts what it was asked.
type knocks struct {
	mu    sync.Mutex
	asked map[string]int
	ended bool
}

func (k *knocks) protocol() attack.Protocol {
	return attack.Protocol{
		Name: "knock", Doc: "how often to knock",
		New:     func() attack.Spec { return new(knock) },
		Compile: func(p *attack.Plan) (attack.Client, fielderr.List) { return &knocker{p, k}, nil },
	}
}

type knock struct {
	Door  string `json:"door,omitempty" vars:"addr" doc:"host:port; by default the target's"`
	Times int    `json:"times" default:"3" positive:"true" doc:"how often"`
}

func (k *knock) Validate(*payload.Data, []string) fielderr.List {
	var wrong fielderr.List
	if k.Times > 5 {
		wrong.Add("times", "times: expected at most 5, found %d", k.Times)
	}
	return wrong
}

func (k *knock) Expanded(expand func(string) string, target string) attack.Spec {
	return &knock{cmp.Or(expand(k.Door), wire.HostPort(target)), k.Times}
}

func (k *knock) Endpoint() string { return k.Door }
func (k *knock) String() string   { return "knock " + k.Door }

type knocker struct {
	plan *attack.Plan
	of   *knocks
}

func (c *knocker) Call(_ context.Context, call *attack.Call, out *attack.Outcome) {
	out.Sent = time.Now()
	k := c.plan.Requests[call.Request].Spec.(*knock)
	c.of.mu.Lock()
	c.of.asked[k.Door+strings.Repeat("!", k.Times)]++
	c.of.mu.Unlock()
	out.Class, out.Done = attack.Good, time.Now()
	if k.Times == 1 {
		out.Class, out.Kind = attack.Bad, timeline.KindBody
	}
}

func (*knocker) Renew() {}

func (c *knocker) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.ended = true
	return nil
}

func knockPlan(t *testing.T, k *knocks, text string) (*scenario.Plan, error) {
	t.Helper()
	return scenario.Parse(filepath.Join(t.TempDir(), "knock.yaml"), []byte(text), os.LookupEnv,
		scenario.Options{
			Kinds:     append(kinds.All(), stubKind(&stubs{})),
			Protocols: append(protocols.All(), k.protocol()),
		})
}

// A protocol needs nothing but its own package and its line in the registry: the file,
// the plan, check and run know it by what it says of itself.
func TestANewProtocolNeedsNothingElse(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	seen := &knocks{asked: map[string]int{}}
	plan, err := knockPlan(t, seen, `
name: knocks
services:
  hop: { stub: { says: hello } }
target: http://${hop.addr}
attack:
  late_budget: 10m
  requests:
    - { name: often, knock: {} }
    - { name: once, knock: { door: "${hop.addr}", times: 1 } }
  flows:
    - { name: visit, steps: [{ name: page, get: / }, { name: twice, knock: { times: 2 } }] }
  stages: [{ name: s, rate: 60/s, for: 1s }]
verdict:
  - request("often").error_rate == 0%
  - request("once").error_rate == 100%
  - request("visit/twice").error_rate == 0%
`)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := plan.JSON(); err != nil || !strings.Contains(string(b), `"protocol": "knock"`) {
		t.Errorf("the plan has no knock: %v\n%s", err, b)
	}
	if found := Resolve(t.Context(), plan); found.Code() != ExitPass || len(seen.asked) > 0 {
		t.Fatalf("Resolve: %+v; asked %v", found, seen.asked)
	}

	var screen bytes.Buffer
	code, err := Run(t.Context(), t.Context(), plan, Options{
		Out: filepath.Join(t.TempDir(), "run"), Stdout: &screen, Stderr: io.Discard,
	})
	if err != nil || code != ExitPass {
		t.Fatalf("exit %d, %v\n%s", code, err, screen.String())
	}
	var times []int
	for asked := range seen.asked {
		times = append(times, strings.Count(asked, "!"))
		if !strings.HasPrefix(asked, "127.0.0.1:") {
			t.Errorf("it was asked for %q, want the address of the service", asked)
		}
	}
	if slices.Sort(times); !slices.Equal(times, []int{1, 2, 3}) || !seen.ended {
		t.Errorf("asked %v, closed: %t; want all three requests, the default of 3 among them",
			seen.asked, seen.ended)
	}
}

func TestMistakesOfANewProtocol(t *testing.T) {
	for _, tt := range []struct{ name, request, want string }{
		{"its own", "knock: { times: 6 }",
			"knock.yaml:4:41: times: expected at most 5, found 6"},
		{"a key it does not have", "knock: { tmies: 1 }", `did you mean "times"`},
		{"nearly its name", "knokc: {}", `did you mean "knock"`},
		{"a value that cannot be", "knock: { times: 0 }", "times"},
		{"no mapping", "knock: 3", "expected knock as a mapping"},
		{"HTTP beside it", "knock: {}, get: /", "get cannot stand beside knock, which is no HTTP"},
		{"another protocol beside it", "tcp: {}, knock: {}",
			`a request asks for one thing, found both "tcp" and "knock"`},
		{"a host that is not allowed", `knock: { door: "192.0.2.1:80" }`, "192.0.2.1"},
		{"a service that is not there", `knock: { door: "${it.addr}" }`, `there is no service "it"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := knockPlan(t, &knocks{}, "name: knocks\ntarget: http://127.0.0.1:1\nattack:\n"+
				"  requests: [{ name: a, "+tt.request+" }]\n"+
				"  stages: [{ name: s, rate: 1/s, for: 9s }]\n")
			_, ok := errors.AsType[*strictyaml.Mistakes](err)
			if !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
