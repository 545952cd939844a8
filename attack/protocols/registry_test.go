package protocols_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
)

// A protocol has settings of its own, by which a plan is checked, told and resolved.
func TestProtocolsConform(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range protocols.All() {
		if p.Name == "" || seen[p.Name] {
			t.Errorf("%q is no name, or is listed twice", p.Name)
		}
		if p.Doc == "" || p.New == nil || p.Compile == nil {
			t.Errorf("%q lacks something", p.Name)
		}
		seen[p.Name] = true
		spec := p.New()
		if v := reflect.TypeOf(spec); v.Kind() != reflect.Pointer || v.Elem().Size() == 0 {
			t.Errorf("%q: its settings are no pointer to a struct with settings", p.Name)
		}
		if spec.Endpoint() != "" || spec.String() == "" {
			t.Errorf("%q: found %q, %q", p.Name, spec.Endpoint(), spec.String())
		}
		whole := spec.Expanded(strings.Clone, p.Name+"://127.0.0.1:7")
		if whole.Endpoint() != "127.0.0.1:7" || spec.Endpoint() != "" {
			t.Errorf("%q: the target is %q, and was %q", p.Name, whole.Endpoint(), spec.Endpoint())
		}
	}
	if !seen["http"] || !seen["tcp"] {
		t.Errorf("found %v", seen)
	}
}

func mixed() *attack.Plan {
	return &attack.Plan{Timeout: time.Second, MaxInFlight: 1, Requests: []attack.Request{
		{Name: "page", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://127.0.0.1:8080/"}},
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
		path  string
	}{
		"both":                            {func(*attack.Plan) {}, []string{"http", "tcp"}, "", ""},
		"HTTP alone":                      {func(p *attack.Plan) { p.Requests = p.Requests[:1] }, []string{"http"}, "", ""},
		"no HTTP":                         {func(p *attack.Plan) { p.Requests = p.Requests[1:] }, []string{"tcp"}, "", ""},
		"unknown":                         {func(p *attack.Plan) { p.Requests[1].Protocol = "ipx" }, nil, `request "ping": there is no protocol "ipx"`, "requests[1].protocol"},
		"a bad page":                      {func(p *attack.Plan) { p.Requests[0].Spec.(*httpx.Request).URL = "/" }, nil, `request "page": url`, "requests[0].url"},
		"a bad engine":                    {func(p *attack.Plan) { p.Engine = "slow" }, nil, "engine: expected one of", "engine"},
		"a version":                       {func(p *attack.Plan) { p.Protocol = "http3" }, nil, `protocol: expected one of auto`, "protocol"},
		"a version that the engine lacks": {func(p *attack.Plan) { p.Engine, p.Protocol = "fast", "h2c" }, nil, "engine fast speaks HTTP/1.1 only", "protocol"},
		"a certificate":                   {func(p *attack.Plan) { p.TLS.Cert = "x.pem" }, nil, "tls: a client certificate needs its key", "tls.cert"},
		"a connection of HTTP":            {func(p *attack.Plan) { p.Requests, p.Connections.PerHost = p.Requests[:1], -1 }, nil, "connections: per_host: expected at least 1", "connections.per_host"},
		"a connection of TCP":             {func(p *attack.Plan) { p.Requests, p.Connections.PerHost = p.Requests[1:], -1 }, nil, "connections: per_host: expected at least 1", "connections.per_host"},
		"a host":                          {func(p *attack.Plan) { p.Requests, p.AllowHosts = p.Requests[1:], []string{"*"} }, nil, "allow_hosts: ", "allow_hosts"},
		"a host of redirects":             {func(p *attack.Plan) { p.Redirects, p.RedirectHosts = 1, []string{"a b"} }, nil, "redirect_hosts: expected a host", "redirect_hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mixed()
			c.spoil(p)
			clients, wrong := protocols.Compile(protocols.All(), p)
			if c.err != "" {
				if len(wrong) != 1 || wrong[0].Path.String() != c.path ||
					!strings.Contains(wrong[0].Error(), c.err) {
					t.Errorf("expected %q at %s, found %v", c.err, c.path, wrong)
				}
				return
			}
			if wrong != nil {
				t.Fatal(wrong)
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

// datagram is of a protocol that opens no connections.
type datagram struct{ tcp.Request }

func (*datagram) Connectionless() {}

// What takes no connections is told, and not waited for.
func TestAwaited(t *testing.T) {
	p := mixed()
	p.Requests = append(p.Requests, attack.Request{
		Name: "log", Protocol: "udp", Spec: &datagram{tcp.Request{Address: "127.0.0.1:514"}},
	})
	all, awaited := protocols.Origins(p), protocols.Awaited(p)
	if len(all) != 3 || all[2].String() != "udp://127.0.0.1:514" {
		t.Errorf("the origins are %v", all)
	}
	if diff := cmp.Diff(all[:2], awaited); diff != "" {
		t.Errorf("-all +awaited\n%s", diff)
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
