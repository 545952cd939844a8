package scenario

import (
	"net"
	"net/url"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// otherProtocol is a key of a request that says it is not sent by HTTP.
type otherProtocol struct {
	name string // of the protocol, and the key
	ptr  any    // the settings, in the file's struct
	spec attack.Spec
}

// others are the keys of protocols other than HTTP.
func (r *requestFile) others() []otherProtocol {
	return []otherProtocol{
		{tcp.Name, &r.TCP, &r.TCP},
	}
}

// other makes a request of a protocol other than HTTP.
func (b *requests) other(r *requestFile, o otherProtocol, out *attack.Request, in *stepNames) {
	own := b.ownNode(r)
	for _, x := range append(r.httpKeys(), keyOf{&r.Expect, "expect"}, keyOf{&r.Targets, "targets"}) {
		if n, ok := b.Find(x.ptr); ok {
			b.Failf(n.Span,
				"remove it, or make two requests of it",
				"%s cannot stand beside %s, which is no HTTP", x.key, o.name)
		}
	}
	out.Protocol, out.Spec = o.name, o.spec
	at := b.Where(o.ptr, own)
	if b.Broken(o.ptr) {
		return
	}
	var names []string
	if out.Data = b.files.rows(&r.Data, own); in != nil {
		out.Data, names = in.rows, in.captured
		if in.unread {
			return
		}
	}
	if r.Data != "" && out.Data.Len() == 0 {
		return
	}
	const standIn = "target:1" // for the address of the target, which is checked there
	expanded := o.spec.Expanded(target.Checked, standIn)
	noteFields(b.Decoder, expanded.Validate(out.Data, names), o.ptr, at, "")
	switch endpoint := expanded.Endpoint(); {
	case endpoint != standIn:
		if host, _, err := net.SplitHostPort(endpoint); err == nil && !b.hosts.ways.Redirects(endpoint) {
			b.hosts.check(host, at)
		}
	case b.file.Target == "" && !b.Set(&b.file.Target):
		b.Failf(at.Span,
			"set target: tcp://127.0.0.1:6379 at the top, or write address: here",
			"%s has no address, and there is no target to take it from", o.name)
	}
}

// keyOf is a key of a request.
type keyOf struct {
	ptr any
	key string
}

// httpKeys are those that say what is sent by HTTP.
func (r *requestFile) httpKeys() []keyOf {
	return []keyOf{
		{&r.Get, "get"}, {&r.Post, "post"}, {&r.Put, "put"}, {&r.Patch, "patch"}, {&r.Delete, "delete"}, {&r.Head, "head"},
		{&r.Options, "options"}, {&r.Method, "method"}, {&r.URL, "url"}, {&r.Headers, "headers"}, {&r.Query, "query"},
		{&r.Body, "body"}, {&r.JSON, "json"}, {&r.Form, "form"}, {&r.File, "file"}, {&r.Template, "template"},
	}
}

// other puts what only the run knows into a request of a protocol other than HTTP.
func (r *resolver) other(base string, q attack.Request) attack.Request {
	to := ""
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		to = wire.Address(u)
	}
	q.Spec = q.Spec.Expanded(r.expand, to)
	endpoint := q.Spec.Endpoint()
	host, _, err := net.SplitHostPort(endpoint)
	switch {
	case err != nil:
		r.fail(err)
	case r.ways.Redirects(endpoint):
		// Where it leads instead was looked at.
	default:
		r.host(host)
	}
	return q
}
