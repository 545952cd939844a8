package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

type server struct {
	version string
	port    int
	pid     int
	stop    func()
	used    int // addresses given away
}

// addresses are how many of the loopback nginx listens on. Each run takes the
// next: a closed connection holds its local port for a minute, towards one address.
// Measured with one for all: vegeta held 5,000/s on a fresh machine, and 450/s
// after its own collapse at 50,000/s. When they come round again, the minute is over.
const addresses = 64

// next is the server's URL, at another address each time.
func (s *server) next() string {
	s.used++
	return fmt.Sprintf("http://127.0.0.%d:%d", 1+s.used%addresses, s.port)
}

const nginxConf = `daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server { %s location / { default_type text/plain; return 200 "ok\n"; } }
}
`

// startServer starts nginx on its core, on a free port of the loopback.
func startServer(ctx context.Context, taskset, dir string) (*server, error) {
	bin, version, err := debian(ctx, "nginx")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	var listen strings.Builder
	for i := range addresses {
		fmt.Fprintf(&listen, "listen 127.0.0.%d:%d backlog=4096; ", 1+i, port)
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, listen.String()), 0o600); err != nil {
		return nil, err
	}
	// Not bound to ctx: an interrupt stops the generator first, then the server.
	cmd := exec.Command(
		taskset,
		"-c",
		fmt.Sprint(serverCore),
		bin,
		"-e",
		"stderr",
		"-p",
		dir,
		"-c",
		conf,
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	s := &server{version: version, port: port, pid: cmd.Process.Pid, stop: func() {
		_ = cmd.Process.Kill()
		<-exited
	}}
	for range 100 {
		if resp, err := http.Get(s.next()); err == nil {
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
