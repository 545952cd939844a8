#!/bin/bash
# Guess: a container that somebody ends with `podman kill` stays down, whatever its restart policy, as
# with Docker, whose engine takes every signal that ends a container for a stop by hand.
# What happens: podman follows the policy after SIGTERM, and the container runs again within moments.
# After SIGKILL it stays down.
# Seen with: podman 4.3.1 (Debian 12).
# Why our user cares: a fault that sends SIGTERM to see how the service is missed is over at once;
# with Docker the same scenario keeps it down until it is started.
# Needs: root, go, podman (apt-get install podman). All is kept in a folder of its own, and removed.
set -euo pipefail
shopt -s inherit_errexit
dir=$(mktemp -d)
pod() { podman --root "$dir/root" --runroot "$dir/run" --storage-driver vfs "$@"; }
trap 'pod rm -af -t 0 >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
mkdir "$dir/image"
cat >"$dir/main.go" <<'GO'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

// Ends well with SIGTERM, as servers do.
func main() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	<-c
}
GO
(cd "$dir" && CGO_ENABLED=0 go build -o image/main main.go)
tar -C "$dir/image" -c . | pod import -q - finding:1 >/dev/null
podman --version
after() { # signal: what became of a container with the policy "always" that was sent it
	id=$(pod run -d --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --restart always finding:1 /main)
	was=$(pod inspect --format '{{.State.Pid}}' "$id")
	pod kill -s "$1" "$id" >/dev/null
	sleep 3
	pod inspect --format '{{.State.Status}} {{.State.Pid}}' "$id" >"$dir/state"
	read -r status pid <"$dir/state"
	[ "$pid" != "$was" ] || status="$status, as it was"
	pod rm -f -t 0 "$id" >/dev/null
	echo "$status"
}
term=$(after SIGTERM)
kill=$(after SIGKILL)
echo "3 s after SIGTERM: $term"
echo "3 s after SIGKILL: $kill"
if [ "$term" = running ] && [ "$kill" != running ]; then
	echo "as found: the policy acts after SIGTERM, and not after SIGKILL"
else
	echo "CHANGED: expected the container to run again after SIGTERM alone"
	exit 1
fi
