package scenario

import (
	"net"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// protocolKeys are the keys of requests that say they are not sent by HTTP, whose own
// keys are those of requestFile: the names of the protocols.
func protocolKeys(all []attack.Protocol) []strictyaml.Key {
	var keys []strictyaml.Key
	for _, p := range all {
		if p.Name == httpx.Name {
			continue
		}
		keys = append(keys, strictyaml.Key{
			Name: p.Name, Doc: "in place of HTTP: " + p.Doc, Vars: "addr",
			New: func() any { return p.New() },
		})
	}
	return keys
}

// other makes a request of a protocol other than HTTP: of the one whose key is set.
func (b *requests) other(
	r *requestFile, set strictyaml.KeyedValue, out *attack.Request, in *stepNames,
) {
	own, spec := b.ownNode(r), set.Ptr.(attack.Spec)
	for _, x := range append(r.httpKeys(), keyOf{&r.Expect, "expect"}, keyOf{&r.Targets, "targets"}) {
		if n, ok := b.Find(x.ptr); ok {
			b.Failf(n.Span,
				"remove it, or make two requests of it",
				"%s cannot stand beside %s, which is no HTTP", x.key, set.Name)
		}
	}
	for _, x := range r.Other.Values() {
		if n, ok := b.Find(x.Ptr); ok && x.Name != set.Name {
			b.Failf(n.Span,
				"make two requests of it",
				"a request asks for one thing, found both %q and %q", set.Name, x.Name)
		}
	}
	out.Protocol, out.Spec = set.Name, spec
	at := b.Where(set.Ptr, own)
	if b.Broken(set.Ptr) {
		return
	}
	names := b.shared
	if out.Data = b.files.rows(&r.Data, own); in != nil {
		out.Data, names = in.rows, in.captured
		if in.unread {
			return
		}
	}
	if r.Data != "" && out.Data.Len() == 0 {
		return
	}
	b.sharedColumns(out.Data, r.Data, b.Where(&r.Data, own))
	const standIn = "target:1" // for the address of the target, which is checked there
	expanded := spec.Expanded(target.Checked, set.Name+"://"+standIn)
	noteFields(b.Decoder, expanded.Validate(out.Data, names), set.Ptr, at, "")
	switch endpoint := expanded.Endpoint(); {
	case endpoint != standIn:
		if host, _, err := net.SplitHostPort(endpoint); err == nil &&
			!b.hosts.ways.Redirects(endpoint) {
			b.hosts.check(host, at)
		}
	case b.file.Target == "" && !b.Set(&b.file.Target):
		b.Failf(at.Span,
			"set target: tcp://127.0.0.1:6379 at the top, or write address: here",
			"%s has no address, and there is no target to take it from", set.Name)
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
		{
			&r.Get,
			"get",
		}, {&r.Post, "post"}, {&r.Put, "put"}, {&r.Patch, "patch"}, {&r.Delete, "delete"}, {&r.Head, "head"},
		{
			&r.Options,
			"options",
		}, {&r.Method, "method"}, {&r.URL, "url"}, {&r.Headers, "headers"}, {&r.Query, "query"},
		{
			&r.Body,
			"body",
		}, {&r.JSON, "json"}, {&r.Form, "form"}, {&r.File, "file"}, {&r.Template, "template"},
	}
}

// other puts what only the run knows into a request of a protocol other than HTTP.
func (r *resolver) other(base string, q attack.Request) attack.Request {
	q.Spec = q.Spec.Expanded(r.expand, base)
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
