package shop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asShop makes the test binary run Main in place of its tests, so that a test
// can kill a real process.
const asShop = "ORDEAL_TEST_AS_SHOP"

func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// startProcess runs a part of the shop as a process and returns its address.
func startProcess(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asShop+"=1", "PORT=0")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v printed no address: %v", args, err)
	}
	_, addr, ok := strings.Cut(line, "http://")
	if !ok {
		t.Fatalf("%v printed %q, expected an address", args, line)
	}
	addr, _, _ = strings.Cut(strings.TrimSpace(addr), ",")
	return cmd, addr
}

func client(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestCommandLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	tests := []struct {
		name string
		args []string
		port string
		code int
		out  string
		err  string
	}{
		{name: "help", args: []string{"--help"}, out: "usage: ordeal demo"},
		{name: "help of a part", args: []string{"gateway", "--help"}, out: "--no-retries"},
		{name: "unknown part", args: []string{"shopp"}, code: 2, err: `expected shop, gateway, api or auth, found "shopp"`},
		{name: "unknown flag", args: []string{"api", "--retries", "2"}, code: 2, err: "unknown flag: --retries"},
		{name: "argument", args: []string{"api", "x"}, code: 2, err: `expected flags only, found "x"`},
		{name: "no api", args: []string{"gateway"}, code: 2, err: "expected at least one --api HOST:PORT"},
		{name: "bad api", args: []string{"gateway", "--api", "localhost"}, code: 2, err: `found "localhost"`},
		{name: "negative retries", args: []string{"gateway", "--api", "a:1", "--retries", "-1"}, code: 2, err: "at least 0, found -1"},
		{name: "no try timeout", args: []string{"gateway", "--api", "a:1", "--try-timeout", "0s"}, code: 2, err: "above 0, found 0s"},
		{name: "port in use", args: []string{"api", "--listen", taken.Addr().String()}, code: 2, err: taken.Addr().String() + ": another program already does"},
		{name: "shop on a port in use", args: []string{"--listen", taken.Addr().String()}, code: 2, err: "another program already does"},
		{name: "bad PORT", args: []string{"api"}, port: "http", code: 2, err: `PORT, found "http"`},
		{name: "bad address", args: []string{"api", "--listen", "nowhere"}, code: 2, err: "expected HOST:PORT"},
		{name: "foreign address", args: []string{"api", "--listen", "192.0.2.1:80"}, code: 2, err: "cannot listen on 192.0.2.1:80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			getenv := func(k string) string { return map[string]string{"PORT": tt.port}[k] }
			if code := run(t.Context(), tt.args, getenv, &out, &errs); code != tt.code {
				t.Errorf("exit %d, expected %d", code, tt.code)
			}
			if !strings.Contains(out.String(), tt.out) || !strings.Contains(errs.String(), tt.err) {
				t.Errorf("stdout %q, expected %q\nstderr %q, expected %q", out.String(), tt.out, errs.String(), tt.err)
			}
		})
	}
}

func TestDefaultAddressIsLoopbackAndPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"api"}, func(string) string { return port }, w, t.Output())
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.Contains(line, "http://127.0.0.1:"+port) {
		t.Errorf("printed %q, %v", line, err)
	}
	cancel()
	if c := <-code; c != 0 {
		t.Errorf("exit %d after a stop, expected 0", c)
	}
}

// The whole shop, as a person would play with it.
func TestShop(t *testing.T) {
	cmd, addr := startProcess(t, "shop")
	c := client(t)
	url := "http://" + addr
	served := make(map[string]bool)
	for range 6 {
		resp, err := c.Get(url + "/products")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d", resp.StatusCode)
		}
		served[resp.Header.Get("X-Served-By")] = true
	}
	if len(served) != 2 {
		t.Errorf("served by %v, expected two apis in turn", served)
	}
	resp, err := c.Post(url+"/checkout", "", strings.NewReader(`{"sku":"tea-1","qty":2}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("checkout: status %d, expected 201", resp.StatusCode)
	}
	if status, body := get(t, c, url+"/readyz"); status != http.StatusOK || strings.Count(body, `"up"`) != 2 {
		t.Errorf("readyz: %d %s", status, body)
	}
	c.CloseIdleConnections()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, expected exit 0", err)
	}
}

// A request that is being served when SIGTERM comes is answered.
func TestDrain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	inside, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- serve(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(inside)
			<-ctx.Done()
			fmt.Fprint(w, "made it")
		}))
	}()
	go func() {
		<-inside
		cancel()
	}()
	if status, body := get(t, client(t), "http://"+ln.Addr().String()); status != 200 || body != "made it" {
		t.Errorf("%d %q", status, body)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
