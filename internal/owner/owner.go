// Package owner tells one process from every other one, past its own end: by
// machine, boot, pid namespace, process id and the moment at which it started.
//
// What a run leaves outside itself (an undo in the journal, a label on a
// container) carries its Owner, so that a later process can tell what belongs
// to nobody any more from what another run is still using.
package owner

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// ErrNoProcess says that no process has the number asked for.
var ErrNoProcess = errors.New("no such process")

// Owner is one process. Its text form, from String, holds its fields joined by
// slashes and fits into a label.
type Owner struct {
	Host string `json:"host"` // name of the machine
	// Id of the boot: the same in all containers of a machine.
	Boot  string `json:"boot"`
	Space string `json:"ns,omitempty"` // id of the pid namespace, where there are such
	PID   int    `json:"pid"`          // within its pid namespace
	// When the process started, in a unit of the system: good for comparing, and for nothing else.
	Start   string `json:"start"`
	Machine string `json:"machine,omitempty"` // digest of the machine's id; "" where it has none
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
	return Owner{
		Host: clean(
			cmp.Or(host, "unknown"),
		), Boot: clean(boot), Space: clean(space()), PID: pid, Start: p.Start,
		Machine: machine(),
	}, nil
}

// clean keeps a field from being taken for two.
func clean(field string) string { return strings.NewReplacer("/", "-", " ", "-").Replace(field) }

// machine is a digest of the machine's id, which itself is not to be passed
// around (see machine-id(5)); "" where there is none, as in most containers.
var machine = sync.OnceValue(func() string {
	id := machineID()
	if id == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte("ordeal"))
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil)[:8])
})

// Liveness is what can be told of a process from here.
type Liveness int

// The kinds of Liveness.
const (
	Unknown Liveness = iota // it may run, out of sight
	Alive
	Dead
)

// Liveness says whether the process still runs, and why that cannot be told
// from here, if it cannot: it ran on another machine, or in another pid
// namespace. A process that ended but was not yet waited for is dead.
func (o Owner) Liveness() (l Liveness, why string) {
	here, err := Current()
	if err != nil {
		return Unknown, err.Error()
	}
	if o.Boot != here.Boot {
		// Machines of one name are many: runners, clones, "localhost".
		if o.Host == here.Host && o.Machine != "" && o.Machine == here.Machine {
			return Dead, "" // with an earlier boot of this machine
		}
		return Unknown, fmt.Sprintf(
			"its process %d ran on the machine %s, or before this one was started again",
			o.PID,
			o.Host,
		)
	}
	if o.Space != here.Space {
		if SpaceGone(o.Space) {
			return Dead, ""
		}
		return Unknown, fmt.Sprintf(
			"its process %d ran in another pid namespace of this machine, such as a container's (%s)",
			o.PID,
			o.Host,
		)
	}
	p, err := Inspect(o.PID)
	switch {
	case errors.Is(err, ErrNoProcess):
		return Dead, ""
	case err != nil:
		return Unknown, err.Error()
	case p.Start == o.Start && !p.Ended():
		return Alive, ""
	}
	return Dead, ""
}

// Alive says whether the process may still run: what may be in use is left
// alone.
func (o Owner) Alive() bool {
	l, _ := o.Liveness()
	return l != Dead
}

// SameBoot says whether the process ran on this machine, as it runs now.
func (o Owner) SameBoot() bool {
	boot, err := bootID()
	return err == nil && clean(boot) == o.Boot
}

// String returns the text form, which Parse reads.
func (o Owner) String() string {
	fields := []string{o.Host, o.Boot, o.Space, strconv.Itoa(o.PID), o.Start}
	if o.Machine != "" {
		fields = append(fields, o.Machine)
	}
	return strings.Join(fields, "/")
}

// Parse reads what String printed.
func Parse(s string) (Owner, error) {
	f := strings.Split(s, "/")
	if len(f) != 5 && len(f) != 6 {
		return Owner{}, fmt.Errorf(
			"expected an owner as host/boot/namespace/pid/start/machine, found %q",
			s,
		)
	}
	pid, err := strconv.Atoi(f[3])
	if err != nil || pid <= 0 || strconv.Itoa(pid) != f[3] {
		return Owner{}, fmt.Errorf(
			"expected a process id as the fourth field of an owner, found %q in %q",
			f[3],
			s,
		)
	}
	if f[0] == "" || f[1] == "" || f[4] == "" || f[len(f)-1] == "" {
		return Owner{}, fmt.Errorf(
			"expected an owner with host, boot and start, found an empty one in %q",
			s,
		)
	}
	o := Owner{Host: f[0], Boot: f[1], Space: f[2], PID: pid, Start: f[4]}
	if len(f) == 6 {
		o.Machine = f[5]
	}
	return o, nil
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
