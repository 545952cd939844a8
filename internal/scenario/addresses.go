package scenario

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// Env looks a variable up, as os.LookupEnv does.
type Env func(name string) (string, bool)

// The vars tags of fields, which say what names that only the run can fill in may
// stand in a value.
const (
	noRunNames   = ""
	addressesAnd = "port" // ${NAME.addr}, and ${PORT}, the service's own; "addr" is without that
)

var (
	varName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	addrName = regexp.MustCompile(`^([^.{}$]*)\.addr$`)
)

// reference is a ${NAME.addr} in the file.
type reference struct {
	service string
	strictyaml.Span
	owner string // the service in whose settings it stands, if any
	ready bool   // in its check for readiness, where it may name itself
}

// decoder is the YAML decoder, and what the file says of secrets and variables.
type decoder struct {
	*strictyaml.Decoder
	env     Env
	refs    []reference
	secrets map[string]bool
	// secretNames are those of secrets:, known once the file is decoded.
	secretNames []string
	variables   map[string]bool // that the file names
}

// newDecoder returns a decoder whose variables are those of env.
func newDecoder(source *strictyaml.Source, env Env) *decoder {
	d := &decoder{env: env, secrets: map[string]bool{}, variables: map[string]bool{}}
	d.Decoder = source.Decoder(d.variable)
	return d
}

// variable resolves what stands between ${ and }: from the environment, or kept for
// the run.
func (d *decoder) variable(v strictyaml.Variable) (value string, keep, ok bool) {
	if m := addrName.FindStringSubmatch(v.Inside); m != nil {
		if v.Vars == noRunNames {
			d.Failf(v.At, "addresses of services can stand in the target, in requests and in services", "the address of a service is not known here")
			return "", false, false
		}
		r := reference{service: m[1], Span: v.At}
		if len(v.Path) > 1 && v.Path[0] == "services" {
			r.owner = v.Path[1]
			r.ready = len(v.Path) > 3 && v.Path[3] == "ready" // services, name, kind, key
		}
		d.refs = append(d.refs, r)
		return "", true, true
	}
	if v.Inside == "PORT" && v.Vars == addressesAnd {
		return "", true, true
	}
	name, fallback, hasDefault := strings.Cut(v.Inside, ":-")
	switch {
	case !varName.MatchString(name):
		d.Failf(v.At, "write ${NAME}, ${NAME:-default} or ${SERVICE.addr}; $$ is a dollar sign", "expected the name of a variable, found %q", strictyaml.Shorten(name))
		return "", false, false
	case strings.Contains(fallback, "${"):
		d.Failf(v.At, "give a plain default", "a default cannot hold another variable")
		return "", false, false
	}
	value, set := d.env(name)
	d.variables[name] = true
	switch {
	case set && (value != "" || !hasDefault):
		d.variableSecrets(name, value)
		return value, false, true
	case hasDefault:
		return fallback, false, true
	case name == "PORT":
		d.Failf(v.At, "PORT is a service's own port, known in its process only: elsewhere write ${NAME.addr}", "the variable PORT is not set")
	default:
		d.Failf(v.At, fmt.Sprintf("set it in the environment, or give a default: ${%s:-value}", name), "the variable %s is not set", name)
	}
	return "", false, false
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
