package container

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/docker/client"
)

// contextPrefix stands before the name of the docker context that said where the
// engine is.
const contextPrefix = "docker context "

// engineAddress returns where the engine is and what said so.
func engineAddress() (host, from string, err error) {
	if h := os.Getenv(client.EnvOverrideHost); h != "" {
		return h, "DOCKER_HOST", nil
	}
	dir := os.Getenv("DOCKER_CONFIG")
	home, _ := os.UserHomeDir()
	if dir == "" {
		dir = filepath.Join(home, ".docker")
	}
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		name = currentContext(dir)
	}
	if name != "" && name != "default" {
		host, err := contextHost(dir, name)
		return host, contextPrefix + name, err
	}
	usual := []string{
		"/var/run/docker.sock",
		filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "docker.sock"), // rootless
		filepath.Join(home, ".docker", "run", "docker.sock"),       // Docker Desktop
	}
	for _, path := range usual {
		if _, err := os.Stat(path); err == nil && filepath.IsAbs(path) {
			return "unix://" + path, "the usual socket", nil
		}
	}
	return client.DefaultDockerHost, "the usual socket", nil
}

// currentContext is the context that the docker command was last told to use;
// "" if it never was or its file cannot be read, as that command does it.
func currentContext(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return ""
	}
	var config struct{ CurrentContext string }
	if json.Unmarshal(b, &config) != nil {
		return ""
	}
	return config.CurrentContext
}

// contextHost reads a context's address, which lies in a folder named by the
// digest of the context's name.
func contextHost(dir, name string) (string, error) {
	sum := sha256.Sum256([]byte(name))
	b, err := os.ReadFile(
		filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"),
	)
	if err != nil {
		return "", fmt.Errorf(
			"docker context %q: expected its description, found none: choose another with "+
				"docker context use, or set DOCKER_HOST: %w",
			name,
			err,
		)
	}
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return "", fmt.Errorf("docker context %q: expected JSON, found %w", name, err)
	}
	if meta.Endpoints["docker"].Host == "" {
		return "", fmt.Errorf("docker context %q has no address: set DOCKER_HOST", name)
	}
	return meta.Endpoints["docker"].Host, nil
}
