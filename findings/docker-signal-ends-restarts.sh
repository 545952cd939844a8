#!/bin/bash
# Guess: docker kill --signal HUP, the usual way to have a server read its settings again, leaves the
# restart policy alone where the container goes on running: its next crash is restarted as before.
# What happens: from then on the policy is off. A crash minutes or days later is not restarted; docker
# inspect goes on showing the policy, and giving it again by docker update does not help. Without a
# STOPSIGNAL that holds for every policy. With a STOPSIGNAL other than the one that was sent, always
# and on-failure go on, and only unless-stopped is off.
# Seen with: Docker Engine 20.10.24. Docker's manual says of kill only what it does to the process.
# Why our user cares: whoever wants to see that a crashed service comes back by its policy, in a
# system where somebody sent a reload before, sees it stay dead, and blames the fault.
# Needs: root, go, a Docker Engine. Makes one image and seven containers, and removes them.
set -euo pipefail
dir=$(mktemp -d)
tag=finding-restarts:$$
tidy() {
	docker ps -aq --filter "label=finding=$$" | xargs -r docker rm -f || true
	docker rmi -f "$tag" || true
	rm -rf "$dir"
}
trap 'tidy >/dev/null 2>&1' EXIT
cd "$dir"
cat >main.go <<'GO'
// Ignores SIGHUP; crashes by itself on SIGUSR1, which "main crash" sends from within.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		_ = syscall.Kill(1, syscall.SIGUSR1)
		return
	}
	signal.Ignore(syscall.SIGHUP)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	<-c
	os.Exit(1)
}
GO
CGO_ENABLED=0 go build -o main main.go
tar -c main | docker import - "$tag" >/dev/null

# try POLICY STOPSIGNAL HUP UPDATE prints whether a crash is restarted.
try() {
	local c restarted=no
	c=$(docker run -d --label "finding=$$" --network none --restart "$1" ${2:+--stop-signal "$2"} "$tag" /main)
	sleep 0.5
	[ "$3" = no ] || docker kill --signal HUP "$c" >/dev/null
	[ "$4" = no ] || docker update --restart "$1" "$c" >/dev/null
	docker exec "$c" /main crash
	for _ in $(seq 20); do
		[ "$(docker inspect --format '{{.RestartCount}}' "$c")" = 0 ] || { restarted=yes; break; }
		sleep 0.2
	done
	docker rm -f "$c" >/dev/null
	echo "$1, STOPSIGNAL ${2:-none}, HUP before: $3, policy given again: $4, restarted after a crash: $restarted"
}
docker version --format 'Docker Engine {{.Server.Version}}'
{
	try unless-stopped '' no no
	try unless-stopped '' yes no
	try always '' yes no
	try always '' yes yes
	try always QUIT yes no
	try on-failure QUIT yes no
	try unless-stopped QUIT yes no
} | tee out
if [ "$(sed 's/.*: //' out | tr '\n' ' ')" = "yes no no no yes yes no " ]; then
	echo "as found"
else
	echo "CHANGED: expected yes, no, no, no, yes, yes, no"
	exit 1
fi
