#!/bin/bash
# Guess: a container without a health check has no State.Health in the engine's answer, or one whose
# Status is "none"; that is what Docker's API says and its client's constants (NoHealthcheck) have.
# What happens: podman's Docker-compatible API answers {"Status":"", ...}, which is neither.
# Seen with: podman 4.3.1 (Debian 12).
# Why our user cares: whoever waits until a restarted container is "healthy" where it has a health
# check, and goes by State.Health being there, waits for ever.
# Needs: root, podman (apt-get install podman), curl.
set -euo pipefail
dir=$(mktemp -d)
pod() { podman --root "$dir/root" --runroot "$dir/run" --storage-driver vfs "$@"; }
pod system service -t 0 "unix://$dir/s" 2>"$dir/log" &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done

# An image of one empty file: the container is created and never started.
mkdir "$dir/image" && : >"$dir/image/empty"
tar -C "$dir/image" -c . | pod import -q - finding:1 >/dev/null
id=$(pod create finding:1 /empty)
answer=$(curl -sS --max-time 30 --unix-socket "$dir/s" "http://d/v1.41/containers/$id/json")
state=$(grep -o '"Health":{[^}]*}' <<<"$answer" || true)
pod rm -f "$id" >/dev/null
podman --version
echo "without a health check: ${state:-no State.Health}"
case $state in
*'"Status":""'*) echo "as found: the status is empty" ;;
*) echo "CHANGED: expected an empty status"; exit 1 ;;
esac
