package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-1574e9de/ordeal/internal/freeport"
	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// Rules that a busy machine can break: limits of latency, and recovery, which ends
// only when answers come as fast as before.
var (
	latencyLimit = regexp.MustCompile(`(?m)^(  - .*p[0-9.]+ < )([0-9]+m?s)$`)
	recoveryRule = regexp.MustCompile(`(?m)^  - (fault.*recovery < .*)$`)
)

// relax copies a scenario, lifts its lateness budget, makes its limits of latency
// ten times as high, and lets recovery only warn: whether a busy machine can drive
// it and answer in time is not what the scripts test.
//
//	relax FROM TO
func relax(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: relax FROM TO")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	s := regexp.MustCompile(`(?m)^attack:.*$`).ReplaceAllString(string(b), "attack:\n  late_budget: 10m")
	if s == string(b) {
		ts.Fatalf("%s has no attack: to relax", args[0])
	}
	s = strings.ReplaceAll(s, "data: ../", "data: "+filepath.Dir(filepath.Dir(ts.MkAbs(args[0])))+"/")
	s = latencyLimit.ReplaceAllStringFunc(s, func(rule string) string {
		m := latencyLimit.FindStringSubmatch(rule)
		limit, err := time.ParseDuration(m[2])
		ts.Check(err)
		return fmt.Sprintf("%s%dms", m[1], 10*limit.Milliseconds())
	})
	s = recoveryRule.ReplaceAllString(s, "  - { kpi: $1, severity: warn }")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(s), 0o644))
}

// supervise runs a program until its output so far matches a pattern, sends it a
// signal (INT, QUIT, KILL, INTINT for two in a row, none for none), and waits for its
// end, which must be with the exit code given. Its output is left in the files
// out and err, its process id in $PIDS for nothing left.
//
//	supervise SIGNAL CODE PATTERN PROGRAM ARGS...
func supervise(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: supervise SIGNAL CODE PATTERN PROGRAM ARGS...")
	}
	code, err := strconv.Atoi(args[1])
	ts.Check(err)
	pattern, err := regexp.Compile(args[2])
	ts.Check(err)
	program, args := args[3], slices.Delete(slices.Clone(args), 1, 4)
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, program); !strings.Contains(program, "/") {
			if _, err := os.Stat(p); err == nil {
				program = p
			}
		}
	}
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "ORDEAL_STATE_DIR", "DOCKER_HOST", "TMPDIR", "STRAY", "STRAY_PORT", "STRAY_IP", "TAKEN", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SHOP", "GITHUB_STEP_SUMMARY"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	stderr, err := os.Create(ts.MkAbs("err"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stderr = stderr
	ts.Check(cmd.Start())
	ts.Setenv("PIDS", fmt.Sprintf("%s %d ", ts.Getenv("PIDS"), cmd.Process.Pid))
	stuck := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
	defer stuck.Stop()

	var out strings.Builder
	matched := pattern.String() == "" // nothing to wait for
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		fmt.Fprintln(&out, lines.Text())
		if matched || !pattern.MatchString(out.String()) {
			continue
		}
		matched = true
		switch args[0] {
		case "KILL":
			cmd.Process.Kill()
		case "INTINT":
			cmd.Process.Signal(syscall.SIGINT)
			time.Sleep(200 * time.Millisecond)
			fallthrough
		case "INT":
			cmd.Process.Signal(syscall.SIGINT)
		case "QUIT":
			cmd.Process.Signal(syscall.SIGQUIT)
		}
	}
	cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(out.String()), 0o644))
	b, _ := os.ReadFile(ts.MkAbs("err"))
	ts.Logf("exit %d\n[out]\n%s[err]\n%s", cmd.ProcessState.ExitCode(), out.String(), b)
	if !matched {
		ts.Fatalf("%s never came", pattern)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		ts.Fatalf("exit %d, want %d", got, code)
	}
}

// newEngineClient reaches for the engine that the script uses.
func newEngineClient(ts *testscript.TestScript) (*client.Client, error) {
	opts := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if host := ts.Getenv("DOCKER_HOST"); host != "" {
		opts = append(opts, client.WithHost(host))
	}
	return client.NewClientWithOpts(opts...)
}

