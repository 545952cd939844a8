// Package owner tells one process from every other one, past its own end: by
// machine, boot, process id and the moment at which the process started.
//
// What a run leaves outside itself (an undo in the journal, a label on a
// container) carries its Owner, so that a later process can tell what belongs
// to nobody any more from what another run is still using.
package owner

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrNoProcess says that no process has the number asked for.
var ErrNoProcess = errors.New("no such process")

// Owner is one process. Its text form, from String, holds five fields joined
// by slashes and fits into a label.
type Owner struct {
	Host  string `json:"host"`         // name of the machine
	Boot  string `json:"boot"`         // id of the boot: the same in all containers of a machine
	Space string `json:"ns,omitempty"` // id of the pid namespace, where there are such
	PID   int    `json:"pid"`
	Start string `json:"start"` // when it started, in units of the system: to be compared only
}

// Current returns the Owner that stands for this process.
func Current() (Owner, error) { return Of(os.Getpid()) }

// Of returns the Owner that stands for the process pid of this machine and
// namespace; ErrNoProcess if there is none.
func Of(pid int) (Owner, error) {
	p, err := Inspect(pid)
	if err != nil {
		return Owner{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Owner{}, fmt.Errorf("finding out the id of this boot: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return Owner{}, fmt.Errorf("finding out the name of this machine: %w", err)
	}
	clean := strings.NewReplacer("/", "-", " ", "-")
	return Owner{Host: clean.Replace(cmp.Or(host, "unknown")), Boot: clean.Replace(boot), Space: clean.Replace(space()), PID: pid, Start: p.Start}, nil
}

// Alive says whether the process still runs. Where that cannot be told from
// here (another machine, another pid namespace) it says true: what may be in
// use is left alone. A process that ended but was not yet waited for is dead.
func (o Owner) Alive() bool {
	boot, err := bootID()
	if err != nil {
		return true
	}
	if o.Boot != boot {
		host, err := os.Hostname()
		rebooted := err == nil && host == o.Host
		return !rebooted
	}
	if o.Space != space() {
		return true
	}
	p, err := Inspect(o.PID)
	if errors.Is(err, ErrNoProcess) {
		return false
	}
	return err != nil || (p.Start == o.Start && !p.Ended())
}

// String returns the text form, which Parse reads.
func (o Owner) String() string {
	return strings.Join([]string{o.Host, o.Boot, o.Space, strconv.Itoa(o.PID), o.Start}, "/")
}

// Parse reads what String printed.
func Parse(s string) (Owner, error) {
	f := strings.Split(s, "/")
	if len(f) != 5 {
		return Owner{}, fmt.Errorf("expected an owner as host/boot/namespace/pid/start, found %q", s)
	}
	pid, err := strconv.Atoi(f[3])
	if err != nil || pid <= 0 || strconv.Itoa(pid) != f[3] {
		return Owner{}, fmt.Errorf("expected a process id as the fourth field of an owner, found %q in %q", f[3], s)
	}
	if f[0] == "" || f[1] == "" || f[4] == "" {
		return Owner{}, fmt.Errorf("expected an owner with host, boot and start, found an empty one in %q", s)
	}
	return Owner{Host: f[0], Boot: f[1], Space: f[2], PID: pid, Start: f[4]}, nil
}

// Proc is what the system says of a process at one moment.
type Proc struct {
	PID   int
	Group int    // id of its process group
	Start string // as in Owner
	State State
}

// State is what a process is doing.
type State byte

// The states that matter here.
const (
	Running State = iota // or asleep
	Stopped              // by SIGSTOP or its like
	Zombie               // ended, not waited for
)

// Ended says whether the process runs no more.
func (p Proc) Ended() bool { return p.State == Zombie }
