package scenario

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
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
	varName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// variables resolve what stands between ${ and }.
type variables struct {
	*strictyaml.Source
	env     Env
	secrets secretSet
	named   map[string]bool // that the file names
	refs    []reference
}

func newVariables(source *strictyaml.Source, env Env, secrets secretSet) *variables {
	return &variables{Source: source, env: env, secrets: secrets, named: map[string]bool{}}
}

// reference is a ${NAME.addr} in the file.
type reference struct {
	service string
	strictyaml.Span
	owner string // the service in whose settings it stands, if any
	ready bool   // in its check for readiness, where it may name itself
}

// resolve finds what stands between ${ and }: from the environment, or kept for
// the run.
func (x *variables) resolve(v strictyaml.Variable) (value string, keep, ok bool) {
	if service, ok := target.AddressOf(v.Inside); ok {
		if v.Vars == noRunNames {
			x.Failf(v.At,
				"addresses of services can stand in the target, in requests and in services",
				"the address of a service is not known here")
			return "", false, false
		}
		r := reference{service: service, Span: v.At}
		if len(v.Path) > 1 && v.Path[0] == "services" {
			r.owner = v.Path[1]
			r.ready = len(v.Path) > 3 && v.Path[3] == "ready" // services, name, kind, key
		}
		x.refs = append(x.refs, r)
		return "", true, true
	}
	if v.Inside == "PORT" && v.Vars == addressesAnd {
		return "", true, true
	}
	name, fallback, hasDefault := strings.Cut(v.Inside, ":-")
	switch {
	case !varName.MatchString(name):
		x.Failf(v.At,
			"write ${NAME}, ${NAME:-default} or ${SERVICE.addr}; $$ is a dollar sign",
			"expected the name of a variable, found %q", strictyaml.Shorten(name))
		return "", false, false
	case strings.Contains(fallback, "${"):
		x.Failf(v.At, "give a plain default", "a default cannot hold another variable")
		return "", false, false
	}
	value, set := x.env(name)
	x.named[name] = true
	switch {
	case set && (value != "" || !hasDefault):
		x.secrets.variable(name, value)
		return value, false, true
	case hasDefault:
		return fallback, false, true
	case name == "PORT":
		x.Failf(v.At,
			"PORT is a service's own port, known in its process only: elsewhere write ${NAME.addr}",
			"the variable PORT is not set")
	default:
		x.Failf(v.At,
			fmt.Sprintf("set it in the environment, or give a default: ${%s:-value}", name),
			"the variable %s is not set", name)
	}
	return "", false, false
}
