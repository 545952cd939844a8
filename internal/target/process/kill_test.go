package process

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-1574e9de/ordeal/chaos"
)

// bind is a kill of p, prepared.
func bind(t *testing.T, p *Process, signal string) (chaos.Fault, chaos.State) {
	t.Helper()
	fault, err := (&chaos.Kill{Signal: signal}).Bind(p, "id", 0)
	if err != nil {
		t.Fatal(err)
	}
	state, err := fault.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fault, state
}

// outcome is what a method of a Fault returned.
type outcome struct {
	proof chaos.Proof
	err   error
}

func later(f func() (chaos.Proof, error)) <-chan outcome {
	out := make(chan outcome, 1)
	go func() {
		proof, err := f()
		out <- outcome{proof, err}
	}()
	return out
}

// ask returns who answers at the service's address, "" if nobody does.
func ask(p *Process) string {
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(p.cfg.Ready.HTTP)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// draining is a server that serves on after SIGTERM until the file is made.
func draining(t *testing.T, wrapper string) (cfg Config, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "end")
	cfg = server(t)
	role := roleVar + "=drain"
	if wrapper != "" {
		role = roleVar + "=" + wrapper
	}
	cfg.Env = []string{cfg.Env[0], "FILE=" + file, "WRAPPED=drain", role}
	return cfg, file
}

// wantAnother says that nobody answers in p, or that the one from before does.
func wantAnother(t *testing.T, p *Process, before string) {
	t.Helper()
	if got := ask(p); got == "" || got == before {
		t.Errorf("%q answers after the revert, want another than %q", got, before)
	}
}

func TestServerThatOutlivesItsWrapper(t *testing.T) {
	if !parentDeathKills {
		t.Skip("skipped: elsewhere than on Linux a group ends with its first process")
	}
	cfg, file := draining(t, "wrapper")
	p := mustStart(t, cfg)
	fault, state := bind(t, p, "SIGTERM")
	leader, server := p.PID(), ask(p)
	injected := later(func() (chaos.Proof, error) { return fault.Inject(t.Context(), state) })
	eventually(t, "the wrapper is dead", func() bool { return gone(leader) })
	// It is told once more that it is to end, and goes on: nobody kills it.
	p.Kill(t.Context(), "SIGTERM")
	if got := ask(p); got != server || server == strconv.Itoa(leader) {
		t.Fatalf("the server %s answers as %q after its wrapper's end", server, got)
	}
	select {
	case o := <-injected:
		t.Fatalf("Inject = %+v while the server serves", o)
	default:
	}
	os.WriteFile(file, nil, 0o600)
	if o := <-injected; o.err != nil || !strings.Contains(o.proof.Evidence, "after SIGTERM") {
		t.Fatalf("Inject = %+v", o)
	}
	os.Remove(file)
	if proof, err := fault.Revert(t.Context(), state); err != nil || proof.Caveat != "" {
		t.Errorf("Revert = %+v, %v", proof, err)
	}
	wantAnother(t, p, server)
	os.WriteFile(file, nil, 0o600) // so that stopping it takes no time
}

func TestLateDeathIsAwaitedAndUndone(t *testing.T) {
	cfg, file := draining(t, "")
	p := mustStart(t, cfg)
	fault, state := bind(t, p, "SIGTERM")
	server := ask(p)
	over, end := context.WithCancel(t.Context())
	injected := later(func() (chaos.Proof, error) { return fault.Inject(over, state) })
	end() // the run is over before the target died
	if o := <-injected; o.err == nil {
		t.Fatalf("Inject = %+v of a server that drains", o)
	}
	reverted := later(func() (chaos.Proof, error) { return fault.Revert(t.Context(), state) })
	if got := ask(p); got != server {
		t.Fatalf("the draining server answers as %q", got)
	}
	select {
	case o := <-reverted:
		t.Fatalf("Revert = %+v while the death is yet to come", o)
	default:
	}
	os.WriteFile(file, nil, 0o600)
	o := <-reverted
	if o.err != nil || !strings.Contains(o.proof.Evidence, "after it had died of SIGTERM") {
		t.Errorf("Revert = %+v", o)
	}
	wantAnother(t, p, server)
}

func TestServerThatLeftItsGroupIsNotKilled(t *testing.T) {
	cfg := server(t)
	cfg.Env = []string{cfg.Env[0], "WRAPPED=serve", roleVar + "=setsid"}
	p := mustStart(t, cfg)
	server, _ := strconv.Atoi(ask(p))
	t.Cleanup(func() { syscall.Kill(server, syscall.SIGKILL) })
	fault, state := bind(t, p, "SIGKILL")
	proof, err := fault.Inject(t.Context(), state)
	if err == nil || !strings.Contains(err.Error(), cfg.Ready.HTTP+" still answers") || !strings.Contains(err.Error(), "setsid") {
		t.Errorf("Inject = %+v, %v though the service serves on", proof, err)
	}
	// It serves, as before; so does whatever the service starts again.
	if proof, err := fault.Revert(t.Context(), state); err != nil || ask(p) == "" {
		t.Errorf("Revert = %+v, %v, and %q answers", proof, err, ask(p))
	}
}

func TestSignalThatIsIgnoredIsNotSent(t *testing.T) {
	out := &lockedBuffer{}
	cfg := run("stubborn")
	cfg.Log = out
	p := mustStart(t, cfg)
	eventually(t, "the child ignores SIGTERM", func() bool { return strings.Contains(out.String(), "deaf") })
	fault, state := bind(t, p, "SIGTERM")
	pid := p.PID()
	if _, err := fault.Inject(t.Context(), state); err == nil || !strings.Contains(err.Error(), "ignores SIGTERM") {
		t.Errorf("Inject = %v", err)
	}
	if proof, err := fault.Revert(t.Context(), state); err != nil || p.PID() != pid || !strings.Contains(proof.Evidence, "no signal was sent") {
		t.Errorf("Revert = %+v, %v, and %d became %d", proof, err, pid, p.PID())
	}
	p.Kill(t.Context(), "SIGKILL") // or stopping it would take its time
}

func TestWithoutReadyTheAddressIsWatched(t *testing.T) {
	cfg := server(t)
	cfg.Addr, cfg.Ready.HTTP = strings.TrimPrefix(cfg.Ready.HTTP, "http://"), ""
	p := mustStart(t, cfg)
	eventually(t, "it listens", func() bool { at, _ := p.Serves(t.Context()); return len(at) > 0 })
	fault, state := bind(t, p, "SIGKILL")
	if _, err := fault.Inject(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if at, err := p.Serves(t.Context()); err != nil || len(at) > 0 {
		t.Errorf("a dead service serves at %v (%v)", at, err)
	}
	if _, err := fault.Revert(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if at, err := p.Serves(t.Context()); err != nil || len(at) != 1 || at[0] != "tcp://"+cfg.Addr {
		t.Errorf("after the undo it serves at %v (%v)", at, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Serves(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Serves with a context that has ended: %v", err)
	}
}
