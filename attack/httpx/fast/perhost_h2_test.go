package fast_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// per_host holds where a connection carries several requests, however few of them
// the server takes at once, and nobody's request is lost for it.
func TestPerHostOnHTTP2(t *testing.T) {
	const workers, each, streams = 20, 3, 4
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("expected HTTP/2, found %s", r.Proto)
		}
	})
	for _, protocol := range []string{"h2c", "auto", "http2"} {
		for _, most := range []int{1, 3} {
			for _, once := range []bool{false, true} {
				name := protocol + strings.Repeat(" again", most-1)
				if once {
					name += " without keep-alive"
				}
				t.Run(name, func(t *testing.T) {
					srv := httptest.NewUnstartedServer(handler)
					srv.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
					if protocol == "h2c" {
						srv.Config.Protocols = new(http.Protocols)
						srv.Config.Protocols.SetUnencryptedHTTP2(true)
						srv.Start()
					} else {
						srv.EnableHTTP2 = true
						srv.TLS = &tls.Config{Certificates: []tls.Certificate{attacktest.SelfSigned(t)}}
						srv.StartTLS()
					}
					defer srv.Close()
					for _, k := range engines()[1:] {
						var open tally
						e, err := k.New(httpx.Options{
							MaxInFlight: workers, Protocol: protocol, TLS: wire.TLS{Insecure: true}, Dial: open.dial,
							Connections: wire.Connections{PerHost: most, NoKeepAlive: once},
						})
						if err != nil {
							t.Fatal(err)
						}
						var wg sync.WaitGroup
						for range workers {
							wg.Go(func() {
								for range each {
									if r := e.Send(t.Context(), &httpx.Call{Method: "POST", URL: srv.URL, Body: []byte("hello")}); r.Err != nil || r.Status != 200 {
										t.Errorf("%s: status %d, %v", k.Name, r.Status, r.Err)
									}
								}
							})
						}
						wg.Wait()
						atOnce := int64(most)
						if once {
							// net/http closes a connection some time after its request has left it,
							// so a busy machine sees more than the limit, but never one for each
							// worker.
							atOnce = workers - 1
						}
						if n := open.most.Load(); n == 0 || n > atOnce {
							t.Errorf("%s: expected at most %d connections at once, found %d", k.Name, atOnce, n)
						}
						if err := e.Close(); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	}
}
