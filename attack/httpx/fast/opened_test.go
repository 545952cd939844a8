package fast_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// TestOpened has a server that ends its connection at the second request: each engine says when
// that connection was opened, which tells whether it was there before something else happened.
func TestOpened(t *testing.T) {
	for _, kind := range engines() {
		t.Run(kind.Name, func(t *testing.T) {
			n := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if n++; n == 2 {
					panic(http.ErrAbortHandler)
				}
			}))
			defer srv.Close()
			e, err := kind.New(httpx.Options{MaxInFlight: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			before := time.Now()
			send := func() httpx.Reply {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				return e.Send(ctx, &httpx.Call{Method: "GET", URL: srv.URL})
			}
			first := send()
			between := time.Now()
			second := send()
			if first.Err != nil || second.Err == nil {
				t.Fatalf("expected the second request alone to fail, found %v and %v", first.Err, second.Err)
			}
			if o := second.Opened; o != first.Opened || o.Before(before) || o.After(between) {
				t.Errorf("expected a connection that was opened between %v and %v, found %v and %v", before, between, first.Opened, o)
			}
		})
	}
}
