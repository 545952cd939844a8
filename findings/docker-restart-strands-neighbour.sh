#!/bin/bash
# Guess: a container with --network container:x has x's network for as long as both run, also after x
# was restarted; or the engine shows that it has lost it.
# What happens: x gets a new network namespace. Its neighbour keeps the old one, which is empty but for
# lo: no interface, no address, nothing of x on 127.0.0.1. The engine shows it as running and healthy,
# with x as its network, and no event says otherwise. Restarting the neighbour helps.
# Seen with: Docker Engine 20.10.24.
# Why our user cares: kill or restart a service, and its sidecar (proxy, exporter) is cut off for ever,
# which reads as a service that does not recover. ordeal starts such neighbours again, and says so.
# Needs: root, go, a Docker Engine. Makes one image and two containers, and removes them.
set -euo pipefail
dir=$(mktemp -d)
name=finding-strand-$$
tidy() {
	docker rm -f "$name-x" "$name-y" || true
	docker rmi -f "$name" || true
	rm -rf "$dir"
}
trap 'tidy >/dev/null 2>&1' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) == 1 {
		time.Sleep(time.Hour)
	}
	all, _ := net.Interfaces()
	for _, i := range all {
		fmt.Print(i.Name, " ")
	}
	fmt.Println()
}
GO
CGO_ENABLED=0 go build -o main main.go
tar -c main | docker import --change 'HEALTHCHECK --interval=2s --timeout=30s CMD ["/main","well"]' - "$name" >/dev/null
docker run -d --name "$name-x" "$name" /main >/dev/null
docker run -d --name "$name-y" --network "container:$name-x" "$name" /main >/dev/null
before=$(docker exec "$name-y" /main if)
docker restart -t 0 "$name-x" >/dev/null
sleep 5
x=$(docker exec "$name-x" /main if)
y=$(docker exec "$name-y" /main if)
seen=$(docker inspect --format '{{.State.Status}}, {{.State.Health.Status}}' "$name-y")
docker version --format 'Docker Engine {{.Server.Version}}'
printf '%s\n' "interfaces of y, with --network container:x: $before" "x restarted; interfaces of x: $x" \
	"interfaces of y: $y" "the engine says of y: $seen"
docker restart -t 0 "$name-y" >/dev/null
again=$(docker exec "$name-y" /main if)
echo "y restarted; interfaces of y: $again"
if [ "$before|$x|$y|$again|$seen" = "lo eth0 |lo eth0 |lo |lo eth0 |running, healthy" ]; then
	echo "as found"
else
	echo "CHANGED"
	exit 1
fi
