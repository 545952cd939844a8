package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/freeport"
	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// The test binary is also the child: what it does then is in this variable.
const roleVar = "ORDEAL_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		play(role)
	}
	goleak.VerifyTestMain(m)
}

func play(role string) {
	switch role {
	case "serve": // until killed
		ln, err := net.Listen("tcp", os.Getenv("ADDR"))
		if err != nil {
			fmt.Fprintln(os.Stderr, "cannot listen:", err)
			os.Exit(3)
		}
		http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, os.Getpid())
		}))
	case "drain": // serves on after SIGTERM until the file FILE is there
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		go func() {
			<-told
			for {
				if _, err := os.Stat(os.Getenv("FILE")); err == nil {
					os.Exit(0)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		play("serve")
	case "wrapper", "setsid": // starts another role and waits; dies of SIGTERM
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), roleVar+"="+os.Getenv("WRAPPED"))
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: role == "setsid"}
		if err := c.Start(); err != nil {
			panic(err)
		}
		signal.Reset(syscall.SIGTERM)
		time.Sleep(time.Minute)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf")
		time.Sleep(time.Minute)
	case "complain":
		for i := range 20 {
			fmt.Println("line", i)
		}
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(2)
	case "family": // a leader with a child that would outlive it
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), roleVar+"=sleep")
		if err := c.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child", c.Process.Pid)
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Minute)
	case "parent": // starts a child through this package and waits to be killed
		p, err := Start(context.Background(), run("sleep"))
		if err != nil {
			panic(err)
		}
		fmt.Println("started", p.PID())
		time.Sleep(time.Minute)
	case "grandparent": // starts a family through this package and waits to be killed
		cfg := run("family")
		cfg.Log = os.Stdout
		if _, err := Start(context.Background(), cfg); err != nil {
			panic(err)
		}
		time.Sleep(time.Minute)
	// Half a core, by its own account and with short-lived children, and 100 MiB; answers with its
	// CPU time.
	case "burn":
		burn()
	case "breaker":
		breaker()
	}
	os.Exit(0)
}

const held = 100 << 20

