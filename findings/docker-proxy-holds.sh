#!/bin/bash
# Guess: docker-proxy accepts connections to a published port at any time, but where the container
# does not listen it closes them at once; so one that stays open for half a second has its server.
# What happens: while the container is being started docker-proxy holds a connection for a second and
# more, though nothing in the container ever listens. (It connects to the container in its turn, and
# what it sends first gets lost as long as the container's network is not up.) A moment later
# connections are closed at once.
# Seen with: Docker Engine 20.10.24.
# Why our user cares: whoever waits for a restarted service by connecting to its published port and
# seeing the connection live for a moment goes on seconds before the service is there.
# Needs: root, go, a Docker Engine with docker-proxy. Makes one image and one container, and removes them.
set -euo pipefail
dir=$(mktemp -d)
name=finding-proxy-$$
trap 'docker rm -f "$name" >/dev/null 2>&1 || true; docker rmi -f "$name" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// Without arguments it sleeps: that is the container. With an address and a time it connects
// over and over for so long, and prints how long the longest connection stayed open.
func main() {
	if len(os.Args) == 1 {
		time.Sleep(time.Hour)
	}
	length, err := time.ParseDuration(os.Args[2])
	if err != nil {
		panic(err)
	}
	var longest time.Duration
	for end := time.Now().Add(length); time.Now().Before(end); {
		c, err := net.DialTimeout("tcp", os.Args[1], time.Second)
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		opened := time.Now()
		c.SetReadDeadline(opened.Add(10 * time.Second))
		c.Read(make([]byte, 1))
		longest = max(longest, time.Since(opened))
		c.Close()
		time.Sleep(time.Millisecond)
	}
	fmt.Println(longest.Milliseconds())
}
GO
CGO_ENABLED=0 go build -o main main.go
tar -c main | docker import - "$name" >/dev/null
port=$(( 20000 + $$ % 10000 ))
docker create --name "$name" -p "127.0.0.1:$port:8080" "$name" /main >/dev/null
docker version --format 'Docker Engine {{.Server.Version}}'
most=0
for try in 1 2 3 4 5; do
	./main "127.0.0.1:$port" 4s >starting &
	docker start "$name" >/dev/null
	wait $!
	./main "127.0.0.1:$port" 1s >later
	echo "start $try: a connection stayed open for $(cat starting) ms at most, later for $(cat later) ms"
	[ "$(cat starting)" -le "$most" ] || most=$(cat starting)
	docker stop -t 0 "$name" >/dev/null
done
if [ "$most" -ge 500 ] && [ "$(cat later)" -lt 500 ]; then
	echo "as found: nothing listens, and a connection stayed open for $most ms"
else
	echo "CHANGED: expected a connection that stays open for 500 ms and more during a start, and none later"
	exit 1
fi
