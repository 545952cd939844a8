package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// markVar marks every process that ordeal starts, and so what those start, with
// the Owner of the ordeal and its session. The kernel ends a service with its
// ordeal, but not what the service started; by the mark Sweep finds that later.
const markVar = "ORDEAL_STARTED_BY"

// mark is the entry of a child's environment.
func mark() (string, error) {
	me, err := owner.Current()
	if err != nil {
		return "", err
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return "", fmt.Errorf("finding out the own session: %w", err)
	}
	return fmt.Sprintf("%s=%s %d", markVar, me, session), nil
}

// started reads a mark.
func started(value string) (by owner.Owner, session int, ok bool) {
	text, number, ok := strings.Cut(value, " ")
	if !ok {
		return by, 0, false
	}
	by, err := owner.Parse(text)
	if err != nil {
		return by, 0, false
	}
	session, err = strconv.Atoi(number)
	return by, session, err == nil
}

// leftover is a process that a dead ordeal's services left running.
type leftover struct {
	process *os.Process // a handle, which no later process of the same id can take over
	command string
}

// Sweep kills what services of runs left running whose ordeal is dead, and
// returns what that was. A daemon, which took a session of its own, meant to
// outlive the service and is left alone.
func Sweep(alive func(owner.Owner) bool) (killed []string, err error) {
	found, err := leftovers(alive)
	for _, l := range found {
		if l.process.Kill() == nil {
			killed = append(killed, fmt.Sprintf("process %d (%s)", l.process.Pid, l.command))
		}
		l.process.Release()
	}
	return killed, err
}
