package owner

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestCurrentIsAliveAndRoundTrips(t *testing.T) {
	o, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	if !o.Alive() {
		t.Errorf("this process counts as dead: %+v", o)
	}
	back, err := Parse(o.String())
	if err != nil || back != o {
		t.Errorf("Parse(String()) = %+v, %v, want %+v", back, err, o)
	}
}

func TestLiveness(t *testing.T) {
	me, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Machine == "" {
		me.Machine = "m" // only compared with itself below
	}
	change := func(f func(*Owner)) Owner { o := me; f(&o); return o }
	rebooted := Dead
	if machine() == "" {
		rebooted = Unknown
	}
	for _, tt := range []struct {
		name string
		o    Owner
		want Liveness
	}{
		{"this process", me, Alive},
		{"same number, another start", change(func(o *Owner) { o.Start += "1" }), Dead},
		{"a number nobody has", change(func(o *Owner) { o.PID = 1 << 30 }), Dead},
		{"this machine before a reboot", change(func(o *Owner) { o.Boot = "x" }), rebooted},
		{"another machine", change(func(o *Owner) { o.Boot, o.Host = "x", "elsewhere" }), Unknown},
		{"another machine of the same name", change(func(o *Owner) { o.Boot, o.Machine = "x", "y" }), Unknown},
		{"a machine that has no id, of the same name", change(func(o *Owner) { o.Boot, o.Machine = "x", "" }), Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, why := tt.o.Liveness()
			if got != tt.want || (got == Unknown) != (why != "") {
				t.Errorf("Liveness() = %v, %q, want %v, and why if it is unknown", got, why, tt.want)
			}
			if tt.o.Alive() != (tt.want != Dead) {
				t.Errorf("Alive() = %v", tt.o.Alive())
			}
		})
	}
	if s := (Owner{Host: "h", Boot: "b", Space: "n", PID: 1, Start: "2"}).String(); s != "h/b/n/1/2" {
		t.Errorf("without a machine: %s", s)
	}
}

func TestChildStates(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	o, err := Of(pid)
	if err != nil {
		t.Fatal(err)
	}
	await := func(want State) {
		t.Helper()
		for range 500 {
			ps, err := Group(pid)
			if err == nil && len(ps) == 1 && ps[0].PID == pid && ps[0].State == want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		ps, err := Group(pid)
		t.Fatalf("group %d is %+v, %v; want one process in state %d", pid, ps, err, want)
	}
	await(Running)
	syscall.Kill(pid, syscall.SIGSTOP)
	await(Stopped)
	if !o.Alive() {
		t.Error("a stopped process counts as dead")
	}
	syscall.Kill(pid, syscall.SIGKILL)
	await(Zombie)
	if o.Alive() {
		t.Error("a zombie counts as alive")
	}
	cmd.Wait()
	if o.Alive() {
		t.Error("a process that is gone counts as alive")
	}
	if _, err := Of(pid); !errors.Is(err, ErrNoProcess) {
		t.Errorf("Of(gone) = %v, want ErrNoProcess", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "a/b/c/1", "a/b/c/0/1", "a/b/c/-1/1", "a/b/c/x/1", "/b/c/1/1", "a//c/1/1", "a/b/c/1/", "a/b/c/01/1", "a/b/c/1/1/", "a/b/c/1/1/1/1"} {
		if o, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", s, o)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("host/boot/ns/12/345")
	f.Add("////")
	f.Fuzz(func(t *testing.T, s string) {
		if o, err := Parse(s); err == nil && o.String() != s {
			t.Errorf("Parse(%q).String() = %q", s, o.String())
		}
	})
}
