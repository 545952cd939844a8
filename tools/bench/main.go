// Bench measures ordeal beside its peers in one sitting, and writes what came
// out: same server, same pinning, interleaved rounds, medians. It is run by
// `make bench`, and lies in the tools module so that users' builds never see it.
//
// The generator has one core to itself and nginx another. Each tool's figures
// are those it prints itself; CPU and memory are the kernel's.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	generatorCore = 0
	serverCore    = 1
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func bench(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		bin     = flags.String("ordeal", "", "the ordeal binary to measure")
		cache   = flags.String("cache", "", "folder that keeps the peers once they are built")
		out     = flags.String("out", "", "file to write the report to")
		rounds  = flags.Int("rounds", 3, "how often everything is measured")
		seconds = flags.Int("seconds", 3, "how long each measurement lasts")
		rates   = flags.String("rates", "5000 20000 50000", "arrivals per second of the open loop")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	loads, err := loads(*rates)
	switch {
	case err != nil:
		return err
	case *bin == "" || *cache == "" || *out == "":
		return errors.New("-ordeal, -cache and -out are needed: use make bench")
	case *rounds < 1 || *seconds < 1:
		return errors.New("ROUNDS and SECONDS must be at least 1")
	case runtime.GOOS != "linux":
		return errors.New("needs Linux: it pins with taskset and reads /proc")
	case runtime.NumCPU() < 2:
		return errors.New("needs two cores: one for the generator, one for the server")
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return errors.New("taskset was not found: install the package util-linux")
	}

	version, err := exec.CommandContext(ctx, *bin, "version").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", *bin, err)
	}
	tools := []tool{
		ordeal(*bin, strings.TrimPrefix(strings.TrimSpace(string(version)), "ordeal "), "fast"),
		ordeal(*bin, "the same", "http"),
	}
	wrkBin, wrkVersion, err := debian(ctx, "wrk")
	t := wrk(wrkBin, wrkVersion)
	t.Missing = reason(err)
	tools = append(tools, t)
	for _, m := range modules {
		bin, err := install(ctx, *cache, m.name, m.path, m.version)
		t := m.tool(bin, m.version)
		t.Missing = reason(err)
		tools = append(tools, t)
	}
	tools = append(tools, tool{Name: "wrk2", Missing: "not measured: neither a Debian package nor a Go module"})

	work, err := os.MkdirTemp("", "ordeal-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	srv, err := startServer(ctx, taskset, work)
	if err != nil {
		return err
	}
	defer srv.stop()

	s := sitting{
		Rounds: *rounds, Each: time.Duration(*seconds) * time.Second, Loads: loads, Tools: tools,
		Machine: machine(), Server: "nginx " + srv.version, Date: time.Now().UTC().Format(time.DateOnly),
		runs: make(map[key][]outcome), spent: make(map[key]bool),
	}
	for round := range *rounds {
		for _, rate := range loads {
			for i := range tools {
				// Another one goes first in each round, so that none always follows the same.
				t := tools[(i+round)%len(tools)]
				k := key{t.Name, rate}
				if t.why(rate) != "" || s.spent[k] {
					continue
				}
				o := measure(ctx, taskset, t, job{URL: srv.url, Rate: rate, Duration: s.Each, Dir: filepath.Join(work, "job")}, srv.pid)
				if ctx.Err() != nil {
					return errors.New("interrupted: nothing was written")
				}
				s.runs[k] = append(s.runs[k], o)
				if held, limit := ports(); held > limit {
					s.spent[k] = true
				}
				progress("round %d of %d  %-14s %-12s %s", round+1, *rounds, load(rate), t.Name, o)
			}
		}
	}
	if err := os.WriteFile(*out, s.markdown(), 0o644); err != nil {
		return err
	}
	progress("wrote %s", filepath.Base(*out))
	return nil
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	progress("missing: %v", err)
	return "missing: " + public(err.Error())
}

// loads are the rates to measure, 0 for the peak of the closed loop before them.
func loads(rates string) ([]int, error) {
	out := []int{0}
	for _, f := range strings.Fields(rates) {
		n, err := strconv.Atoi(f)
		if err != nil || n < connections {
			return nil, fmt.Errorf("RATES: expected whole numbers of at least %d, found %q", connections, f)
		}
		out = append(out, n)
	}
	return out, nil
}

func load(rate int) string {
	if rate == 0 {
		return "closed loop"
	}
	return thousands(int64(rate)) + "/s"
}

// outcome is one run as the tool and the kernel saw it.
type outcome struct {
	figures
	CPU    time.Duration // user and system time of the generator
	RSS    int64         // bytes, at most
	Others float64       // share of the two cores that neither generator nor server used, but was used
	Err    string        // why there are no figures
	Doubt  string        // what the tool itself says against them
}

func (o outcome) String() string {
	if o.Err != "" {
		return o.Err
	}
	return fmt.Sprintf("%s/s  p50 %s  p99 %s  CPU %s  %s MiB  others %.0f%%",
		thousands(int64(o.Rate)), short(o.P50), short(o.P99), short(o.CPU), thousands(o.RSS>>20), 100*o.Others)
}

