package owner

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

func TestMasksIgnore(t *testing.T) {
	const term, hup = 15, 1
	bit := func(n int) uint64 { return 1 << (n - 1) }
	for _, tt := range []struct {
		name string
		m    Masks
		sig  int
		want bool
	}{
		{"the default action ends an ordinary process", Masks{}, term, false},
		{"it is ignored", Masks{Ignored: bit(term)}, term, true},
		{"another one is ignored", Masks{Ignored: bit(hup)}, term, false},
		{"the first process of a namespace has no default action", Masks{Init: true}, term, true},
		{"the first process catches it", Masks{Init: true, Caught: bit(term)}, term, false},
		{"the first process waits for it, as docker-init does", Masks{Init: true, Blocked: bit(term)}, term, false},
		{"nobody ignores SIGKILL", Masks{Init: true, Ignored: ^uint64(0)}, 9, false},
	} {
		if got := tt.m.Ignores(tt.sig); got != tt.want {
			t.Errorf("%s: Ignores(%d) = %v, want %v", tt.name, tt.sig, got, tt.want)
		}
	}
}

func TestSignalMasks(t *testing.T) {
	signal.Ignore(syscall.SIGUSR2)
	defer signal.Reset(syscall.SIGUSR2)
	m, err := SignalMasks(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !m.Ignores(int(syscall.SIGUSR2)) {
		t.Errorf("%+v: expected SIGUSR2 to be ignored", m)
	}
	if m.Ignores(int(syscall.SIGTERM)) {
		t.Errorf("%+v: expected SIGTERM to be caught by Go's runtime", m)
	}
	if _, err := SignalMasks(1 << 30); err != ErrNoProcess {
		t.Errorf("of a process that is not there: %v", err)
	}
	for _, bad := range []string{"", "SigIgn:\t00\nSigCgt:\t00\n", "SigIgn:\tx\nSigCgt:\t00\nSigBlk:\t00\n"} {
		if m, err := parseMasks(bad); err == nil {
			t.Errorf("parseMasks(%q) = %+v", bad, m)
		}
	}
}
