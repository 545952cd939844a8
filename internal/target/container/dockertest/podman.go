package dockertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// requirePodman is the variable that turns a missing podman from a skip to a failure.
const requirePodman = "ORDEAL_REQUIRE_PODMAN"

// Podman serves podman's API on a socket of its own, with storage of its own,
// until the test's end, and returns the socket's address. It skips the test
// loudly if there is no podman that can, and fails it instead if
// ORDEAL_REQUIRE_PODMAN is 1.
func Podman(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("podman")
	if err == nil && os.Geteuid() != 0 {
		err = fmt.Errorf("podman's containers need root to be impaired")
	}
	if err != nil {
		if os.Getenv(requirePodman) == "1" {
			t.Fatalf("%s=1, and podman is needed: %v", requirePodman, err)
		}
		t.Skipf("SKIP needs podman, and root: %v", err)
	}
	// Short, as the path of a socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "podman")
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "containers.conf")
	// podman asks for more open files than a test machine may have to give.
	if err := os.WriteFile(conf, []byte("[containers]\ndefault_ulimits = [\"nofile=1024:1024\", "+
		"\"nproc=1024:1024\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	podman := func(args ...string) *exec.Cmd {
		cmd := exec.Command(program, append([]string{
			"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs",
		}, args...)...)
		cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+conf)
		return cmd
	}
	socket := filepath.Join(dir, "s")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	service := podman("system", "service", "-t", "0", "unix://"+socket)
	service.Stdout, service.Stderr = log, log
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("podman's service said: %s", said)
		}
		// What the test has left, so that nothing of it keeps running.
		if out, err := podman("rm", "--all", "--force").CombinedOutput(); err != nil {
			t.Errorf("removing podman's containers: %v\n%s", err, out)
		}
		service.Process.Kill()
		service.Wait()
		log.Close()
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing podman's storage: %v", err)
		}
	})
	for range 600 {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return "unix://" + socket
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("podman's service does not listen")
	return ""
}
