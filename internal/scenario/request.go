package scenario

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// requests makes requests and flows.
type requests struct {
	*builder
	tried int // rows that templates were tried with
}

// request makes a request; in are the names for its templates if it is a step
// of a flow.
func (b *requests) request(r *requestFile, in *stepNames) attack.Request {
	out := attack.Request{Name: r.Name, Weight: r.Weight, Timeout: r.Timeout}
	if out.Timeout == 0 {
		out.Timeout = b.file.Attack.Timeout
	}
	b.secrets.headers(r.Headers)
	own := b.ownNode(r)
	spec := &httpx.Request{
		Headers: r.Headers, Query: r.Query,
		Expect: b.expectation(&r.Expect, b.Where(&r.Expect, own), out.Timeout),
	}
	for _, o := range r.Other.Values() {
		if b.Set(o.Ptr) {
			b.other(r, o, &out, in)
			return out
		}
	}
	out.Protocol, out.Spec = httpx.Name, spec
	if b.Set(&r.Targets) {
		b.fromTargets(r, spec)
		return out
	}
	at := b.method(r, spec)
	b.body(r, spec)
	out.Data = b.files.rows(&r.Data, own)
	b.sharedColumns(out.Data, r.Data, b.Where(&r.Data, own))
	if at == nil || at.Kind != strictyaml.Text {
		return out
	}
	if !b.url(spec.URL, at) || r.Data != "" && out.Data.Len() == 0 || in != nil && in.unread {
		return out
	}
	tried := *spec
	if b.Broken(r) {
		tried.JSON = "" // it may be half read; what else is not there does no harm
	}
	b.tryRows(r, &tried, out.Data, in, at)
	return out
}

// expectation is what a good answer looks like; own is where it is spoken of, and timeout
// that of the request.
func (b *builder) expectation(
	f *expectFile, own *strictyaml.Node, timeout time.Duration,
) expect.Expect {
	out := expect.Expect{
		Status: f.Status, Body: f.Body, Matches: f.Matches, Headers: f.Headers.whole,
		HeaderParts: f.Headers.parts, JSON: f.JSON, MinSize: f.Size.Min, MaxSize: f.Size.Max,
		Within: f.Within,
	}
	b.secrets.expectation(&out)
	rest := out
	rest.Status, rest.JSON = nil, nil // each was looked at where it stands
	noteFields(b.Decoder, rest.Validate(), f, own, "expect: what a good answer looks like")
	if out.Within >= timeout && timeout > 0 {
		b.Failf(
			b.Where(&f.Within, own).Span,
			"ask for less, or raise the timeout: what takes longer than that is an error anyway",
			"within: expected less than the timeout of %s, found %s",
			timeout,
			out.Within,
		)
	}
	return out
}

// ownNode is where a request is spoken of as a whole.
func (b *builder) ownNode(r *requestFile) *strictyaml.Node {
	return b.Where(&r.Name, b.Where(r, b.root))
}

// method finds the one key that says what is asked; nil if it is missing.
func (b *requests) method(r *requestFile, out *httpx.Request) *strictyaml.Node {
	own := b.ownNode(r)
	var ways []*strictyaml.Node
	var keys []string
	for _, m := range []struct {
		key    string
		ptr    *string
		method string
	}{
		{"get", &r.Get, http.MethodGet}, {"post", &r.Post, http.MethodPost}, {"put", &r.Put, http.MethodPut}, {"patch", &r.Patch, http.MethodPatch},
		{"delete", &r.Delete, http.MethodDelete}, {"head", &r.Head, http.MethodHead}, {"options", &r.Options, http.MethodOptions}, {"url", &r.URL, r.Method},
	} {
		if n, ok := b.Find(m.ptr); ok {
			ways, keys = append(ways, n), append(keys, m.key)
			out.Method, out.URL = m.method, *m.ptr
		}
	}
	switch {
	case len(ways) == 0 && b.Broken(r):
		return nil
	case len(ways) == 0:
		b.Failf(own.Span,
			"give it a path: get: /products",
			"the request %q does not say what to ask for", r.Name)
		return nil
	case len(ways) > 1:
		b.Failf(ways[1].Span,
			"make two requests of it",
			"a request asks for one thing, found both %q and %q", keys[0], keys[1])
		return nil
	case b.Set(&r.Method) && !b.Set(&r.URL):
		b.Failf(b.Where(&r.Method, own).Span,
			"keep one of them, or write method: and url:",
			"the method is said twice")
		return nil
	case b.Set(&r.URL) && !b.Set(&r.Method):
		out.Method = http.MethodGet
	}
	return ways[0]
}

