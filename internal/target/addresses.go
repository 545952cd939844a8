package target

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

var addrName = regexp.MustCompile(`^([^.{}$]*)\.addr$`)

// AddressOf returns the service whose address stands between ${ and }: NAME of NAME.addr.
func AddressOf(inside string) (service string, ok bool) {
	m := addrName.FindStringSubmatch(inside)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Expand puts the addresses of services in place of ${NAME.addr}, and turns $${
// into ${. addr is asked for PORT, too, when ${PORT} appears, which stays if it
// has none. A service without an address is an error.
func Expand(s string, addr func(service string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexByte(s, '}')
		if end < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		inside := s[2:end]
		if service, named := AddressOf(inside); named {
			a, ok := addr(service)
			if !ok {
				return "", fmt.Errorf("the service %s has no address: "+
					"it is not started, or publishes no port", service)
			}
			b.WriteString(a)
		} else if a, ok := addr(inside); ok && inside == "PORT" {
			b.WriteString(a)
		} else {
			b.WriteString(s[:end+1])
		}
		s = s[end+1:]
	}
}

// Refs returns the services whose addresses stand in the strings, in order of
// appearance, each once.
func Refs(in ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range in {
		// Nothing can go wrong: every name has an address here.
		_, _ = Expand(s, func(name string) (string, bool) {
			if name != "PORT" && !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
			return "", true
		})
	}
	return out
}

// anywhere stands in for the addresses of services before there is a run.
func anywhere(string) (string, bool) { return "127.0.0.1:1", true }

// Checked returns a text as it may look in the run, with a stand-in for each address:
// it cannot fail, as every service has an address here.
func Checked(s string) string {
	out, err := Expand(s, anywhere)
	if err != nil {
		return s
	}
	return out
}

// CheckedOwn is Checked for texts of a service itself, which may hold its ${PORT}.
func CheckedOwn(s string) string { return Checked(strings.ReplaceAll(s, "${PORT}", "1")) }

// Noter notes mistakes.
type Noter interface {
	Failf(at strictyaml.Span, hint, format string, args ...any)
}

// HostPort notes a mistake, and returns false, if the value of a key is no address.
// One to listen on may be without a host, and have the port 0.
func HostPort(r Noter, key, s string, n *strictyaml.Node, listen bool) (ok bool) {
	host, port, err := net.SplitHostPort(s)
	number, bad := strconv.ParseUint(port, 10, 16)
	if err == nil && bad == nil && (listen || number > 0 && host != "") {
		return true
	}
	r.Failf(n.Span, "write an address such as 127.0.0.1:8080", "%s: expected host:port, found %q",
		key, strictyaml.Shorten(s))
	return false
}
