package allow_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/seed-1574e9de/ordeal/internal/allow"
)

func rule(t *testing.T, entries ...string) *allow.Hosts {
	t.Helper()
	h, err := allow.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPermits(t *testing.T) {
	for _, tt := range []struct {
		addr  string
		allow string // an entry of allow_hosts
		want  bool
	}{
		{"127.0.0.1", "", true},
		{"127.255.0.9", "", true},
		{"::1", "", true},
		{"::ffff:127.0.0.1", "", true},
		{"0.0.0.0", "", true}, // this machine, as systems have it
		{"::", "", true},
		{"10.1.2.3", "", true},
		{"::ffff:10.1.2.3", "", true},
		{"172.31.255.255", "", true},
		{"172.32.0.1", "", false},
		{"192.168.1.1", "", true},
		{"fd12:3456::1", "", true},
		{"203.0.113.9", "", false},
		{"::ffff:203.0.113.9", "", false},
		{"0.1.2.3", "", false},
		{"100.64.0.1", "", false}, // shared by the customers of a provider
		{"169.254.169.254", "", false},
		{"::ffff:169.254.169.254", "", false},
		{"fe80::1%eth0", "", false},
		{"fd00:ec2::254", "", false},
		{"fd20:ce::254", "", false},
		{"224.0.0.1", "", false},
		{"255.255.255.255", "", false},
		{"2001:db8::1", "", false},
		{"::203.0.113.9", "", false},        // IPv4-compatible
		{"64:ff9b::203.0.113.9", "", false}, // NAT64
		{"64:ff9b::10.0.0.1", "", false},
		{"64:ff9b:1::1", "", false},
		{"2002:cb00:7109::1", "", false}, // 6to4
		{"203.0.113.9", "203.0.113.9", true},
		{"::ffff:203.0.113.9", "203.0.113.9", true},
		{"203.0.113.9", "::ffff:203.0.113.9", true},
		{"203.0.113.9", "203.0.113.0/24", true},
		{"203.0.113.9", "::ffff:203.0.113.0/120", true},
		{"203.0.114.9", "203.0.113.0/24", false},
		{"64:ff9b::203.0.113.9", "203.0.113.0/24", true},
		{"64:ff9b::203.0.114.9", "203.0.113.0/24", false},
		{"2001:db8::1", "[2001:db8::1]", true},
		{"2001:db8::1", "2001:db8::/32", true},
		{"fe80::1%eth0", "fe80::1", true},
		{"fe80::1", "fe80::1%eth0", true},
		{"169.254.169.254", "169.254.169.254", true},
		{"203.0.113.9", "shop.example", false},
	} {
		h := new(allow.Hosts)
		if tt.allow != "" {
			h = rule(t, tt.allow)
		}
		if got := h.Permits(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("Permits(%s) with allow_hosts [%s] = %v, want %v", tt.addr, tt.allow, got, tt.want)
		}
	}
	if (*allow.Hosts)(nil).Permits(netip.MustParseAddr("203.0.113.9")) {
		t.Error("no rule at all permits a public address")
	}
}

func TestJudge(t *testing.T) {
	h := rule(t, "shop.example", "*.Dev.Example.", "bücher.example", "203.0.113.0/24")
	for _, tt := range []struct {
		host    string
		refused string
		unsure  bool
	}{
		{"localhost", "", false},
		{"LOCALHOST.", "", false},
		{"127.0.0.1", "", false},
		{"[::1]", "", false},
		{"203.0.113.77", "", false},
		{"198.51.100.1", "198.51.100.1 is a public address, and this would put it under load", false},
		{"169.254.169.254", "169.254.169.254 is the address of a cloud's metadata service, and this would put it under load", false},
		{"fe80::1", "fe80::1 is a link-local address, and this would put it under load", false},
		{"64:ff9b::c633:6401", "64:ff9b::c633:6401 is a public address (by NAT64, 198.51.100.1), and this would put it under load", false},
		{"shop.example", "", false},
		{"Shop.Example.", "", false},
		{"a.shop.example", "a.shop.example may be a public host, and this would put it under load", false},
		{"x.dev.example", "", false},
		{"dev.example", "dev.example may be a public host, and this would put it under load", false},
		{"xn--bcher-kva.example", "", false},
		{"db", "", true},
		{"2130706433", "", true}, // an address in some systems' eyes, which looking up shows
		{"shop.internal", "", true},
		{"a.test", "", true},
		{"0xcb.0.113.9", "0xcb.0.113.9 may be a public host, and this would put it under load", false},
	} {
		refused, unsure := h.Judge(tt.host)
		if refused != tt.refused || unsure != tt.unsure {
			t.Errorf("Judge(%s) = %q, %v, want %q, %v", tt.host, refused, unsure, tt.refused, tt.unsure)
		}
	}
	for _, bad := range []string{"", "*.", "http://x", "a b", "*.*"} {
		if _, err := allow.New([]string{bad}); err == nil {
			t.Errorf("allow_hosts took %q", bad)
		}
	}
}

func TestVerify(t *testing.T) {
	find := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		switch host {
		case "here.internal":
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		case "half.internal":
			return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("203.0.113.9")}, nil
		}
		return nil, errors.New("no such host")
	}
	for host, want := range map[string]string{
		"here.internal": "",
		"half.internal": "half.internal is at 203.0.113.9, a public address, and this would put it under load: if it is yours, list it: allow_hosts: [half.internal]",
		"gone.internal": "the host gone.internal cannot be found: no such host",
		"203.0.113.9":   "203.0.113.9 is a public address, and this would put it under load: if it is yours, list it: allow_hosts: [203.0.113.9]",
	} {
		got := ""
		if err := new(allow.Hosts).Verify(t.Context(), host, find); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Verify(%s) = %q, want %q", host, got, want)
		}
	}
}