// url checks where a request goes: a path below the target, or a host that may
// be put under load. A template must not choose the host.
func (b *requests) url(raw string, at *strictyaml.Node) (ok bool) {
	if raw == "" {
		if at.Text == "" { // else a mistake of its own
			b.Failf(at.Span,
				"write a path such as /products, or a whole URL",
				"expected a path or a URL, found nothing")
		}
		return false
	}
	s := target.Checked(raw)
	b.secrets.urls(raw)
	if strings.HasPrefix(s, "/") {
		if b.file.Target == "" && !b.Set(&b.file.Target) {
			b.Failf(at.Span,
				"set target: http://127.0.0.1:8080 at the top, or write the whole URL here",
				"%q is a path, and there is no target to ask for it", strictyaml.Shorten(raw))
			return false
		}
		if overTCP(b.file.Target) {
			b.Failf(
				at.Span,
				"write the whole URL here, or take an http URL as target and give requests with tcp their address",
				"%q is a path, and the target is no HTTP server: it is %s",
				strictyaml.Shorten(raw),
				strictyaml.Shorten(b.file.Target),
			)
			return false
		}
		return true
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" {
		hint := "write a path such as /products, or a URL that starts with http:// or https://"
		if scheme == "tcp" {
			hint = "a request over TCP is written tcp: { address: 127.0.0.1:6379 }, in a scenario file"
		}
		b.Failf(at.Span,
			hint,
			"expected a path or an http URL, found %q", strictyaml.Shorten(raw))
		return false
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "{{") {
		b.Failf(at.Span,
			"write the host out: it has to be known before the run",
			"a template cannot choose the host")
		return false
	}
	u, err := url.Parse(scheme + "://" + authority)
	if err != nil || u.Host == "" {
		hint := cmp.Or(bareIPv6(authority), "write it such as http://127.0.0.1:8080/products")
		b.Failf(at.Span,
			hint,
			"expected a URL with a host, found %q", strictyaml.Shorten(secret.Mask(raw)))
		return false
	}
	return b.hosts.url(u, at)
}

// bareIPv6 is the hint for a host and port that are an IPv6 address without its
// brackets.
func bareIPv6(authority string) string {
	if strings.Count(authority, ":") < 2 || strings.ContainsAny(authority, "[$@") {
		return ""
	}
	return "an IPv6 address stands in brackets, such as http://[::1]:8080"
}

// jsonBody is any YAML value, as JSON text.
type jsonBody struct {
	text string
}

func (j *jsonBody) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	j.text, ok = d.JSON(n, f.Vars)
	return ok
}

func (j *jsonBody) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.Schema{}
}

// body takes the one body that a request may have.
func (b *requests) body(r *requestFile, out *httpx.Request) {
	var ways []*strictyaml.Node
	var keys []string
	for _, way := range []struct {
		key string
		ptr any
	}{{"body", &r.Body}, {"json", &r.JSON}, {"form", &r.Form}, {"file", &r.File}} {
		if n, ok := b.Find(way.ptr); ok {
			ways, keys = append(ways, n), append(keys, way.key)
		}
	}
	if len(ways) > 1 {
		b.Failf(ways[1].Span,
			"keep one of body, json, form and file",
			"a request has one body, found both %q and %q", keys[0], keys[1])
		return
	}
	out.Body, out.JSON, out.Form = r.Body, r.JSON.text, r.Form
	at := b.Where(&r.File, b.root)
	if n, ok := b.Find(&r.Template); ok && !b.Set(&r.File) {
		b.Failf(n.Span,
			"remove it: body, json and form hold templates anyway",
			"template goes with file")
	}
	if path, ok := b.files.existing(at, "file", r.File, maxBody); ok {
		content, err := b.files.body(path)
		if err != nil {
			b.Failf(at.Span, "name a file that can be read", "file: %s", err)
		}
		if !r.Template {
			out.File = &payload.BodyFile{Name: r.File, Bytes: content}
			return
		}
		// What a file holds is no scenario: names of the run mean nothing in it.
		if b.files.bodySize += len(content); b.files.bodySize > maxBodies {
			b.Failf(at.Span,
				"make it smaller",
				"file: bodies from files have at most %d MiB together, and this one is beyond it",
				maxBodies>>20)
			return
		}
		out.Body = strings.ReplaceAll(string(content), "${", "$${")
	}
}

