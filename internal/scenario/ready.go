package scenario

import (
	"fmt"
	"net"
	neturl "net/url"
	"reflect"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// readyFile is how a service is asked whether it is ready: a path, a URL, or a
// mapping with one of the ways to ask.
type readyFile struct {
	readyKeys
	n *strictyaml.Node // nil if the file does not say
}

type readyKeys struct {
	HTTP    string     `json:"http" doc:"path or URL that answers 2xx, after any redirects"`
	TCP     string     `json:"tcp" doc:"host:port that takes a connection and keeps it open, or the word own for the service's own address"`
	Command []string   `json:"command" doc:"a command that exits with status 0: for containers run inside them, else on this machine"`
	TLS     attack.TLS `json:"tls" doc:"options of an https URL, in place of those of the attack"`
}

// ownAddress stands in Check.TCP for the address of the service itself.
const ownAddress = "own"

const readyHint = "write a path such as /healthz, a URL such as http://127.0.0.1:${PORT}/healthz, the word tcp or tcp://host:port, " +
	"or a mapping with one of http, tcp, command"

func (r *readyFile) DecodeNode(d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field) (ok bool) {
	r.n = n
	if n.Kind == strictyaml.Map {
		return r.mapping(d, n, f)
	}
	var text string
	f.Value = reflect.ValueOf(&text).Elem()
	if !d.Scalar(n, f) {
		return false
	}
	switch address, tcp := strings.CutPrefix(text, "tcp://"); {
	case tcp:
		r.TCP = address
	case text == "tcp":
		r.TCP = ownAddress
	default:
		r.HTTP = text
	}
	return r.check(d, n, n)
}

func (r *readyFile) mapping(d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field) (ok bool) {
	o := d.Object(n, "ready")
	ok = true
	for _, own := range grammar.Fields(&r.readyKeys) {
		if v, set := o.Take(own.Key); set {
			own.Vars = f.Vars
			ok = d.Field(v, own) && ok
		}
	}
	if !o.Done() || !ok {
		return false
	}
	ways := 0
	for _, ptr := range []any{&r.HTTP, &r.TCP, &r.Command} {
		if d.Set(ptr) {
			ways++
		}
	}
	if ways != 1 {
		d.Failf(n.Span, "keep one of http, tcp and command", "ready: expected one way to ask, found %d", ways)
		return false
	}
	return r.check(d, d.Where(&r.HTTP, n), d.Where(&r.TCP, n))
}

func (r *readyFile) check(d *strictyaml.Decoder, http, tcp *strictyaml.Node) (ok bool) {
	switch {
	case r.TCP == ownAddress, strings.HasPrefix(r.HTTP, "/"):
	case r.TCP != "":
		if host, port, err := net.SplitHostPort(asRun(r.TCP)); err != nil || host == "" || port == "" {
			d.Failf(tcp.Span, "write an address such as tcp://127.0.0.1:5432, or the word tcp for the service's own",
				"ready: expected host:port, found %q", strictyaml.Shorten(r.TCP))
			return false
		}
	case d.Set(&r.Command):
		if len(r.Command) == 0 || r.Command[0] == "" {
			d.Failf(d.Where(&r.Command, http).Span, "give the program and its arguments as a list", "ready: the command is empty")
			return false
		}
	default:
		u, err := neturl.Parse(asRun(r.HTTP))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			d.Failf(http.Span, readyHint, "ready: expected a path or an http URL, found %q", strictyaml.Shorten(r.HTTP))
			return false
		}
	}
	return true
}

// asRun returns a text of a check as it may look in the run.
func asRun(s string) string { return checked(strings.ReplaceAll(s, "${PORT}", "1")) }

// ready returns the check that a file asks for; own is what is asked by
// default, the zero Check for nothing.
func (b *builder) ready(r *readyFile, own ready.Check) ready.Check {
	if r.n == nil {
		return own
	}
	c := ready.Check{HTTP: r.HTTP, TCP: r.TCP, Command: r.Command}
	b.hosts.ready(r.HTTP, b.Where(&r.HTTP, r.n))
	if r.TCP != "" && r.TCP != ownAddress {
		b.hosts.ready("tcp://"+r.TCP, b.Where(&r.TCP, r.n))
	}
	b.secrets.args(r.Command)
	if b.Set(&r.TLS) {
		b.tls(&r.TLS, b.Where(&r.TLS, r.n))
		tls := r.TLS
		c.TLS = &tls
	}
	return c
}

// asksOwn says whether a check needs the address of the service itself.
func asksOwn(c ready.Check) bool { return strings.HasPrefix(c.HTTP, "/") || c.TCP == ownAddress }

// checkStrings are those of a check that may name addresses.
func checkStrings(c ready.Check) []string { return append([]string{c.HTTP, c.TCP}, c.Command...) }

// ResolveReady completes a check: own is the address of the service itself, ""
// if it is not known, and expand puts in what only the run knows. An https URL
// is asked with the attack's TLS options unless the check has its own; files are
// taken from the scenario's folder. https says that a path is asked over TLS.
func (p *Plan) ResolveReady(c ready.Check, own string, https bool, expand func(string) (string, error)) (ready.Check, error) {
	if asksOwn(c) && own == "" {
		return c, fmt.Errorf("ready: %s is asked at the service's own address, and that is not known: give a whole URL or host:port, or a command", c)
	}
	var err error
	put := func(s string) string {
		out, e := expand(s)
		if e != nil && err == nil {
			err = e
		}
		return out
	}
	out := ready.Check{HTTP: put(c.HTTP), TCP: put(c.TCP)}
	for _, arg := range c.Command {
		out.Command = append(out.Command, put(arg))
	}
	if strings.HasPrefix(out.HTTP, "/") {
		scheme := "http"
		if https || c.TLS != nil { // TLS options are for nothing else
			scheme = "https"
		}
		out.HTTP = scheme + "://" + own + out.HTTP
	}
	if out.TCP == ownAddress {
		out.TCP = own
	}
	if strings.HasPrefix(out.HTTP, "https:") {
		tls := p.Attack.TLS
		if c.TLS != nil {
			tls = *c.TLS
		}
		tls.CA, tls.Cert, tls.Key = p.file(tls.CA), p.file(tls.Cert), p.file(tls.Key)
		out.TLS = &tls
	}
	return out, err
}

// OverTLS says whether the target is a service's own address, over TLS.
func (p *Plan) OverTLS(service string) bool {
	return strings.HasPrefix(p.Target, "https://${"+service+".addr}")
}

// ResolveTargetReady completes what the target is asked before the load.
func (p *Plan) ResolveTargetReady(addr func(service string) (string, bool)) (ready.Check, error) {
	expand := func(s string) (string, error) { return Expand(s, addr) }
	base, err := expand(p.Target)
	if err != nil {
		return ready.Check{}, err
	}
	u, err := neturl.Parse(base)
	if err != nil {
		return ready.Check{}, fmt.Errorf("expected a URL as target, found %q", secret.WithoutUser(base))
	}
	own := ""
	if u.Host != "" {
		own = attack.Address(u)
	}
	return p.ResolveReady(p.Ready, own, u.Scheme == "https", expand)
}

func (r *readyFile) NodeSchema(g *strictyaml.Grammar, f strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{"anyOf": []strictyaml.Schema{{"type": "string", "minLength": 1}, g.Object(&readyKeys{}, false)}}
}
