package container

import (
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/google/go-cmp/cmp"
)

func withPorts(ports nat.PortMap, exposed ...nat.Port) container.InspectResponse {
	return inspected(func(r *container.InspectResponse) {
		r.NetworkSettings = &container.NetworkSettings{}
		r.NetworkSettings.Ports = ports
		r.Config.ExposedPorts = make(nat.PortSet)
		for _, p := range exposed {
			r.Config.ExposedPorts[p] = struct{}{}
		}
	})
}

func TestHostAddrs(t *testing.T) {
	r := withPorts(nat.PortMap{
		"8080/tcp": {{HostIP: "0.0.0.0", HostPort: "80"}, {HostIP: "::", HostPort: "80"}},
		"9090/tcp": {{HostIP: "192.168.7.1", HostPort: "90"}, {HostIP: "::", HostPort: "91"}},
		"53/udp":   {{HostIP: "127.0.0.1", HostPort: "53"}},
		"5432/tcp": nil,
	}, "5432/tcp", "6379/tcp", "53/udp")
	want := []published{{"127.0.0.1:80", 8080}, {"192.168.7.1:90", 9090}, {"[::1]:91", 9090}}
	got := hostAddrs(r)
	if d := cmp.Diff(want, got, cmp.AllowUnexported(published{})); d != "" {
		t.Error(d)
	}
	for address, port := range map[string]uint16{
		"127.0.0.1:80": 8080, "localhost:80": 8080, "[::1]:80": 8080, "127.0.0.2:91": 9090,
		"192.168.7.1:90": 9090, "localhost:90": 0, "192.168.7.1:80": 0, "example.org:80": 0, "": 0,
	} {
		if p, ok := publishedAt(got, address); p.port != port || ok != (port != 0) {
			t.Errorf("at %s: port %d, %v, want %d", address, p.port, ok, port)
		}
	}
	if d := cmp.Diff([]nat.Port{"5432/tcp", "6379/tcp", "8080/tcp", "9090/tcp"}, declared(r)); d != "" {
		t.Error(d)
	}
}

// Where sockets cannot be seen, people are told before the run.
func TestCannotTell(t *testing.T) {
	far := func(change func(*container.InspectResponse)) container.InspectResponse {
		r := withPorts(nil, "8080/tcp")
		r.State.Running, r.State.Pid = true, 1<<30
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, tt := range []struct {
		name string
		r    container.InspectResponse
		want bool
	}{
		{"elsewhere", far(nil), true},
		{"with a health check", far(func(r *container.InspectResponse) { r.State.Health = &container.Health{Status: container.Healthy} }), false},
		{"without ports", far(func(r *container.InspectResponse) { r.Config.ExposedPorts = nil }), false},
		{"not running", far(func(r *container.InspectResponse) { r.State.Running = false }), false},
	} {
		c := &Container{engine: &Engine{}}
		if got := c.cannotTell(tt.r); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
