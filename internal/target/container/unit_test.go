package container

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
)

func TestConnect_unreachable(t *testing.T) {
	for _, host := range []string{"unix:///nonexistent/engine.sock", "tcp://127.0.0.1:1"} {
		t.Setenv("DOCKER_HOST", host)
		_, err := Connect(t.Context())
		if !errors.Is(err, ErrUnreachable) {
			t.Fatalf("%s: expected ErrUnreachable, found %v", host, err)
		}
		for _, want := range []string{host, "DOCKER_HOST", "start"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: expected %q in the message, found %q", host, want, err)
			}
		}
	}
	t.Setenv("DOCKER_HOST", "not an address")
	if _, err := Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "not an address") {
		t.Errorf("expected an error that names the address, found %v", err)
	}
}

func TestEngineAddress(t *testing.T) {
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(wantHost, wantFrom string) {
		t.Helper()
		host, from, err := engineAddress()
		if err != nil || host != wantHost || from != wantFrom {
			t.Errorf("expected %s from %s, found %s from %s (%v)", wantHost, wantFrom, host, from, err)
		}
	}
	if host, from, err := engineAddress(); err != nil || !strings.HasPrefix(host, "unix://") || from != "the usual socket" {
		t.Errorf("expected a usual socket, found %s from %s (%v)", host, from, err)
	}
	write("config.json", `{"currentContext":"lab"}`)
	if _, _, err := engineAddress(); err == nil || !strings.Contains(err.Error(), "lab") {
		t.Errorf("expected an error that names the missing context, found %v", err)
	}
	// The folder is named by the SHA-256 of "lab".
	write("contexts/meta/a51146d38077ff992eba84cf1d5e9b249073503eb74868699016153b031a38f7/meta.json", `{"Name":"lab","Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2375"}}}`)
	check("tcp://10.0.0.1:2375", "docker context lab")
	t.Setenv("DOCKER_CONTEXT", "default")
	if _, from, err := engineAddress(); err != nil || from != "the usual socket" {
		t.Errorf("expected a usual socket for the default context, found %s (%v)", from, err)
	}
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.2:2375")
	check("tcp://10.0.0.2:2375", "DOCKER_HOST")
}

func TestCheckBinary(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, arch, want string }{
		{"not a program", script, "amd64", "not a Linux program"},
		{"not there", filepath.Join(dir, "none"), "amd64", "no such file"},
		{"another machine", "/proc/self/exe", "pdp11", "the engine runs pdp11"},
	}
	if f, err := elf.Open("/bin/sh"); err == nil {
		arch := elfMachines[f.Machine]
		f.Close()
		tests = append(tests, struct{ name, path, arch, want string }{"shared libraries", "/bin/sh", arch, "shared libraries"})
	}
	for _, tt := range tests {
		err := checkBinary(tt.path, tt.arch)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: expected an error with %q, found %v", tt.name, tt.want, err)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-02T03-04-05-Checkout survives!": "2026-01-02t03-04-05-checkout-survives",
		"--a__b..c--":                            "a-b-c",
		"äöü":                                    "",
		strings.Repeat("ab-", 99):                strings.Trim(strings.Repeat("ab-", 33)+"a", "-"),
	} {
		if got := slug(in); got != want {
			t.Errorf("%q: expected %q, found %q", in, want, got)
		}
	}
}

func TestImportedID(t *testing.T) {
	for _, tt := range []struct{ name, in, id, err string }{
		{"fine", `{"status":"Importing"}` + "\n" + `{"status":"sha256:abc"}`, "sha256:abc", ""},
		{"refused", `{"status":"x"}{"errorDetail":{"message":"disk full"},"error":"disk full"}`, "", "disk full"},
		{"cut off", `{"status":"x`, "", "unexpected EOF"},
		{"without an id", `{"status":"x"}`, "", "found none"},
	} {
		id, err := importedID(strings.NewReader(tt.in))
		if id != tt.id || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: expected %q and an error with %q, found %q and %v", tt.name, tt.id, tt.err, id, err)
		}
	}
}