// tryRows renders the request with every row, and notes what goes wrong at the
// key that it goes wrong in.
func (b *requests) tryRows(
	r *requestFile, spec *httpx.Request, data *payload.Data, in *stepNames, at *strictyaml.Node,
) {
	tried := spec.Expanded(target.Checked, "").(*httpx.Request)
	tried.Expect = expect.Expect{} // what is wrong with it was said
	columns := httpx.Columns{Names: b.shared}
	otherwise := templateHint(r)
	if in == nil && len(b.shared) > 0 {
		names := &stepNames{data: r.Data, rows: data, captured: b.shared}
		columns.Missing, otherwise = names.missing, names.known()
	}
	if in != nil {
		data = in.rows
		columns = httpx.Columns{Names: in.captured, Missing: in.missing}
		otherwise = in.known()
	}
	rows, wrong := tried.ValidateRows(data, columns, max(leastRows, maxTrials-b.tried))
	b.tried += rows
	for _, e := range wrong {
		if slices.Equal(e.Path, fielderr.Field("body")) && b.Set(&r.File) {
			e.Path = fielderr.Field("file") // which holds the body's templates
		}
		where, _ := placeOf(b.Decoder, e.Path, r, at, "")
		b.Failf(where.Span, cmp.Or(e.Hint, otherwise), "%s", e)
	}
}

func templateHint(r *requestFile) string {
	if r.Data == "" {
		return "templates are {{ seq }}, {{ uuid }}, {{ randInt 1 6 }}, or {{ .column }} with a data: file"
	}
	return "templates are {{ .column }} of " + r.Data + ", {{ seq }}, {{ uuid }} or {{ randInt 1 6 }}"
}

const targetsHint = "formats are vegeta's: http has lines such as GET http://127.0.0.1:8080/, json one object a line"

// fromTargets fills a request from a list in vegeta's format.
func (b *requests) fromTargets(r *requestFile, out *httpx.Request) {
	own := b.ownNode(r)
	for _, x := range append(r.httpKeys(), keyOf{&r.Data, "data"}) {
		if n, ok := b.Find(x.ptr); ok {
			b.Failf(n.Span,
				"remove it, or remove targets",
				"%s cannot stand beside targets, whose file says it all", x.key)
		}
	}
	if b.Broken(&r.Targets) {
		return
	}
	at := b.Where(&r.Targets.File, own)
	path, ok := b.files.existing(at, "file", r.Targets.File, maxData)
	if !ok {
		return
	}
	targets, first, err := b.files.lists.of(
		r.Targets.Format+":"+path,
		func() ([]httpx.Target, error) {
			return httpx.LoadTargets(path, r.Targets.Format, b.files.body)
		},
	)
	if err != nil {
		hint := targetsHint
		if _, missing := errors.AsType[*httpx.BodyFileError](err); missing {
			hint = "name it from the list's folder, or start ordeal where vegeta is started: " +
				"body files are looked for in both places"
		}
		b.Failf(at.Span, hint, "targets: %s", err)
		return
	}
	out.Targets = targets
	if !first {
		return // what is wrong in it was said where it is named first
	}
	for _, e := range (&httpx.Request{Targets: targets}).Validate(nil, nil) {
		b.Failf(at.Span, cmp.Or(e.Hint, targetsHint), "targets: %s", e)
	}
	for _, t := range targets {
		b.secrets.headers(t.Headers)
		b.url(t.URL, at)
	}
}
