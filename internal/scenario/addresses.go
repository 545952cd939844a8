package scenario

import (
	"fmt"
	"strings"
)

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
		if m := addrName.FindStringSubmatch(inside); m != nil {
			a, ok := addr(m[1])
			if !ok {
				return "", fmt.Errorf("the service %s has no address: it is not started, or publishes no port", m[1])
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