// names is a DNS server that says where names lead, for a resolver.
func names(t *testing.T, lead func(name string) []string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { pc.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			for _, a := range lead(q.Name.String()) {
				a := netip.MustParseAddr(a)
				head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
				switch {
				case a.Is4() && q.Type == dnsmessage.TypeA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
				case a.Is6() && q.Type == dnsmessage.TypeAAAA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
				}
			}
			if out, err := m.Pack(); err == nil {
				pc.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// A name that leads to a private address at first, and elsewhere later, is
// judged by where it leads when the connection is opened.
func TestDialJudgesEachConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var to atomic.Value
	to.Store([]string{"127.0.0.1"})
	resolver := names(t, func(string) []string { return to.Load().([]string) })
	dial := func(h *allow.Hosts) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		d := allow.Dialer{Hosts: h, Net: net.Dialer{Resolver: resolver}}
		conn, err := d.DialContext(ctx, "tcp", "moves.internal.:"+port)
		if err == nil {
			conn.Close()
		}
		return err
	}
	if err := dial(nil); err != nil {
		t.Fatal(err)
	}
	for _, lead := range [][]string{{"203.0.113.9"}, {"203.0.113.9", "198.51.100.1"}, {"::ffff:203.0.113.9"}, {"2001:db8::1"}, {"169.254.169.254"}} {
		to.Store(lead)
		refused, ok := errors.AsType[*allow.Error](dial(nil))
		if !ok {
			t.Fatalf("a connection to %v was not refused", lead)
		}
		if want := netip.MustParseAddr(lead[0]).Unmap(); refused.Addr.Unmap() != want || refused.Host != "moves.internal." {
			t.Errorf("refused %s at %s, want moves.internal. at %s", refused.Host, refused.Addr, want)
		}
	}
	// A listed name is taken wherever it leads; 127.0.0.1 stands for that here.
	to.Store([]string{"127.0.0.1"})
	if err := dial(rule(t, "moves.internal")); err != nil {
		t.Error(err)
	}
}

// A redirect of an allowed host does not lead past the rule.
func TestDialJudgesRedirects(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.RedirectHandler("http://203.0.113.9:1/", http.StatusFound)}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	defer func() { srv.Close(); <-done }()
	d := new(allow.Dialer)
	client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	_, err = client.Get("http://" + l.Addr().String())
	if _, ok := errors.AsType[*allow.Error](err); !ok || !strings.Contains(err.Error(), "203.0.113.9 is a public address") {
		t.Errorf("expected a refusal, found %v", err)
	}
}
