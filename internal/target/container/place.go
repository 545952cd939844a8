package container

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"

	"github.com/seed-1574e9de/ordeal/chaos"
)

// Place is which engine something is at, to be written down: what the engine
// says of itself, and how it was reached, without secrets.
type Place struct {
	// ID, Name and Root together tell an engine from others. None does alone:
	// engines of one machine can have the same ID, clones of a machine the same
	// name, and podman draws another ID for each answer, which is left out.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // of its machine
	Root string `json:"root,omitempty"` // where its data lies

	Address string `json:"address"`
	Context string `json:"context,omitempty"`   // the docker context that named it
	TLS     bool   `json:"tls,omitempty"`       // DOCKER_TLS_VERIFY was set
	Certs   string `json:"cert_path,omitempty"` // DOCKER_CERT_PATH, a folder
}

// isPodman says whether an engine is podman's service, by what its API calls its parts.
func isPodman(v types.Version) bool {
	return slices.ContainsFunc(
		v.Components,
		func(c types.ComponentVersion) bool { return c.Name == "Podman Engine" },
	)
}

// identify asks the engine for its identity and its time. An engine that refuses to say, as behind
// a restricting proxy, is known by its address alone.
func (e *Engine) identify(ctx context.Context, host, from string) {
	e.place = Place{Address: plainAddress(host)}
	if name, ok := strings.CutPrefix(from, contextPrefix); ok {
		e.place.Context = name
	} else {
		e.place.TLS, e.place.Certs = os.Getenv(client.EnvTLSVerify) != "", os.Getenv(client.EnvOverrideCertPath)
	}
	limit, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	asked := time.Now()
	info, err := e.api.Info(limit)
	if err != nil {
		return
	}
	took := time.Since(asked)
	e.place.ID, e.place.Name, e.place.Root = info.ID, info.Name, info.DockerRootDir
	if e.podman {
		e.place.ID = ""
	}
	there, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	switch {
	case strings.HasPrefix(host, "unix://"):
		e.clockKnown = true // it has this machine's clock
	case err == nil && took < 500*time.Millisecond:
		e.clockKnown, e.ahead = true, there.Sub(asked.Add(took/2))
	}
}

// plainAddress is an address without the user's password, and with an absolute path.
func plainAddress(host string) string {
	if path, ok := strings.CutPrefix(host, "unix://"); ok {
		if abs, err := filepath.Abs(path); err == nil {
			return "unix://" + abs
		}
		return host
	}
	if u, err := url.Parse(host); err == nil && u.User != nil {
		u.User = url.User(u.User.Username())
		return u.String()
	}
	return host
}

// Place is which engine this is.
func (e *Engine) Place() Place { return e.place }

// Same says whether two places are one engine, however it was reached.
func (p Place) Same(q Place) bool {
	if p.Root == "" || q.Root == "" {
		return p.Address == q.Address
	}
	return p.ID == q.ID && p.Name == q.Name && p.Root == q.Root
}

func (p Place) String() string {
	if p.Context != "" {
		return fmt.Sprintf("%s (docker context %s)", p.Address, p.Context)
	}
	return p.Address
}

// Command is a command line with what makes it reach the engine.
func (p Place) Command(command string) string {
	if p.Context != "" {
		return fmt.Sprintf("DOCKER_HOST= DOCKER_CONTEXT=%s %s", shellWord(p.Context), command)
	}
	env := "DOCKER_HOST=" + shellWord(p.Address)
	if p.TLS {
		env += " DOCKER_TLS_VERIFY=1"
	}
	if p.Certs != "" {
		env += " DOCKER_CERT_PATH=" + shellWord(p.Certs)
	}
	return env + " " + command
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:@%+=,", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// elsewhere is the error of a container that is at another engine.
func (p Place) elsewhere() error {
	return fmt.Errorf(
		"%w: it is at another engine, %s: heal it there with %s",
		chaos.ErrElsewhere,
		p,
		p.Command("ordeal heal"),
	)
}

// Unreached is the error of a container that could not be looked for, as err
// kept Connect from an engine. Where another engine was tried than the one that
// the container is at, err does not matter.
func Unreached(ref chaos.Ref, err error) error {
	var d refData
	host, _, hostErr := engineAddress()
	if json.Unmarshal(ref.Data, &d) != nil || d.Engine == nil ||
		hostErr == nil && plainAddress(host) == d.Engine.Address {
		return err
	}
	return d.Engine.elsewhere()
}
