#!/bin/bash
# Guess: the stream of statistics of podman's Docker API tells what a container uses once a second,
# as that of Docker's engine does, or as often as one asks.
# What happens: it tells at once, and then every 5 s, also with interval=1 in the query, which is
# taken without a word. Asked anew each time, without the stream, it answers within a second.
# Seen with: podman 4.3.1 (Debian 12).
# Why our user cares: whoever takes a second without figures for a container that is gone, or an
# engine that hangs, sees gaps in every run; and a figure that is asked for each second is up to 5 s
# old. So ordeal asks podman anew each time.
# Needs: root, go, curl, podman (apt-get install podman). All is kept in a folder of its own, and
# removed.
set -euo pipefail
shopt -s inherit_errexit
dir=$(mktemp -d)
pids=()
pod() { podman --root "$dir/root" --runroot "$dir/run" --storage-driver vfs "$@"; }
end() {
	kill "${pids[@]}" 2>/dev/null || true
	pod rm -af -t 0 >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap end EXIT
mkdir "$dir/image"
cat >"$dir/main.go" <<'GO'
package main

import "time"

func main() {
	for {
		time.Sleep(time.Second)
	}
}
GO
(cd "$dir" && CGO_ENABLED=0 go build -o image/main main.go)
tar -C "$dir/image" -c . | pod import -q - finding:1 >/dev/null
podman --version
id=$(pod run -d --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 finding:1 /main)
podman --root "$dir/root" --runroot "$dir/run" --storage-driver vfs \
	system service -t 0 "unix://$dir/api.sock" 2>"$dir/api.log" &
pids+=($!)
for _ in $(seq 100); do
	[ -S "$dir/api.sock" ] && break
	sleep 0.1
done
stats() { curl -sSN --unix-socket "$dir/api.sock" "http://engine/containers/$id/stats?$1"; }
gaps() { # query: writes the milliseconds between the readings of 17 s
	timeout 17 curl -sSN --unix-socket "$dir/api.sock" "http://engine/containers/$id/stats?$1" |
		while read -r _; do date +%s%3N; done | awk 'NR > 1 { print $1 - last } { last = $1 }' || true
}
changed=
for query in stream=true "stream=true&interval=1"; do
	all=$(gaps "$query")
	echo "$query: ms between readings:" $all
	[ "$(wc -w <<<"$all")" -ge 2 ] || changed=1
	for gap in $all; do [ "$gap" -gt 4000 ] && [ "$gap" -lt 8000 ] || changed=1; done
done
from=$(date +%s%3N)
for _ in 1 2 3; do stats "stream=false&one-shot=true" | grep -q cpu_stats; done
took=$((($(date +%s%3N) - from) / 3))
echo "asked anew, without the stream: $took ms each"
[ "$took" -lt 2000 ] || changed=1
if [ -z "$changed" ]; then
	echo "as found: the stream tells every 5 s, whatever is asked for"
else
	echo "CHANGED: expected readings 5 s apart, and quick answers without the stream"
	exit 1
fi
