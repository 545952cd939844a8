package scenario

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/internal/allow"
)

func nowhere(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("no such host")
}

// httpOf are the settings of the request of HTTP at i.
func httpOf(t *testing.T, p *attack.Plan, i int) *httpx.Request {
	t.Helper()
	r, ok := p.Requests[i].Spec.(*httpx.Request)
	if !ok {
		t.Fatalf("request %d is %T", i, p.Requests[i].Spec)
	}
	return r
}

func TestResolve(t *testing.T) {
	p := load(t, filepath.Join(testdata, "good", "services.yaml"), Options{})
	addr := func(name string) (string, bool) {
		return "127.0.0.1:" + map[string]string{"front": "1", "api-1": "2", "slow": "3"}[name], true
	}
	got, err := p.resolve(addr, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"http://127.0.0.1:1/api/products", "http://127.0.0.1:2/products"} {
		if httpOf(t, &got, i).URL != want {
			t.Errorf("expected %s, found %s", want, httpOf(t, &got, i).URL)
		}
	}
	if v := httpOf(t, &got, 1).Headers[0].Value; v != "127.0.0.1:3" {
		t.Errorf("expected the link's address in the header, found %s", v)
	}
	if httpOf(t, &p.Attack, 0).URL != "/products" {
		t.Error("resolving changed the plan")
	}
	if _, err := p.resolve(func(string) (string, bool) { return "", false }, nowhere); err == nil || !strings.Contains(err.Error(), "front has no address") {
		t.Errorf("expected an error about front, found %v", err)
	}
	if _, err := p.resolve(func(string) (string, bool) { return "203.0.113.7:80", true }, nowhere); err == nil || !strings.Contains(err.Error(), "203.0.113.7 is a public address") {
		t.Errorf("expected a public address to be refused, found %v", err)
	}
}

func TestResolveUnescapesAndJoins(t *testing.T) {
	p := load(t, filepath.Join(testdata, "good", "requests.yaml"), Options{})
	got, err := p.resolve(anyAddress, func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]int{}
	for i, r := range got.Requests {
		byName[r.Name] = i
	}
	if u := httpOf(t, &got, byName["get"]).URL; u != "https://127.0.0.1:8443/base/a?x=1" {
		t.Errorf("found %s", u)
	}
	if body := httpOf(t, &got, byName["text"]).Body; body != "price: $5 and ${NOT_A_VARIABLE}" {
		t.Errorf("found %q", body)
	}
	const inFile = "a body with {{ seq }} and ${dollars}\n"
	if q := httpOf(t, &got, byName["file"]); q.File == nil || string(q.File.Bytes) != inFile || q.Body != "" {
		t.Errorf("expected the file's bytes as they are, found %v and the text %q", q.File, q.Body)
	}
}

// Where connections go is what must be allowed, not what URLs say.
func TestResolveConnections(t *testing.T) {
	p := load(t, filepath.Join(testdata, "good", "connections.yaml"), Options{})
	got, err := p.resolve(func(string) (string, bool) { return "127.0.0.1:7", true }, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	if to := got.Connections.To["WWW.example.com:80"]; to != "127.0.0.1:7" {
		t.Errorf("expected the service's address, found %s", to)
	}
	if p.Attack.Connections.To["WWW.example.com:80"] == "127.0.0.1:7" {
		t.Error("resolving changed the plan")
	}
	if _, err := p.resolve(func(string) (string, bool) { return "203.0.113.7:80", true }, nowhere); err == nil || !strings.Contains(err.Error(), "203.0.113.7 is a public address") {
		t.Errorf("expected a public address to be refused, found %v", err)
	}
	delete(p.Attack.Connections.To, "api.example.com:443") // as if it led nowhere else
	if _, err := p.resolve(func(string) (string, bool) { return "127.0.0.1:7", true }, nowhere); err == nil || !strings.Contains(err.Error(), "api.example.com may be a public host") {
		t.Errorf("expected a public host to be refused, found %v", err)
	}
	p = load(t, filepath.Join(testdata, "good", "unix-socket.yaml"), Options{})
	if got, err = p.resolve(anyAddress, nowhere); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(testdata, "good", "shop.sock"); got.Connections.Unix != want {
		t.Errorf("expected the path %s, found %s", want, got.Connections.Unix)
	}
}

func TestHosts(t *testing.T) {
	h, err := allow.New([]string{"load.example.org", "*.example.net", "198.51.100.0/24", "2001:db8::1"})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{"private": "10.0.0.1", "public": "203.0.113.9", "box.local": "192.168.1.9", "mixed": "10.0.0.1 203.0.113.9"}
	find := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		var out []netip.Addr
		for s := range strings.FieldsSeq(answers[host]) {
			out = append(out, netip.MustParseAddr(s))
		}
		if out == nil {
			return nil, errors.New("no such host")
		}
		return out, nil
	}
	for host, good := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "localhost": true, "LOCALHOST.": true, "0.0.0.0": true,
		"10.1.2.3": true, "192.168.0.1": true, "172.16.0.1": true, "fd00::1": true, "::ffff:10.0.0.1": true,
		"172.32.0.1": false, "203.0.113.7": false, "8.8.8.8": false, "169.254.169.254": false, "::ffff:8.8.8.8": false, "2001:db8::2": false,
		"198.51.100.77": true, "2001:db8::1": true, "load.example.org": true, "LOAD.example.org": true, "example.org": false,
		"a.example.net": true, "example.net": false, "xexample.net": false, "load.example.org.evil.com": false,
		"private": true, "public": false, "box.local": true, "mixed": false, "unknown": false,
	} {
		if err := h.Verify(t.Context(), host, find); (err == nil) != good {
			t.Errorf("%s: expected good = %v, found %v", host, good, err)
		}
	}
}

func TestStartOrder(t *testing.T) {
	p := load(t, filepath.Join(testdata, "good", "services.yaml"), Options{})
	at := map[string]int{}
	for i, s := range p.StartOrder() {
		at[s.Name] = i
	}
	if len(at) != len(p.Services) {
		t.Fatalf("expected %d services, found %v", len(p.Services), at)
	}
	for _, pair := range [][2]string{{"api-1", "slow"}, {"slow", "front"}, {"api-2", "front"}, {"api-1", "api-2"}} {
		if at[pair[0]] > at[pair[1]] {
			t.Errorf("%s must start before %s: %v", pair[0], pair[1], at)
		}
	}
}

// anyAddress has an address for each service.
func anyAddress(string) (string, bool) { return "127.0.0.1:1", true }