func TestPublishedAddr(t *testing.T) {
	port := func(ip string, public uint16, proto string) container.Port {
		return container.Port{IP: ip, PrivatePort: 80, PublicPort: public, Type: proto}
	}
	two := []container.Port{port("0.0.0.0", 8000, "tcp"), {IP: "0.0.0.0", PrivatePort: 443, PublicPort: 8443, Type: "tcp"}}
	for private, want := range map[int]string{80: "127.0.0.1:8000", 443: "127.0.0.1:8443", 0: "", 22: ""} {
		if got := (&Container{ports: two}).PublishedAt(private); got != want {
			t.Errorf("port %d: expected %q, found %q", private, want, got)
		}
	}
	for _, tt := range []struct {
		name  string
		ports []container.Port
		want  string
	}{
		{"none", nil, ""},
		{"exposed only", []container.Port{port("", 0, "tcp")}, ""},
		{"loopback", []container.Port{port("127.0.0.1", 8080, "tcp")}, "127.0.0.1:8080"},
		{"everywhere, both families", []container.Port{port("0.0.0.0", 8080, "tcp"), port("::", 8080, "tcp")}, "127.0.0.1:8080"},
		{"udp", []container.Port{port("0.0.0.0", 53, "udp")}, ""},
		{"two to choose from", []container.Port{port("0.0.0.0", 80, "tcp"), port("0.0.0.0", 443, "tcp")}, ""},
		{"another address", []container.Port{port("192.0.2.1", 80, "tcp")}, ""},
	} {
		if got := publishedAddr(tt.ports, 0); got != tt.want {
			t.Errorf("%s: expected %q, found %q", tt.name, tt.want, got)
		}
	}
}

func summary(id, name string, labels map[string]string) container.Summary {
	return container.Summary{ID: id, Names: []string{"/" + name}, Labels: labels, State: container.StateRunning}
}

func TestSelector(t *testing.T) {
	api := map[string]string{composeProject: "shop", composeService: "api", "tier": "back"}
	all := []container.Summary{
		summary("aaaa1111", "shop_api_1", api),
		summary("aaaa2222", "shop_api_2", api),
		summary("bbbb3333", "api", map[string]string{"tier": ""}),
		summary("cccc4444", "shop_api_run_1", map[string]string{composeProject: "shop", composeService: "api", composeOneOff: "True"}),
		summary("dddd5555", "ordeal-net-aaaa", map[string]string{LabelRole: RoleHelper, "tier": "back"}),
	}
	for _, tt := range []struct {
		s    Selector
		want string
	}{
		{Selector{Name: "api"}, "api"},
		{Selector{Name: "/api"}, "api"},
		{Selector{Name: "ap"}, ""},
		{Selector{ID: "AAAA1"}, "shop_api_1"},
		{Selector{ID: "aaaa"}, "shop_api_1 shop_api_2"},
		{Selector{Label: "tier"}, "shop_api_1 shop_api_2 api"},
		{Selector{Label: "tier=back"}, "shop_api_1 shop_api_2"},
		{Selector{Label: "tier="}, "api"},
		{Selector{ComposeProject: "shop", ComposeService: "api"}, "shop_api_1 shop_api_2"},
		{Selector{ComposeProject: "shop", Name: "api"}, ""},
	} {
		var got []string
		for _, c := range all {
			if tt.s.matches(c) {
				got = append(got, containerName(c))
			}
		}
		if g := strings.Join(got, " "); g != tt.want {
			t.Errorf("%s: expected %q, found %q", tt.s, tt.want, g)
		}
	}
}

func TestNothingFound(t *testing.T) {
	all := []container.Summary{
		summary("1", "gateway", nil),
		summary("2", "shop_api_1", map[string]string{composeProject: "shop", composeService: "api"}),
		summary("3", "ordeal-net-2", map[string]string{LabelRole: RoleHelper}),
	}
	for _, tt := range []struct {
		s    Selector
		all  []container.Summary
		want string
	}{
		{Selector{Name: "gatway"}, all, `expected a container with name "gatway", found none; did you mean gateway?`},
		{Selector{ComposeProject: "shop", ComposeService: "apj"}, all, `expected a container with compose project "shop", compose service "apj", found none; did you mean shop_api_1 (compose project shop, service api)?`},
		{Selector{Label: "nothing-like-it"}, all, `expected a container with label "nothing-like-it", found none; there are: gateway, shop_api_1 (compose project shop, service api)`},
		{Selector{Name: "x"}, nil, `expected a container with name "x", found no containers at all`},
	} {
		if got := nothingFound(tt.s, tt.all).Error(); got != tt.want {
			t.Errorf("expected %s\nfound    %s", tt.want, got)
		}
	}
}
