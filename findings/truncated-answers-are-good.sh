#!/bin/bash
# Guess: a load generator counts an answer that was cut off in the middle as an error. RFC 9112 (8)
# calls it incomplete, curl ends with exit code 18, and wrk counts a read error.
# What happens: hey, ab and siege count it as a success. A server that sends 14 of 1,000 bytes and
# closes, always, gets "[200] 20 responses", "Failed requests: 0" and an availability of 100 %.
# Seen with: hey v0.1.4, ab 2.3 (Debian's apache2-utils 2.4.71-1~deb12u1), siege 4.0.7-1+b1.
# Why our user cares: a target that is killed while it answers looks well to these three. ordeal has
# errors of kind eof there; whoever compares the two sees an error rate of 0 % against one of 100 %.
# Needs: go, curl, apt-get and dpkg of Debian 12 (packages are only unpacked, in a temp folder).
set -euo pipefail
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
GOPATH=$(go env GOPATH) GOCACHE=$(go env GOCACHE)
export GOPATH GOCACHE HOME="$dir" # siege writes its settings there
chmod 755 "$dir"
for p in apache2-utils=2.4.71-1~deb12u1 libapr1 libaprutil1 siege=4.0.7-1+b1; do
	apt-get download -qq "$p" 2>err || { cat err; exit 2; }
done
for d in *.deb; do dpkg -x "$d" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libapr-1.so.0')")
export LD_LIBRARY_PATH
GOBIN="$dir" go install github.com/rakyll/hey@v0.1.4

cat >server.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf an answer")
			}
			c.Close()
		}()
	}
}
GO
go build -o server server.go
./server >url &
pid=$!
for _ in $(seq 100); do [ -s url ] && break; sleep 0.1; done
url=$(cat url)

curl -s --max-time 10 "$url" >/dev/null && code=0 || code=$?
timeout 60 ./hey -n 20 -c 2 "$url" >hey.out
timeout 60 root/usr/bin/ab -n 20 -c 2 "$url" >ab.out 2>&1
timeout 60 root/usr/bin/siege -b -c 2 -r 10 "$url" >siege.out 2>&1
echo "20 answers of which each was cut off after 14 of 1,000 bytes:"
echo "curl: exit code $code"
echo "hey v0.1.4: $(grep responses hey.out)"
echo "ab, apache2-utils 2.4.71-1~deb12u1: $(grep 'Complete requests' ab.out), $(grep 'Failed requests' ab.out)"
echo "siege 4.0.7-1+b1: $(grep -E '"(availability|failed_transactions)"' siege.out | tr -d '\n')"
if [ "$code" = 18 ] && grep -Eq '\[200\][[:space:]]+20 responses' hey.out && ! grep -q 'Error distribution' hey.out &&
	grep -Eq 'Complete requests: +20$' ab.out && grep -Eq 'Failed requests: +0$' ab.out &&
	grep -Eq '"availability":[[:space:]]+100.00' siege.out &&
	grep -Eq '"failed_transactions":[[:space:]]+0,' siege.out; then
	echo "as found: all three count them as good"
else
	echo "CHANGED"
	exit 1
fi
