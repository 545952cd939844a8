package protocols_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
)

// What is not HTTP has settings of its own, by which a plan is checked, told and
// resolved.
func TestProtocolsConform(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range protocols.All() {
		if seen[p.Name] || p.Doc == "" || p.Compile == nil {
			t.Errorf("%q is listed twice, or lacks something", p.Name)
		}
		seen[p.Name] = true
		if (p.Name == "") != (p.New == nil) {
			t.Errorf("%q: settings stand beside the name for HTTP alone", p.Name)
		}
		if p.New == nil {
			continue
		}
		spec := p.New()
		if v := reflect.TypeOf(spec); v.Kind() != reflect.Pointer || v.Elem().Size() == 0 {
			t.Errorf("%q: its settings are no pointer to a struct with settings", p.Name)
		}
		if spec.Endpoint() != "" || !strings.HasPrefix(spec.String(), p.Name) {
			t.Errorf("%q: found %q, %q", p.Name, spec.Endpoint(), spec.String())
		}
		whole := spec.Expanded(strings.Clone, "127.0.0.1:7")
		if whole.Endpoint() != "127.0.0.1:7" || spec.Endpoint() != "" {
			t.Errorf("%q: the target is %q, and was %q", p.Name, whole.Endpoint(), spec.Endpoint())
		}
	}
	if !seen[""] || !seen["tcp"] {
		t.Errorf("found %v", seen)
	}
}

func mixed() *attack.Plan {
	return &attack.Plan{Timeout: time.Second, MaxInFlight: 1, Requests: []attack.Request{
		{Name: "page", URL: "http://127.0.0.1:8080/"},
		{Name: "ping", Protocol: "tcp", Spec: &tcp.Request{Address: "127.0.0.1:6379", Send: "PING\r\n"}},
		{Name: "again", Protocol: "tcp", Spec: &tcp.Request{Address: "127.0.0.1:6379"}},
	}}
}

// A plan has a client for each protocol that it speaks, and for no other.
func TestCompile(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*attack.Plan)
		want  []string
		err   string
	}{
		"both":         {func(*attack.Plan) {}, []string{"", "tcp"}, ""},
		"HTTP alone":   {func(p *attack.Plan) { p.Requests = p.Requests[:1] }, []string{""}, ""},
		"no HTTP":      {func(p *attack.Plan) { p.Requests = p.Requests[1:] }, []string{"tcp"}, ""},
		"unknown":      {func(p *attack.Plan) { p.Requests[1].Protocol = "ipx" }, nil, `request "ping": there is no protocol "ipx"`},
		"a bad page":   {func(p *attack.Plan) { p.Requests[0].URL = "/" }, nil, `request "page": url`},
		"a bad engine": {func(p *attack.Plan) { p.Engine = "slow" }, nil, "engine: expected one of"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mixed()
			c.spoil(p)
			clients, err := protocols.Compile(protocols.All(), p)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("expected %q, found %v", c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for name := range clients {
				got = append(got, name)
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("expected %q, found %q", c.want, got)
			}
			clients.Renew()
			if err := clients.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	var got []string
	for _, u := range protocols.Origins(mixed()) {
		got = append(got, u.String())
	}
	if want := []string{"http://127.0.0.1:8080", "tcp://127.0.0.1:6379"}; !slices.Equal(got, want) {
		t.Errorf("expected %q, found %q", want, got)
	}
}
