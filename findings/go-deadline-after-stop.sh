#!/bin/bash
# Guess: a Go client that was stopped for a while reports what happened: an answer that arrived
# before the deadline, and lies in the socket's buffer when the process goes on, is read.
# What happens: of 50 connections some, and often most, get a timeout, though the kernel had the
# answer two seconds before the deadline; net.Conn.Read looks at the deadline first. Reading once more
# with a new deadline gives the answer at once. http.Client's Timeout does the same.
# Seen with: Go 1.26.8 on Linux. How many is a matter of the scheduler, so that there are up to eight rounds.
# Why our user cares: a load generator on a crowded machine calls a healthy target timed out. ordeal
# therefore counts no timeout after such a standstill as the target's without doubt; others do.
# Needs: go.
set -euo pipefail
dir=$(mktemp -d)
pids=()
trap 'for p in "${pids[@]}"; do kill -CONT "$p" 2>/dev/null; kill "$p" 2>/dev/null; done || true; rm -rf "$dir"' EXIT
cd "$dir"
cat >server.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Second)
		_, _ = io.WriteString(w, "tea")
	}))
}
GO
cat >client.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	var timeouts, there atomic.Int64
	var sent, all sync.WaitGroup
	for range 50 {
		c, err := net.DialTimeout("tcp", os.Args[1], 10*time.Second)
		if err != nil {
			panic(err)
		}
		defer c.Close()
		sent.Add(1)
		all.Go(func() {
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
			sent.Done()
			answer := make([]byte, 4096)
			if _, err := c.Read(answer); !errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			timeouts.Add(1)
			// A deadline so near that nothing new can come from a server that is done.
			_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if n, _ := c.Read(answer); n > 0 {
				there.Add(1)
			}
		})
	}
	sent.Wait()
	fmt.Println("stop me")
	all.Wait()
	fmt.Println(timeouts.Load(), there.Load())
}
GO
go build -o server server.go
go build -o client client.go
./server >addr &
pids+=($!)
for _ in $(seq 100); do [ -s addr ] && break; sleep 0.1; done

go version
seen=
for round in 1 2 3 4 5 6 7 8; do
	: >out
	./client "$(cat addr)" >out &
	client=$!
	pids+=("$client")
	for _ in $(seq 500); do grep -q stop out && break; sleep 0.02; done
	kill -STOP "$client" || { echo "round $round: this machine was too slow"; wait "$client"; continue; }
	sleep 4.5
	kill -CONT "$client"
	wait "$client"
	read -r timeouts there < <(tail -1 out)
	echo "round $round: answers after 1 s, deadline 3 s, stopped for 4.5 s:" \
		"$timeouts of 50 timed out; of $there of these the answer was there"
	[ "$there" = 0 ] || { seen=yes; break; }
done
[ "$seen" ] || { echo "CHANGED: no answer that was there was called a timeout"; exit 1; }
echo "as found"