// burn uses half a core. A part of that is what its children use, of which none lives long.
func burn() {
	memory, err := syscall.Mmap(-1, 0, held, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	go http.ListenAndServe(os.Getenv("ADDR"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, int64(cpuTime()))
	}))
	start, before := time.Now(), cpuTime()
	for {
		for float64(cpuTime()-before) < 0.5*float64(time.Since(start)) {
			exec.Command("true").Run()
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// cpuTime is that of this process and of its children that have ended.
func cpuTime() time.Duration {
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			panic(err)
		}
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return time.Duration(sum)
}

func run(role string, env ...string) Config {
	return Config{Name: role, Command: []string{os.Args[0]}, Env: append(env, roleVar+"="+role)}
}

func mustStart(t *testing.T, cfg Config) *Process {
	t.Helper()
	p, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func server(t *testing.T) Config {
	t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	cfg := run("serve", "ADDR="+addr)
	cfg.Ready = ready.Check{HTTP: "http://" + addr}
	return cfg
}

// eventually fails the test if cond does not come true within a time that only
// a hang takes.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func gone(pid int) bool {
	p, err := owner.Inspect(pid)
	return errors.Is(err, owner.ErrNoProcess) || err == nil && p.Ended()
}

// lockedBuffer is written by a child's output while the test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestKillAndStartAgain(t *testing.T) {
	p := mustStart(t, server(t))
	ctx := t.Context()
	first := p.PID()
	fault, err := (&chaos.Kill{Signal: "SIGKILL"}).Bind(p, "id", 0)
	if err != nil {
		t.Fatal(err)
	}
	state, err := fault.Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fault.Inject(ctx, state); err != nil {
		t.Fatal(err)
	}
	if !gone(first) {
		t.Errorf("process %d runs after the kill was proven", first)
	}
	if _, err := fault.Prepare(ctx); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("preparing to kill a dead process: %v", err)
	}
	for range 2 { // reverting is idempotent
		proof, err := fault.Revert(ctx, state)
		if err != nil {
			t.Fatal(err)
		}
		if proof.Caveat != "" || proof.Mechanism != "signal" {
			t.Errorf("proof %+v", proof)
		}
	}
	if p.PID() == first || gone(p.PID()) {
		t.Errorf("process %d runs after %d was killed, want a new one", p.PID(), first)
	}
	resp, err := http.Get(p.cfg.Ready.HTTP)
	if err != nil {
		t.Fatalf("it does not serve at the same address: %v", err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	select {
	case e := <-p.Exited():
		t.Errorf("the kill was reported as an exit: %v", e)
	default:
	}
}

func TestKillWithASignalThatIsIgnored(t *testing.T) {
	out := &lockedBuffer{}
	cfg := run("stubborn")
	cfg.Log = out
	p := mustStart(t, cfg)
	eventually(t, "the child ignores SIGTERM", func() bool { return strings.Contains(out.String(), "deaf") })
	fault, _ := (&chaos.Kill{Signal: "SIGTERM"}).Bind(p, "id", 0)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := fault.Inject(ctx, nil)
	if err == nil || !strings.Contains(err.Error(), "use SIGKILL") {
		t.Errorf("Inject = %v, want an error that says to use SIGKILL", err)
	}
	if err := p.Kill(t.Context(), "SIGWINCH"); err == nil {
		t.Error("a signal that is not in the list was sent")
	}
	stop, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	pid := p.PID()
	if err := p.Stop(stop); err != nil || !gone(pid) {
		t.Errorf("Stop of a process that ignores SIGTERM: %v, gone: %v", err, gone(pid))
	}
	if err := p.Start(t.Context()); err == nil {
		t.Error("a process that was stopped for good was started")
	}
}

func TestPause(t *testing.T) {
	out := &lockedBuffer{}
	cfg := run("family")
	cfg.Log = out
	p := mustStart(t, cfg)
	eventually(t, "the family is complete", func() bool { return strings.Contains(out.String(), "child") })
	fault, err := (&chaos.Pause{}).Bind(p, "id", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	state, err := fault.Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fault.Inject(ctx, state); err != nil {
		t.Fatal(err)
	}
	members, _ := owner.Group(p.PID())
	if len(members) != 2 || members[0].State != owner.Stopped || members[1].State != owner.Stopped {
		t.Errorf("the group is %+v, want two stopped processes", members)
	}
	if _, err := fault.Prepare(ctx); err == nil || !strings.Contains(err.Error(), "paused already") {
		t.Errorf("preparing to pause a paused process: %v", err)
	}
	for range 2 {
		if proof, err := fault.Revert(ctx, state); err != nil || proof.Caveat != "" {
			t.Errorf("Revert = %+v, %v", proof, err)
		}
	}
	if paused, err := p.Paused(ctx); err != nil || paused {
		t.Errorf("Paused = %v, %v after the revert", paused, err)
	}
	// Let go by somebody else.
	if _, err := fault.Inject(ctx, state); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(-p.PID(), syscall.SIGCONT)
	eventually(t, "it is let go", func() bool { paused, _ := p.Paused(ctx); return !paused })
	if proof, err := fault.Revert(ctx, state); err != nil || proof.Caveat == "" {
		t.Errorf("Revert of what somebody else let go = %+v, %v, want a caveat", proof, err)
	}
}

// startFamily starts a process that has started another, and returns both.
func startFamily(t *testing.T) (p *Process, child int) {
	t.Helper()
	out := &lockedBuffer{}
	cfg := run("family")
	cfg.Log = out
	p = mustStart(t, cfg)
	eventually(t, "the family is complete", func() bool { return strings.HasSuffix(out.String(), "\n") })
	child, _ = strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out.String(), "child ")))
	return p, child
}