// measure runs one tool once.
func measure(ctx context.Context, taskset string, t tool, j job, server int) (o outcome) {
	fail := func(err error) outcome { return outcome{Err: public(err.Error())} }
	if err := errors.Join(os.RemoveAll(j.Dir), os.MkdirAll(j.Dir, 0o700)); err != nil {
		return fail(err)
	}
	c, err := t.start(j)
	if err != nil {
		return fail(err)
	}
	o.Doubt = drain(ctx)
	ctx, cancel := context.WithTimeout(ctx, j.Duration+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, taskset, append([]string{"-c", fmt.Sprint(generatorCore)}, c.Args...)...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdin = strings.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr

	before, servedBefore := busy(), cpuOf(server)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	peak := watchRSS(cmd.Process.Pid)
	err = cmd.Wait()
	took := time.Since(begin)
	o.RSS = peak()
	o.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	others := busy() - before - o.CPU - (cpuOf(server) - servedBefore)
	o.Others = max(0, others.Seconds()/(2*took.Seconds()))
	if ctx.Err() != nil {
		return fail(fmt.Errorf("not done %s after its time", 30*time.Second))
	}
	if err != nil {
		doubt := ""
		if t.doubts != nil {
			doubt = t.doubts(cmd.ProcessState.ExitCode())
		}
		if o.Doubt = doubt; doubt == "" {
			return fail(fmt.Errorf("%w: %s", err, lastLine(append(stdout.Bytes(), stderr.Bytes()...))))
		}
	}
	text := stdout.Bytes()
	if t.after != nil {
		if text, err = t.after(ctx, j); err != nil {
			return fail(err)
		}
	}
	if o.figures, err = t.parse(text); err != nil {
		return fail(err)
	}
	return o
}

// drain waits until at most half of the local ports are still held by closed
// connections (for a minute, by TIME_WAIT) of the tools before. Measured without:
// vegeta held 5,000/s on a fresh machine, and 450/s after its own collapse at
// 50,000/s. It says what is left if they do not go.
func drain(ctx context.Context) string {
	for begin := time.Now(); ; {
		held, limit := ports()
		switch {
		case held <= limit:
			return ""
		case ctx.Err() != nil || time.Since(begin) > 70*time.Second:
			return fmt.Sprintf("began while %s local ports were held by closed connections", thousands(int64(held)))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// ports is how many connections hold a local port in TIME_WAIT, and how many
// may before it counts: half of the ports there are.
func ports() (held, limit int) {
	b, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	var from, to int
	if n, _ := fmt.Sscan(string(b), &from, &to); n != 2 {
		return 0, 0 // nothing is known of ports here
	}
	b, _ = os.ReadFile("/proc/net/sockstat")
	return timeWait(b), (to - from) / 2
}

// timeWait is the number of connections in TIME_WAIT in /proc/net/sockstat.
func timeWait(sockstat []byte) int {
	for line := range strings.Lines(string(sockstat)) {
		f := strings.Fields(line)
		if i := slices.Index(f, "tw"); i > 0 && f[0] == "TCP:" && i+1 < len(f) {
			n, _ := strconv.Atoi(f[i+1])
			return n
		}
	}
	return 0
}

// watchRSS follows a process's peak memory until the returned function is
// called. The rusage of a child would not do: Linux counts the memory of the
// one who forked it, too.
func watchRSS(pid int) (peak func() int64) {
	var most int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
				most = max(most, highWater(b))
			}
		}
	}()
	return func() int64 { close(stop); <-done; return most }
}

// highWater is VmHWM of /proc/PID/status in bytes; 0 if it is not there.
func highWater(status []byte) int64 {
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// tick is the unit of CPU times in /proc: Linux shows user space 100 a second.
const tick = 10 * time.Millisecond

// busy is the time that the two cores have worked for processes.
func busy() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	return busyIn(b, generatorCore, serverCore)
}

// busyIn adds up user, nice and system time of cores in /proc/stat, interrupts,
// and what a hypervisor took. Interrupts belong in: kernels count those that a
// process's packets cause as that process's own time, too, and without them
// the work of others hid behind the difference.
func busyIn(stat []byte, cores ...int) (sum time.Duration) {
	for line := range strings.Lines(string(stat)) {
		f := strings.Fields(line)
		for _, c := range cores {
			if len(f) > 8 && f[0] == fmt.Sprintf("cpu%d", c) {
				for _, i := range []int{1, 2, 3, 6, 7, 8} {
					n, _ := strconv.ParseInt(f[i], 10, 64)
					sum += time.Duration(n) * tick
				}
			}
		}
	}
	return sum
}

// cpuOf is the CPU time of a running process.
func cpuOf(pid int) time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, tail, _ := bytes.Cut(b, []byte(") ")) // the name may hold blanks
	f := strings.Fields(string(tail))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * tick
}

type server struct {
	url, version string
	pid          int
	stop         func()
}

const nginxConf = `daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server { listen %s backlog=4096; location / { default_type text/plain; return 200 "ok\n"; } }
}
`

// startServer starts nginx on a free port of the loopback, on its core.
func startServer(ctx context.Context, taskset, dir string) (*server, error) {
	bin, version, err := debian(ctx, "nginx")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	_ = l.Close()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, addr), 0o600); err != nil {
		return nil, err
	}
	// Not bound to ctx: an interrupt stops the generator first, then the server.
	cmd := exec.Command(taskset, "-c", fmt.Sprint(serverCore), bin, "-e", "stderr", "-p", dir, "-c", conf)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	s := &server{url: "http://" + addr, version: version, pid: cmd.Process.Pid, stop: func() {
		_ = cmd.Process.Kill()
		<-exited
	}}
	for range 100 {
		if resp, err := http.Get(s.url + "/"); err == nil {
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(body) != "ok\n" {
				s.stop()
				return nil, fmt.Errorf("nginx answered %q", body)
			}
			return s, nil
		}
		select {
		case <-exited:
			return nil, fmt.Errorf("nginx ended: %s", lastLine(stderr.Bytes()))
		case <-ctx.Done():
			s.stop()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.stop()
	return nil, errors.New("nginx does not answer after 5s")
}
