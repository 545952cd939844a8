package fast_test

import (
	"context"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// A name that moves to a public address during the run is not followed: nothing
// is sent there, and whoever runs the load is told.
func TestNamesThatMoveAreRefused(t *testing.T) {
	srv := httptest.NewServer(attacktest.Calibrated())
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	for _, k := range engines() {
		t.Run(k.Name, func(t *testing.T) {
			var asked, told atomic.Int64
			p := attacktest.HoldPlan(50, 200*time.Millisecond, 20*time.Second, 5)
			p.Requests[0].Spec.(*httpx.Request).URL = "http://moves.test:" + port + "/status/200"
			e, err := k.New(httpx.Options{
				MaxInFlight: 5, Connections: wire.Connections{NoKeepAlive: true, DNSRefresh: 1},
				Lookup: func(context.Context, string) ([]netip.Addr, error) {
					if asked.Add(1) > 3 {
						return []netip.Addr{netip.MustParseAddr("203.0.113.9")}, nil
					}
					return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			_, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: time.Now(), Stop: stop, Refused: func(err error) {
				if !strings.Contains(err.Error(), "moves.test is at 203.0.113.9") {
					t.Errorf("told of %v", err)
				}
				if told.Add(1) == 1 {
					close(stop)
				}
			}})
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			refused := 0
			for _, r := range c.Of(attack.Done) {
				switch r.Kind {
				case "":
				case timeline.KindNotAllowed:
					refused++
				default:
					t.Errorf("kind %q: %s", r.Kind, r.Detail)
				}
			}
			if refused == 0 || told.Load() == 0 {
				t.Errorf("%d were refused, and %d told", refused, told.Load())
			}
		})
	}
}
