#!/bin/sh
# Guess: net/http's Transport.MaxConnsPerHost bounds the connections to a host, by any protocol.
# What happens: on HTTP/2 it does not. It counts a connection only while that is being opened. A server that
# takes few requests at once gets one connection after the other, though MaxConnsPerHost is 1.
# Seen with: Go 1.26.8.
# Why our user cares: whoever sets per_host, to spare a server of few connections, would open many.
# Needs: go, 1.25 or later.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat > "$dir/main.go" <<'GO'
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		time.Sleep(50 * time.Millisecond)
	}))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2}
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	tr := &http.Transport{MaxConnsPerHost: 1, Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Transport: tr}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 3 {
				if resp, err := client.Get(srv.URL); err == nil {
					resp.Body.Close()
				}
			}
		})
	}
	wg.Wait()
	fmt.Printf("%s: MaxConnsPerHost 1, %d connections opened\n", runtime.Version(), conns.Load())
	if conns.Load() <= 1 {
		fmt.Println("it holds on HTTP/2 now")
		os.Exit(1)
	}
}
GO
cd "$dir"
go mod init finding >/dev/null 2>&1
go run .
