#!/bin/bash
# Guess: when a server stops answering in the middle of a run, wrk reports timeouts: its --timeout is
# 2 s by default, and its manual says "record a timeout if a response is not received within this
# amount of time".
# What happens: what was never answered is in no figure; only an answer that comes late is a timeout.
# A server that answers 200 requests and then hangs for the rest of the run gets a 99th
# percentile of milliseconds, no line "Socket errors" at all, and exit code 0.
# Seen with: wrk 4.1.0 (Debian 12, 4.1.0-3+b2).
# Why our user cares: that is what a pause or a partition looks like. ordeal counts each of these
# arrivals as timeout or unsent; a comparison with wrk's percentiles shows two different systems.
# Needs: go, apt-get and dpkg of Debian 12 (packages are only unpacked, in a temp folder).
set -euo pipefail
version=4.1.0-3+b2
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 "$dir"
for p in wrk=$version libluajit-5.1-2; do apt-get download -qq "$p" 2>err || { cat err; exit 2; }; done
for d in *.deb; do dpkg -x "$d" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libluajit-5.1.so.2')")
export LD_LIBRARY_PATH

cat >server.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	var n atomic.Int64
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 200 {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "tea")
	}))
}
GO
go build -o server server.go
./server >url &
pid=$!
for _ in $(seq 100); do [ -s url ] && break; sleep 0.1; done

timeout 60 root/usr/bin/wrk -t 1 -c 4 -d 6s --timeout 1s --latency "$(cat url)" >out && code=0 || code=$?
echo "wrk $version, 4 connections for 6 s with a timeout of 1 s, a server that answers 200 requests and hangs:"
cat out
echo "exit code $code"
if [ "$code" = 0 ] && grep -q ' 200 requests in' out && ! grep -q 'Socket errors' out; then
	echo "as found: no word of the requests that were never answered"
else
	echo "CHANGED: expected 200 requests, no line of errors, exit code 0"
	exit 1
fi
