package process

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// The kernel ends the service of a killed ordeal, and not what the service
// started.
func TestSweepEndsWhatAServiceLeftRunning(t *testing.T) {
	out := &lockedBuffer{}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=grandparent")
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the service has a child", func() bool { return strings.HasSuffix(out.String(), "\n") })
	child, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out.String(), "child ")))
	if err != nil {
		t.Fatal(err)
	}
	all := func(owner.Owner) bool { return true }
	if killed, err := Sweep(all); len(killed) > 0 || err != nil {
		t.Errorf("swept %q, %v, while all ordeals live", killed, err)
	}
	if killed, err := Sweep(owner.Owner.Alive); mentions(killed, child) || err != nil || gone(child) {
		t.Fatalf("swept %q, %v: the child of a service whose ordeal lives", killed, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if gone(child) {
		t.Fatal("the child died by itself: there is nothing to sweep")
	}
	killed, err := Sweep(owner.Owner.Alive)
	if !mentions(killed, child) || err != nil {
		t.Errorf("swept %q, %v, want process %d among them", killed, err, child)
	}
	eventually(t, "the child is dead too", func() bool { return gone(child) })
}

func mentions(killed []string, pid int) bool {
	return slices.ContainsFunc(killed, func(s string) bool { return strings.HasPrefix(s, fmt.Sprintf("process %d ", pid)) })
}

func TestMarkRoundTrips(t *testing.T) {
	m, err := mark()
	if err != nil {
		t.Fatal(err)
	}
	by, session, ok := started(strings.TrimPrefix(m, markVar+"="))
	me, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	// The session's number is 0 where its leader lies outside the pid namespace,
	// as in a container or under a CI runner.
	mine, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	if !ok || by != me || session != mine {
		t.Errorf("%q reads as %v, %d, %v, want %v, %d", m, by, session, ok, me, mine)
	}
	for _, bad := range []string{"", "a/b/c/1/2", "a/b/c/1/2 x", "x 1"} {
		if _, _, ok := started(bad); ok {
			t.Errorf("%q is taken for a mark", bad)
		}
	}
}
