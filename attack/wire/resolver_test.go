package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// From inside the package, as a dialer opens connections, and a bubble has none.

// fakeResolver answers as it is told, and counts.
type fakeResolver struct {
	mu    sync.Mutex
	addrs string // as they are, by spaces
	err   error
	takes time.Duration
	asked int
}

func (r *fakeResolver) set(addrs string, err error, takes time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs, r.err, r.takes = addrs, err, takes
}

func (r *fakeResolver) lookup(ctx context.Context, _ string) ([]netip.Addr, error) {
	r.mu.Lock()
	addrs, err, takes := r.addrs, r.err, r.takes
	r.asked++
	r.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var out []netip.Addr
	for s := range strings.FieldsSeq(addrs) {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, err
}

func addresses(t *testing.T, n *resolver) string {
	t.Helper()
	addrs, err := n.find(t.Context(), "shop.test")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(fmt.Sprint(addrs), "[]")
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{addrs: "10.0.0.1 10.0.0.2 fd00::1 ::ffff:10.0.0.3"}
		n := newResolver(30*time.Second, netip.Addr{}, r.lookup)
		// In turn, within the family that the fakeResolver prefers.
		for _, want := range []string{
			"10.0.0.1 10.0.0.2 10.0.0.3 fd00::1", "10.0.0.2 10.0.0.3 10.0.0.1 fd00::1",
			"10.0.0.3 10.0.0.1 10.0.0.2 fd00::1", "10.0.0.1 10.0.0.2 10.0.0.3 fd00::1",
		} {
			if got := addresses(t, n); got != want {
				t.Errorf("expected %s, found %s", want, got)
			}
		}
		time.Sleep(30*time.Second - 1)
		if addresses(t, n); r.asked != 1 {
			t.Errorf("expected one look-up in 30s, found %d", r.asked)
		}
		r.set("10.0.0.9", nil, 0)
		time.Sleep(1 * time.Nanosecond)
		if got := addresses(t, n); got != "10.0.0.9" || r.asked != 2 {
			t.Errorf("expected the new address, found %s after %d look-ups", got, r.asked)
		}
		// A refresh that fails leaves what there is, and is tried again soon.
		r.set("", errors.New("broken"), 0)
		time.Sleep(30 * time.Second)
		for range 3 {
			if got := addresses(t, n); got != "10.0.0.9" || r.asked != 3 {
				t.Errorf("expected the old address, found %s after %d look-ups", got, r.asked)
			}
		}
		// One that hangs does not hold a connection up for long.
		r.set("", nil, time.Hour)
		time.Sleep(retryAfter)
		begun := time.Now()
		if got := addresses(t, n); got != "10.0.0.9" || r.asked != 4 || time.Since(begun) != staleAfter {
			t.Errorf("expected the old address after %s, found %s after %s and %d look-ups", staleAfter, got, time.Since(begun), r.asked)
		}
		r.set("10.0.0.10", nil, 0)
		time.Sleep(retryAfter)
		if got := addresses(t, n); got != "10.0.0.10" {
			t.Errorf("expected the new address at last, found %s", got)
		}
	})
}

// What failed is not kept, and nothing is not an address.
func TestNamesKeepNoFailure(t *testing.T) {
	r := &fakeResolver{err: errors.New("broken")}
	n := newResolver(time.Hour, netip.Addr{}, r.lookup)
	for range 2 {
		if _, err := n.find(t.Context(), "shop.test"); err == nil {
			t.Error("expected an error, found none")
		}
	}
	r.set("", nil, 0)
	if _, err := n.find(t.Context(), "shop.test"); Kind(err) != timeline.KindDNS {
		t.Errorf("expected kind %s, found %v", timeline.KindDNS, err)
	}
	r.set("10.0.0.1", nil, 0)
	if got := addresses(t, n); got != "10.0.0.1" || r.asked != 4 {
		t.Errorf("found %s after %d look-ups", got, r.asked)
	}
}

// Many at once ask once; if the one that asks gives up, another does.
func TestNamesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{addrs: "10.0.0.1", takes: time.Second}
		n := newResolver(time.Minute, netip.Addr{}, r.lookup)
		impatient, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := n.find(impatient, "shop.test"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("expected a timeout, found %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() {
				if _, err := n.find(t.Context(), "shop.test"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if r.asked != 2 {
			t.Errorf("expected two look-ups, found %d", r.asked)
		}
		// Those who wait for one that fails share its failure.
		other := newResolver(time.Minute, netip.Addr{}, r.lookup)
		r.set("", errors.New("broken"), time.Second)
		for range 100 {
			wg.Go(func() {
				if _, err := other.find(t.Context(), "shop.test"); err == nil {
					t.Error("expected an error, found none")
				}
			})
		}
		wg.Wait()
		if r.asked != 3 {
			t.Errorf("expected one look-up more, found %d", r.asked)
		}
	})
}

func TestNamesOfTheSourcesFamily(t *testing.T) {
	r := &fakeResolver{addrs: "fd00::1 10.0.0.1"}
	for source, want := range map[string]string{"127.0.0.1": "10.0.0.1", "::1": "fd00::1"} {
		if got := addresses(t, newResolver(time.Hour, netip.MustParseAddr(source), r.lookup)); got != want {
			t.Errorf("from %s: expected %s, found %s", source, want, got)
		}
	}
}

// Connections are spread over the addresses, and go to the next one where an
// address takes none.
func TestDialerTakesAddressesInTurn(t *testing.T) {
	r := &fakeResolver{addrs: "10.0.0.1 10.0.0.2 10.0.0.3"}
	var tried []string
	d, err := NewDialer(DialOptions{
		Connections: Connections{DNSRefresh: time.Hour, To: map[string]string{"Alias.test.:80": "shop.test:81"}}, Lookup: r.lookup,
		Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			tried = append(tried, address)
			if address == "10.0.0.2:81" {
				return nil, errors.New("nobody there")
			}
			client, server := net.Pipe()
			server.Close()
			return client, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := d.Connect(t.Context(), "tcp", "alias.test:80")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if want := []string{"10.0.0.1:81", "10.0.0.2:81", "10.0.0.3:81", "10.0.0.3:81"}; !slices.Equal(tried, want) {
		t.Errorf("expected %v to be tried, found %v", want, tried)
	}
	r.set("10.0.0.2", nil, 0)
	if _, err := d.Connect(t.Context(), "tcp", "other.test:81"); err == nil || !strings.Contains(err.Error(), "nobody there") {
		t.Errorf("expected the address's own error, found %v", err)
	}
}

// Whoever has looked a name up uses what was found, be it old already.
func TestNamesRefreshedAllTheTime(t *testing.T) {
	asked := 0
	n := newResolver(1, netip.Addr{}, func(context.Context, string) ([]netip.Addr, error) {
		if asked++; asked > 3 {
			t.Fatal("expected one look-up for each connection, found more")
		}
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	})
	for range 3 {
		if got := addresses(t, n); got != "10.0.0.1" {
			t.Errorf("expected the address, found %s", got)
		}
	}
}
