package scenario

import (
	"fmt"
	"regexp"
	"strings"
)

// Env looks a variable up, as os.LookupEnv does.
type Env func(name string) (string, bool)

// runNames says which names that only the run can fill in may stand in a value.
type runNames uint8

const (
	noRunNames   runNames = iota
	addresses             // ${NAME.addr}
	addressesAnd          // and ${PORT}, the service's own
)

var (
	varName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	addrName = regexp.MustCompile(`^([^.{}$]*)\.addr$`)
)

// reference is a ${NAME.addr} in the file.
type reference struct {
	service string
	span
	owner string // the service in whose settings it stands, if any
	ready bool   // in its check for readiness, where it may name itself
}

// piece is a stretch of an expanded value and where it came from.
type piece struct {
	out, raw int
	literal  bool // byte for byte as in the file
}

type expansion struct {
	text   string
	pieces []piece
}

// raw returns the stretch of the file's value that text[off:off+length] came
// from.
func (x expansion) raw(off, length int) (int, int) {
	from, to := x.rawAt(off, false), x.rawAt(off+length, true)
	return from, max(1, to-from)
}

func (x expansion) rawAt(off int, end bool) int {
	at := 0
	for i, p := range x.pieces {
		if p.out > off || p.out == off && end && i > 0 {
			break
		}
		switch {
		case p.literal:
			at = p.raw + off - p.out
		case end && i+1 < len(x.pieces):
			at = x.pieces[i+1].raw
		default:
			at = p.raw
		}
	}
	return at
}

// maxExpanded bounds what all values of a file are together, once aliases are
// followed and variables put in: a small file can repeat a large value without end.
const maxExpanded = 4 << 20

// grow takes so many bytes for a value; false, with the mistake noted where the file
// became too large, if there is no room for them.
func (d *decoder) grow(at span, size int) bool {
	full := d.grown > maxExpanded
	d.grown += size
	switch {
	case d.grown <= maxExpanded:
		return true
	case full:
		d.fails++ // and it was said where that began
	default:
		d.failf(at, "use fewer aliases and shorter variables, or put what is large into a file: data:, file: or targets:",
			"here the file's values, with aliases and variables put in, have more than %d bytes together", maxExpanded)
	}
	return false
}

// expand puts variables into a scalar's text. With names of the run allowed, the
// result is in the form that Expand reads: they stay, and a ${ that is meant as
// such is written $${.
func (d *decoder) expand(n *node, names runNames) (expansion, bool) {
	var (
		b  strings.Builder
		x  expansion
		ok = true
		s  = n.text
	)
	if !d.grow(n.span, len(s)) {
		return expansion{}, false
	}
	if !strings.Contains(s, "$") {
		return expansion{s, []piece{{0, 0, true}, {len(s), len(s), true}}}, true
	}
	add := func(raw int, literal bool, text string) {
		x.pieces = append(x.pieces, piece{b.Len(), raw, literal})
		if names != noRunNames && !literal {
			text = strings.ReplaceAll(text, "${", "$${")
		}
		b.WriteString(text)
	}
	for i := 0; i < len(s); {
		dollar := strings.IndexByte(s[i:], '$')
		if dollar < 0 {
			add(i, true, s[i:])
			break
		}
		if dollar > 0 {
			add(i, true, s[i:i+dollar])
		}
		i += dollar
		rest := s[i:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			add(i, false, "${")
			i += 3
		case strings.HasPrefix(rest, "$$"):
			add(i, false, "$")
			i += 2
		case !strings.HasPrefix(rest, "${"):
			add(i, true, "$")
			i++
		default:
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				d.failf(d.locate(n, i, len(rest)), "close it with }, or write $$ for a dollar sign", "a variable is opened with ${ and never closed")
				return expansion{}, false
			}
			inside := rest[2:end]
			at := d.locate(n, i, end+1)
			value, kept, good := d.variable(inside, at, names)
			ok = ok && good
			if !d.grow(at, len(value)) {
				return expansion{}, false
			}
			if kept {
				x.pieces = append(x.pieces, piece{b.Len(), i, true})
				b.WriteString(rest[:end+1])
			} else {
				add(i, false, value)
			}
			i += end + 1
		}
	}
	x.text = b.String()
	x.pieces = append(x.pieces, piece{len(x.text), len(s), true})
	return x, ok
}

// variable resolves what stands between ${ and }; kept says that it is the
// run's business.
func (d *decoder) variable(inside string, at span, names runNames) (value string, kept, ok bool) {
	if m := addrName.FindStringSubmatch(inside); m != nil {
		if names == noRunNames {
			d.failf(at, "addresses of services can stand in the target, in requests and in services", "the address of a service is not known here")
			return "", false, false
		}
		d.refs = append(d.refs, reference{m[1], at, d.owner, d.ready})
		return "", true, true
	}
	if inside == "PORT" && names == addressesAnd {
		return "", true, true
	}
	name, fallback, hasDefault := strings.Cut(inside, ":-")
	switch {
	case !varName.MatchString(name):
		d.failf(at, "write ${NAME}, ${NAME:-default} or ${SERVICE.addr}; $$ is a dollar sign", "expected the name of a variable, found %q", shorten(name))
		return "", false, false
	case strings.Contains(fallback, "${"):
		d.failf(at, "give a plain default", "a default cannot hold another variable")
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
		d.failf(at, "PORT is a service's own port, known in its process only: elsewhere write ${NAME.addr}", "the variable PORT is not set")
	default:
		d.failf(at, fmt.Sprintf("set it in the environment, or give a default: ${%s:-value}", name), "the variable %s is not set", name)
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
