#!/bin/bash
# Guess: the ID in an engine's answer to GET /info is the engine's, so that it tells whether two
# addresses, or today's engine and yesterday's, are one and the same. Docker's documentation calls it
# "unique identifier of the daemon".
# What happens: podman's Docker-compatible API draws another ID for each answer.
# Seen with: podman 4.3.1 (Debian 12).
# Why our user cares: an undo record names the engine that its container is at. By the ID alone, each
# heal under podman would take its own engine for another one. Name and DockerRootDir stay the same.
# Needs: root, podman (apt-get install podman), curl.
set -euo pipefail
dir=$(mktemp -d)
podman --root "$dir/root" --runroot "$dir/run" --storage-driver vfs system service -t 0 "unix://$dir/s" 2>"$dir/log" &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done

info() { curl -sS --max-time 30 --unix-socket "$dir/s" http://d/v1.41/info; }
field() { grep -o "\"$1\":\"[^\"]*\"" | head -1; }
a=$(info); b=$(info)
podman --version
echo "first answer:  $(field ID <<<"$a") $(field DockerRootDir <<<"$a")"
echo "second answer: $(field ID <<<"$b") $(field DockerRootDir <<<"$b")"
if [ "$(field ID <<<"$a")" = "$(field ID <<<"$b")" ]; then
	echo "CHANGED: both answers have the same ID"
	exit 1
fi
if [ "$(field DockerRootDir <<<"$a")" != "$(field DockerRootDir <<<"$b")" ]; then
	echo "CHANGED: DockerRootDir differs too"
	exit 1
fi
echo "as found: one engine, another ID for each answer"
