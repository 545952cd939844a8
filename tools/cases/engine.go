package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// container is a container of this program's serve, on port 8080. In variables of
// its name in capitals are the container's name (API), the address on this machine
// (API_ADDR), and its own address in the engine's network (API_IP).
type container struct {
	Name    string   `json:"name"`
	Args    []string `json:"args"`    // of serve
	Options []string `json:"options"` // of docker run
	Health  string   `json:"health"`  // the interval of a health check; none: no health check
	// AnyPort leaves the port on this machine to the engine, which takes another one
	// at each start.
	AnyPort bool `json:"any_port"`
}

// label is on every container and image that the cases make.
const label = "ordeal.case"

// engineAnswers says why there is no engine, if there is none.
func engineAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "version", "-f", "{{.Server.Version}}")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// docker runs the docker client and gives what it prints.
func (p *place) docker(ctx context.Context, args ...string) (string, error) {
	cmd := p.command(ctx, append([]string{"docker"}, args...), nil)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// image makes an image of this program alone, for this case, and gives its name.
func (p *place) image(ctx context.Context, health string) (string, error) {
	name := "ordeal-case-" + strings.TrimPrefix(
		filepath.Base(p.dir),
		"ordeal-case-",
	) + ":h" + health
	program, err := os.ReadFile(p.self)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o777},
		{Name: "cases", Size: int64(len(program)), Mode: 0o755},
	} {
		if err := w.WriteHeader(&h); err != nil {
			return "", err
		}
	}
	_, err = w.Write(program)
	if err := errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	args := []string{
		"docker", "import", "-c", `ENTRYPOINT ["/cases", "serve"]`,
		"-c", "LABEL " + label + "=" + filepath.Base(p.dir),
	}
	if health != "" {
		args = append(args, "-c", "HEALTHCHECK --interval="+health+
			` CMD ["/cases", "ask", "http://127.0.0.1:8080/"]`)
	}
	cmd := p.command(ctx, append(args, "-", name), nil)
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("docker import: %w: %s", err, out)
	}
	p.later(func(ctx context.Context) error {
		_, err := p.docker(ctx, "rmi", "-f", name)
		return err
	})
	return name, nil
}

// run makes and starts a container, and waits until it answers, as far as it has a
// health check.
func (p *place) run(ctx context.Context, k container) error {
	image, ok := p.vars["IMAGE"+k.Health]
	if !ok {
		var err error
		if image, err = p.image(ctx, k.Health); err != nil {
			return err
		}
		p.vars["IMAGE"+k.Health] = image
	}
	if k.Name == "" { // the image only
		return nil
	}
	port := ""
	if !k.AnyPort {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		_, port, _ = net.SplitHostPort(ln.Addr().String())
		ln.Close()
	}
	name := filepath.Base(p.dir) + "-" + k.Name
	// Before it is there: an interrupted docker run may have made it all the same.
	p.later(func(ctx context.Context) error {
		found, err := p.docker(ctx, "ps", "-aq", "--filter", "label="+label+"="+name)
		if err != nil || found == "" {
			return err
		}
		_, err = p.docker(ctx, "rm", "-f", "-v", found)
		return err
	})
	args := []string{
		"run", "-d", "--name", name, "--label", label + "=" + name, "-p", "127.0.0.1:" + port + ":8080",
	}
	args = append(append(args, k.Options...), image)
	if _, err := p.docker(ctx, append(args, k.Args...)...); err != nil {
		return err
	}
	upper := strings.ToUpper(k.Name)
	p.vars[upper] = name
	addr, err := p.docker(ctx, "inspect", "-f",
		`{{(index (index .NetworkSettings.Ports "8080/tcp") 0).HostPort}}`, name)
	if err != nil {
		return err
	}
	p.vars[upper+"_ADDR"] = "127.0.0.1:" + addr
	if p.vars[upper+"_IP"], err = p.docker(ctx, "inspect", "-f",
		"{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name); err != nil {
		return err
	}
	return ask(ctx, "http://"+p.vars[upper+"_ADDR"]+"/", 30*time.Second)
}

// podman serves podman's API, with storage of its own, at unix://$PODMAN, and is
// the engine of the case's containers. DOCKER_ITSELF is what DOCKER_HOST was.
func (p *place) podman(ctx context.Context) error {
	conf := filepath.Join(p.dir, "containers.conf")
	// podman asks for more open files than a machine may have to give.
	limits := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
	if err := os.WriteFile(conf, []byte(limits), 0o600); err != nil {
		return err
	}
	podman := func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := p.command(ctx, append([]string{
			"podman", "--root", filepath.Join(p.dir, "root"), "--runroot", filepath.Join(p.dir, "run"),
			"--storage-driver", "vfs",
		}, args...), map[string]string{"CONTAINERS_CONF": conf})
		return cmd
	}
	socket := filepath.Join(p.dir, "s")
	service := podman(context.WithoutCancel(ctx), "system", "service", "-t", "0", "unix://"+socket)
	said := &said{}
	service.Stdout, service.Stderr = said, said
	if err := service.Start(); err != nil {
		return err
	}
	p.later(func(ctx context.Context) error {
		out, err := podman(ctx, "rm", "--all", "--force").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("removing podman's containers: %w: %s", err, out)
		}
		_ = service.Process.Kill()
		_ = service.Wait() // killed, as it was told
		return err
	})
	p.vars["DOCKER_ITSELF"] = os.Getenv("DOCKER_HOST")
	p.vars["DOCKER_HOST"] = "unix://" + socket
	for range 600 {
		if conn, err := net.Dial("unix", socket); err == nil {
			return conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("podman's service does not listen: %s", said.text())
}
