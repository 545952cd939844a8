#!/bin/bash
# Guess: a paused container keeps its health until so many checks in a row have failed as its retries
# say; the check before the pause was good, so it is healthy for a while yet, and again once it goes on.
# What happens: it is unhealthy in the moment of the pause, with a failing streak of 0 and no check in
# its log. No event health_status says so. After unpause it stays unhealthy for a whole interval, in
# which it serves; the next check makes it healthy.
# Seen with: Docker Engine 20.10.24.
# Why our user cares: with an interval of 30 s, what goes by health (a proxy, compose's depends_on,
# autoheal) leaves the container out, or restarts it, for up to 30 s after a pause of one second. What
# goes by events never hears of it.
# Needs: root, go, a Docker Engine. Makes one image and one container, and removes them.
set -euo pipefail
dir=$(mktemp -d)
name=finding-pause-$$
trap 'docker rm -f "$name" >/dev/null 2>&1 || true; docker rmi -f "$name" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"os"
	"time"
)

func main() {
	if len(os.Args) == 1 {
		time.Sleep(time.Hour)
	}
}
GO
CGO_ENABLED=0 go build -o main main.go
check='HEALTHCHECK --interval=10s --timeout=9s --retries=100 CMD ["/main","well"]'
tar -c main | docker import --change "$check" - "$name" >/dev/null
start=$(date +%s)
docker run -d --name "$name" --network none "$name" /main >/dev/null
format='{{.Status}}, failing streak {{.FailingStreak}}, failed checks: {{range .Log}}{{if .ExitCode}}x{{end}}{{end}}'
health() { docker inspect --format "{{with .State.Health}}$format{{end}}" "$name"; }
await() {
	for _ in $(seq 100); do
		case $(health) in healthy*) return ;; esac
		sleep 0.5
	done
	echo "it is never healthy"
	exit 1
}
docker version --format 'Docker Engine {{.Server.Version}}, health check every 10 s, 100 retries'
await
before=$(health)
docker pause "$name" >/dev/null
paused=$(health)
docker unpause "$name" >/dev/null
after=$(health)
await
again=$(health)
docker events --since "$start" --until "$(date +%s)" --filter "container=$name" --format '{{.Action}}' >out
events=$(grep -c 'health_status: unhealthy' out || true)
printf '%s\n' "before: $before" "paused: $paused" "after unpause: $after" "a check later: $again" \
	"events \"health_status: unhealthy\": $events"
if [ "${paused%, failed*}" = "unhealthy, failing streak 0" ] && [ "$after" = "$paused" ] && [ "$events" = 0 ] &&
	grep -q "health_status: healthy" out; then
	echo "as found"
else
	echo "CHANGED: expected unhealthy with a failing streak of 0, paused and after it, and no event"
	exit 1
fi