func TestStopEndsAPausedFamily(t *testing.T) {
	p, child := startFamily(t)
	if err := p.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	leader := p.PID()
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !gone(leader) || child == 0 {
		t.Errorf("leader %d gone: %v, child %d", leader, gone(leader), child)
	}
	eventually(t, "the child is dead", func() bool { return gone(child) })
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestServiceLivesAsLongAsItsGroup(t *testing.T) {
	p, child := startFamily(t)
	syscall.Kill(p.PID(), syscall.SIGKILL) // the leader alone, and not by us
	select {
	case e := <-p.Exited():
		if e.Status != "its first process: signal: killed; others of its group run on" {
			t.Errorf("Exited reported %v", e)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("an unexpected end was not reported")
	}
	if life, _ := p.Life(t.Context()); life == "" || gone(child) {
		t.Fatalf("life %q, child gone: %v: expected the rest of the group to live on", life, gone(child))
	}
	syscall.Kill(child, syscall.SIGKILL)
	select {
	case e := <-p.Exited():
		if e.Status != "signal: killed" || !strings.Contains(e.String(), "family ended by itself (signal: killed)") {
			t.Errorf("Exited reported %v", e)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the end of the group was not reported")
	}
	if life, _ := p.Life(t.Context()); life != "" {
		t.Errorf("life %q after the group's end", life)
	}
	if err := p.Pause(t.Context()); err == nil {
		t.Error("a dead process was paused")
	}
	if err := p.Unpause(t.Context()); err != nil {
		t.Errorf("Unpause of a dead process: %v", err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Errorf("starting it again: %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	busy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer busy.Close()
	taken := run("serve", "ADDR="+busy.Listener.Addr().String())
	taken.Ready = ready.Check{HTTP: busy.URL}
	notReady := run("sleep")
	refused := "http://" + porttest.Refused(t)
	notReady.Ready, notReady.ReadyTimeout = ready.Check{HTTP: refused}, 150*time.Millisecond
	unwell := run("sleep")
	sick := httptest.NewServer(http.NotFoundHandler())
	defer sick.Close()
	unwell.Ready, unwell.ReadyTimeout = ready.Check{HTTP: sick.URL}, 150*time.Millisecond
	complain := run("complain")
	complain.Ready = ready.Check{HTTP: refused}
	notExec := filepath.Join(t.TempDir(), "data")
	os.WriteFile(notExec, []byte("x"), 0o600)
	for _, tt := range []struct {
		name string
		cfg  Config
		want []string
	}{
		{"no command", Config{Name: "x"}, []string{"expected a command"}},
		{"not in PATH", Config{Name: "x", Command: []string{"no-such-program"}}, []string{`no program "no-such-program" in PATH`}},
		{"no such file", Config{Name: "x", Command: []string{"./no/such"}}, []string{"there is no program ./no/such; build it first"}},
		{"no such folder", Config{Name: "x", Command: []string{"/bin/sh"}, Dir: "/no/such"}, []string{"folder /no/such is not there"}},
		{"not executable", Config{Name: "x", Command: []string{notExec}}, []string{"chmod +x"}},
		{"ends at once", complain, []string{"complain ended (exit status 2) before it was ready", "its last lines:", "line 19", "no database"}},
		{"never ready", notReady, []string{"was not ready after 150ms", "expected 2xx at " + refused, "refused", "printed nothing"}},
		{"unwell", unwell, []string{"was not ready after 150ms", "it answered 404"}},
		{"port in use", taken, []string{"before it was ready", "cannot listen", "something else answers at " + busy.URL}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Start(t.Context(), tt.cfg)
			if err == nil {
				p.Stop(t.Context())
				t.Fatal("it started")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "line 3\n") {
				t.Errorf("error %q holds more than the last lines", err)
			}
		})
	}
}

func TestStartIsGivenUpWithItsContext(t *testing.T) {
	cfg := run("sleep")
	cfg.Ready = server(t).Ready
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("ctrl-c")) })
	if _, err := Start(ctx, cfg); err == nil || !strings.Contains(err.Error(), "ctrl-c") {
		t.Errorf("Start = %v, want the context's cause", err)
	}
}

func TestChildDiesWithItsParent(t *testing.T) {
	if !parentDeathKills {
		t.Skip("skipped: only on Linux does the kernel kill the children of a dead process")
	}
	out := &lockedBuffer{}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=parent")
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the parent has a child", func() bool { return strings.HasSuffix(out.String(), "\n") })
	child, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out.String(), "started ")))
	if err != nil {
		t.Fatal(err)
	}
	// It must not die before: the thread that made it may not end.
	time.Sleep(200 * time.Millisecond)
	if gone(child) {
		t.Fatal("the child died while its parent lived")
	}
	cmd.Process.Kill()
	cmd.Wait()
	eventually(t, "the child is dead too", func() bool { return gone(child) })
}

func TestTailKeepsTheEnd(t *testing.T) {
	var log bytes.Buffer
	tl := newTail(&log)
	for i := range 10_000 {
		fmt.Fprintf(tl, "line %d\n", i)
	}
	if len(tl.last) > tailBytes || !strings.HasSuffix(tl.String(), "line 9998\nline 9999") || strings.Count(tl.String(), "\n") != tailLines-1 {
		t.Errorf("tail is %q", tl.String())
	}
	if !strings.HasPrefix(log.String(), "line 0\n") || strings.Count(log.String(), "\n") != 10_000 {
		t.Error("the log misses lines")
	}
}
