package owner

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	tail := " 1 77 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9876 2 3"
	for _, tt := range []struct {
		name, line string
		want       State
	}{
		{"asleep", "5 (sleep) S" + tail, Running},
		{"stopped", "5 (sleep) T" + tail, Stopped},
		{"zombie", "5 (sleep) Z" + tail, Zombie},
		{"a name that looks like fields", "5 (a) Z 1 (b c)) R" + tail, Running},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parseStat(5, tt.line)
			if want := (Proc{PID: 5, Group: 77, Start: "9876", State: tt.want}); err != nil || p != want {
				t.Errorf("parseStat = %+v, %v, want %+v", p, err, want)
			}
		})
	}
	for _, bad := range []string{"", "5", "5 (x) S 1 2", "5 (sleep) S 1 x" + tail[5:]} {
		if p, err := parseStat(5, bad); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", bad, p)
		}
	}
}

// A process in a pid namespace of its own is out of sight while it lives; from
// the machine's first namespace root sees that the namespace is gone.
func TestLivenessAcrossNamespaces(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		t.Skip("SKIP needs root: a pid namespace cannot be made")
	} else if err != nil {
		t.Fatal(err)
	}
	o, err := Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	link, err := os.Readlink("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	o.Space, o.PID = spaceID(link), 1
	if got, _ := o.Liveness(); got != Unknown {
		t.Errorf("while it lives: %v, want it unknown", got)
	}
	cmd.Process.Kill()
	cmd.Wait()
	want := Unknown
	if space() == firstSpace {
		want = Dead
	}
	if got, _ := o.Liveness(); got != want {
		t.Errorf("once it is gone: %v, want %v", got, want)
	}
}
