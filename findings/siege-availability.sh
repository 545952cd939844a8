#!/bin/bash
# Guess: siege's availability and failed transactions are what its manual says: availability leaves
# out "400 and 500 level server errors", which are "recorded in failed transactions".
# What happens: neither. Answers of 400, 403, 404 and 429 are no failed transactions; those of 500
# are, and bring availability down too. A target that refuses every request with 429 gets an
# availability of 100 % and 0 failures (and 0 successes, in the same report), one that answers 500
# gets 0 %.
# Seen with: siege 4.0.7 (Debian 12, 4.0.7-1+b1).
# Why our user cares: ordeal's availability counts every unexpected status. A limit taken over from a
# siege report, availability >= 99.9 %, means something else: shed load (429) is no failure to siege.
# Needs: go, apt-get and dpkg of Debian 12 (packages are only unpacked, in a temp folder).
set -euo pipefail
version=4.0.7-1+b1
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 "$dir"
GOPATH=$(go env GOPATH) GOCACHE=$(go env GOCACHE)
export GOPATH GOCACHE HOME="$dir" # siege writes its settings there
apt-get download -qq "siege=$version" 2>err || { cat err; exit 2; }
dpkg -x siege_*.deb root

cat >server.go <<'GO'
package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, err := strconv.Atoi(r.URL.Path[1:]); err == nil {
			w.WriteHeader(status)
		}
		fmt.Fprint(w, "tea")
	}))
}
GO
go build -o server server.go
./server >url &
pid=$!
for _ in $(seq 100); do [ -s url ] && break; sleep 0.1; done

echo "siege $version, 20 requests of which each is answered with the status:"
got=
for status in 400 403 404 429 500; do
	timeout 60 root/usr/bin/siege -b -c 2 -r 10 "$(cat url)$status" >out 2>&1
	figure() { sed -n "s/.*\"$1\":[^0-9]*\([0-9.]*\).*/\1/p" out; }
	line="$status: availability $(figure availability), failed $(figure failed_transactions)"
	echo "$line"
	got+="$line;"
done
want=
for status in 400 403 404 429; do want+="$status: availability 100.00, failed 0;"; done
want+="500: availability 0.00, failed 20;"
if [ "$got" = "$want" ]; then
	echo "as found"
else
	echo "CHANGED: expected $want"
	exit 1
fi