// nothing fails if the journal still has an entry, or, with left, the engine
// anything that a supervised process of this script made. Other tests use the
// engine at the same time, which is why it does not ask ordeal heal.
//
//	nothing pending
//	nothing left
func nothing(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "left" && args[0] != "pending" {
		ts.Fatalf("usage: nothing left|pending")
	}
	if entries, err := os.ReadDir(filepath.Join(ts.Getenv("ORDEAL_STATE_DIR"), "journal")); err == nil && len(entries) > 0 {
		ts.Fatalf("the journal still holds %v", entries)
	}
	if args[0] == "pending" {
		return
	}
	cli, err := newEngineClient(ts)
	ts.Check(err)
	defer cli.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	labelled := filters.NewArgs(filters.Arg("label", "ordeal.run"))
	containers, err := cli.ContainerList(ctx, container.ListOptions{All: true, Filters: labelled})
	ts.Check(err)
	networks, err := cli.NetworkList(ctx, network.ListOptions{Filters: labelled})
	ts.Check(err)
	images, err := cli.ImageList(ctx, image.ListOptions{All: true, Filters: labelled})
	ts.Check(err)
	left := 0
	look := func(what string, labels map[string]string) {
		o, err := owner.Parse(labels["ordeal.owner"])
		if err != nil {
			return // another test's, which names owners as it likes
		}
		if strings.Contains(ts.Getenv("PIDS"), fmt.Sprintf(" %d ", o.PID)) {
			ts.Logf("left: %s %v", what, labels)
			left++
		}
	}
	for _, c := range containers {
		look(fmt.Sprint("container ", c.Names), c.Labels)
	}
	for _, n := range networks {
		look("network "+n.Name, n.Labels)
	}
	for _, i := range images {
		look(fmt.Sprint("image ", i.RepoTags), i.Labels)
	}
	if left > 0 {
		ts.Fatalf("%d things were left in the engine", left)
	}
}

// taken listens on a port until the script's end, and leaves it in $TAKEN.
//
//	taken
func taken(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: taken")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { ln.Close() })
	_, port, err := net.SplitHostPort(ln.Addr().String())
	ts.Check(err)
	ts.Setenv("TAKEN", port)
}

// serveShop serves a page at /products, and no other, until the script's end, and
// leaves its address in $SHOP.
//
//	shop
func serveShop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: shop")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/products", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") })
	srv := httptest.NewServer(mux)
	ts.Defer(srv.Close)
	ts.Setenv("SHOP", srv.URL)
}

// stray runs a container of the user's own, named after the script's folder,
// from an image made of the program, or removes it with all that belongs to
// it; the name is left in $STRAY. With own it is alone in a network, so that its address
// stays the same when it is started again, whatever other scripts start and remove.
//
//	stray up [own]
//	stray down
func stray(ts *testscript.TestScript, neg bool, args []string) {
	own := len(args) == 2 && args[1] == "own"
	if neg || len(args) != 1 && !own {
		ts.Fatalf("usage: stray up [own], or stray down")
	}
	cli, err := newEngineClient(ts)
	ts.Check(err)
	defer cli.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// Scripts run beside each other, and each has a folder of its own.
	name := fmt.Sprintf("stray-%d-%s", os.Getpid(), strings.ToLower(filepath.Base(ts.MkAbs("."))))
	if args[0] == "down" {
		cli.ContainerRemove(ctx, name, container.RemoveOptions{Force: true})
		cli.ImageRemove(ctx, name+":test", image.RemoveOptions{Force: true})
		cli.NetworkRemove(ctx, name)
		return
	}
	ts.Defer(func() { stray(ts, false, []string{"down"}) })
	importImage(ts, ctx, cli, name+":test")
	// One that the engine chooses would be another after a restart, which kill refuses.
	port, err := freeport.Pick()
	ts.Check(err)
	host := &container.HostConfig{PortBindings: portMap("8080/tcp", port)}
	if own {
		_, err := cli.NetworkCreate(ctx, name, network.CreateOptions{})
		ts.Check(err)
		host.NetworkMode = container.NetworkMode(name)
	}
	created, err := cli.ContainerCreate(ctx, &container.Config{
		Image: name + ":test", Cmd: []string{"demo", "api", "--listen", "0.0.0.0:8080"},
		Labels:       map[string]string{"com.docker.compose.project": name, "com.docker.compose.service": "api"},
		ExposedPorts: portSet("8080/tcp"),
	}, host, nil, nil, name)
	ts.Check(err)
	ts.Check(cli.ContainerStart(ctx, created.ID, container.StartOptions{}))
	info, err := cli.ContainerInspect(ctx, created.ID)
	ts.Check(err)
	ts.Setenv("STRAY", name)
	ts.Setenv("STRAY_PORT", info.NetworkSettings.Ports["8080/tcp"][0].HostPort)
	for _, n := range info.NetworkSettings.Networks { // the only one
		ts.Setenv("STRAY_IP", n.IPAddress)
	}
}

// importImage makes an image of the static program.
func importImage(ts *testscript.TestScript, ctx context.Context, cli *client.Client, ref string) {
	tarball, err := exec.Command("tar", "-C", filepath.Dir(ts.Getenv("STATIC")), "-c", "ordeal").Output()
	ts.Check(err)
	r, err := cli.ImageImport(ctx, image.ImportSource{Source: strings.NewReader(string(tarball)), SourceName: "-"}, ref,
		image.ImportOptions{Changes: []string{`ENTRYPOINT ["/ordeal"]`}})
	ts.Check(err)
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	ts.Check(err)
}

func portSet(p nat.Port) nat.PortSet { return nat.PortSet{p: {}} }

func portMap(p nat.Port, host int) nat.PortMap {
	return nat.PortMap{p: {{HostIP: "127.0.0.1", HostPort: strconv.Itoa(host)}}}
}
