package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// leftovers looks at the environment with which every process that may be
// looked at was started.
func leftovers(alive func(owner.Owner) bool) ([]leftover, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for processes that were left running: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("looking for processes that were left running: %w", err)
	}
	var out []leftover
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() || !left(pid, alive) {
			continue
		}
		p, err := os.FindProcess(pid)
		if err != nil {
			continue // it ended just now
		}
		// Once more, as the id may have been another's before there was a handle.
		if !left(pid, alive) {
			p.Release()
			continue
		}
		command, _ := os.ReadFile("/proc/" + name + "/comm")
		out = append(out, leftover{p, strings.TrimSpace(string(command))})
	}
	return out, nil
}

// left says whether a process was left running by a dead ordeal's service.
func left(pid int, alive func(owner.Owner) bool) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		value, ok := bytes.CutPrefix(entry, []byte(markVar+"="))
		if !ok {
			continue
		}
		by, session, ok := started(string(value))
		if !ok || alive(by) {
			return false
		}
		now, err := unix.Getsid(pid)
		return err == nil && now == session
	}
	return false
}
