package owner

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// States of a process, from sys/proc.h.
const (
	statStopped = 4
	statZombie  = 5
)

var bootID = sync.OnceValues(func() (string, error) { return unix.Sysctl("kern.bootsessionuuid") })

// There are no pid namespaces here.
func space() string { return "" }

// SpaceGone says whether a pid namespace is known to be gone.
func SpaceGone(string) bool { return false }

func machineID() string {
	id, _ := unix.Sysctl("kern.uuid")
	return id
}

// Inspect looks at one process; ErrNoProcess if there is none with this id.
func Inspect(pid int) (Proc, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ESRCH) {
		return Proc{}, ErrNoProcess // an empty answer is reported as EIO
	}
	if err != nil {
		return Proc{}, err
	}
	return convert(k), nil
}

// Group returns the processes of a process group, zombies included; none if
// the group is gone.
func Group(id int) ([]Proc, error) {
	ks, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", id)
	if errors.Is(err, syscall.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]Proc, len(ks))
	for i := range ks {
		out[i] = convert(&ks[i])
	}
	return out, nil
}

func convert(k *unix.KinfoProc) Proc {
	p := Proc{
		PID: int(k.Proc.P_pid), Group: int(k.Eproc.Pgid),
		Start: fmt.Sprintf("%d.%06d", k.Proc.P_starttime.Sec, k.Proc.P_starttime.Usec),
	}
	switch k.Proc.P_stat {
	case statStopped:
		p.State = Stopped
	case statZombie:
		p.State = Zombie
	}
	return p
}
