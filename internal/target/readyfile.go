package target

import (
	"net"
	neturl "net/url"
	"reflect"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// ReadyFile is how a service is asked whether it is ready: a path, a URL, or a
// mapping with one of the ways to ask.
type ReadyFile struct {
	readyKeys
	n *strictyaml.Node // nil if the file does not say
}

type readyKeys struct {
	HTTP    string   `json:"http" doc:"path or URL that answers 2xx, after any redirects"`
	TCP     string   `json:"tcp" doc:"host:port that takes a connection and keeps it open, or the word own for the service's own address"`
	Command []string `json:"command" doc:"a command that exits with status 0: for containers run inside them, else on this machine"`
	TLS     wire.TLS `json:"tls" doc:"options of an https URL, in place of those of the attack"`
}

// plain is a grammar with nothing beyond tags.
var plain strictyaml.Grammar

// Node is where the check stands; nil if the file does not say any.
func (r *ReadyFile) Node() *strictyaml.Node { return r.n }

// OwnAddress stands in Check.TCP for the address of the service itself.
const OwnAddress = "own"

const readyHint = "write a path such as /healthz, a URL such as http://127.0.0.1:${PORT}/healthz, " +
	"the word tcp or tcp://host:port, " +
	"or a mapping with one of http, tcp, command"

func (r *ReadyFile) DecodeNode(d *strictyaml.Decoder, n *strictyaml.Node,
	f strictyaml.Field) (ok bool) {
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
		r.TCP = OwnAddress
	default:
		r.HTTP = text
	}
	return r.check(d, n, n)
}

func (r *ReadyFile) mapping(d *strictyaml.Decoder, n *strictyaml.Node,
	f strictyaml.Field) (ok bool) {
	o := d.Object(n, "ready")
	ok = true
	for _, own := range plain.Fields(&r.readyKeys) {
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
		d.Failf(n.Span, "keep one of http, tcp and command",
			"ready: expected one way to ask, found %d", ways)
		return false
	}
	return r.check(d, d.Where(&r.HTTP, n), d.Where(&r.TCP, n))
}

func (r *ReadyFile) check(d *strictyaml.Decoder, http, tcp *strictyaml.Node) (ok bool) {
	switch {
	case r.TCP == OwnAddress, strings.HasPrefix(r.HTTP, "/"):
	case r.TCP != "":
		host, port, err := net.SplitHostPort(CheckedOwn(r.TCP))
		if err != nil || host == "" || port == "" {
			d.Failf(tcp.Span, "write an address such as tcp://127.0.0.1:5432, "+
				"or the word tcp for the service's own",
				"ready: expected host:port, found %q", strictyaml.Shorten(r.TCP))
			return false
		}
	case d.Set(&r.Command):
		if len(r.Command) == 0 || r.Command[0] == "" {
			d.Failf(d.Where(&r.Command, http).Span, "give the program and its arguments as a list",
				"ready: the command is empty")
			return false
		}
	default:
		u, err := neturl.Parse(CheckedOwn(r.HTTP))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			d.Failf(http.Span, readyHint, "ready: expected a path or an http URL, found %q",
				strictyaml.Shorten(r.HTTP))
			return false
		}
	}
	return true
}

func (r *ReadyFile) NodeSchema(g *strictyaml.Grammar, f strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{"anyOf": []strictyaml.Schema{
		{"type": "string", "minLength": 1}, g.Object(&readyKeys{}, false),
	}}
}

// AsksOwn says whether a check needs the address of the service itself.
func AsksOwn(c ready.Check) bool { return strings.HasPrefix(c.HTTP, "/") || c.TCP == OwnAddress }

// CheckTexts are the texts of a check that may name addresses.
func CheckTexts(c ready.Check) []string { return append([]string{c.HTTP, c.TCP}, c.Command...) }
