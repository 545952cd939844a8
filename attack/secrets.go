package attack

import (
	"iter"
	"maps"
	"sync"
	"text/template/parse"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// What is secret of one request is known when it has been made: its headers, its
// URL, its body, the row of data it was made from, and what its flow captured and
// was given as cookies. So it is not gathered beforehand, which would take a
// million rows into account for one that fails, but looked up when there is a
// text to clean: where an answer was not as expected.

// How much of a body is looked through for secrets: where an answer is kept, and
// where only a few words are told of it, as of thousands a second when a target
// breaks. Of a request that is always the same, it is done once.
const (
	maxSearched = 64 << 10
	maxBriefly  = 2 << 10
)

// minFound is the shortest value that counts as a secret in all of an answer
// because the answer itself has it under a secret name: many call something
// short a key.
const minFound = 8

// SecretColumns are the columns of data that the requests use as a secret: in an
// Authorization header, as a password=. With the flow at index i, those that its
// steps use, and what they capture; else those of the request at i. A column that
// is a secret by its own name need not be among them.
func (p *Plan) SecretColumns(i int, flow bool) map[string]bool {
	out := make(map[string]bool)
	if !flow {
		p.Requests[i].secretColumns(out)
		return out
	}
	for _, s := range p.Flows[i].Steps {
		p.Requests[s.Request].secretColumns(out)
		for _, c := range s.Captures {
			if secret.Name(c.Name) || secret.Path(c.JSON) || secret.Header(c.Header) || secret.Path(c.Matches) {
				out[c.Name] = true
			}
		}
	}
	return out
}

func (r *Request) secretColumns(out map[string]bool) {
	whole := func(s string) { addColumns(out, s) }
	parts := func(s string) {
		for _, v := range secret.Named(s) {
			whole(v)
		}
	}
	fields := func(fs []Field, is func(string) bool) {
		for _, f := range fs {
			if is(f.Name) {
				whole(f.Value)
			} else {
				parts(f.Value)
			}
		}
	}
	fields(r.Headers, secret.Header)
	fields(r.Query, secret.Name)
	fields(r.Form, secret.Name)
	for _, s := range []string{r.URL, r.Body, QuoteTemplates(r.JSON)} {
		parts(s)
	}
}

// addColumns adds the columns that a template names.
func addColumns(out map[string]bool, s string) {
	t, err := newTemplate(s, new(draw))
	if err != nil {
		return // building it will say so
	}
	for _, p := range t.pieces {
		if p.kind == columnPiece || p.kind == maybePiece {
			out[p.text] = true
		}
	}
	if t.tmpl == nil || t.tmpl.Tree == nil || t.tmpl.Root == nil {
		return
	}
	var walk func(n parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe)
		list(b.List)
		list(b.ElseList)
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				for _, arg := range c.Args {
					walk(arg)
				}
			}
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.ChainNode:
			walk(n.Node)
		case *parse.FieldNode:
			out[n.Ident[0]] = true
		case *parse.VariableNode: // $.column
			if len(n.Ident) > 1 {
				out[n.Ident[1]] = true
			}
		case *parse.StringNode: // index . "column"
			out[n.Text] = true
		}
	}
	list(t.tmpl.Root)
}

// secretColumns returns those of each request: of a step, those of its flow.
func (p *Plan) secretColumns() []map[string]bool {
	out := make([]map[string]bool, len(p.Requests))
	for i := range p.Requests {
		out[i] = p.SecretColumns(i, false)
	}
	for i, f := range p.Flows {
		all := p.SecretColumns(i, true)
		for _, s := range f.Steps {
			maps.Copy(out[s.Request], all)
		}
	}
	return out
}

// secrets are those of one request, of its body as far as most. call and reply are
// nil if it could not be made, c if it is no step of a flow.
func (a *attack) secrets(r *Arrival, call *Call, c *caller, reply *Reply, most int) []string {
	var out []string
	columns := a.actions[r.Request].secretColumns
	row := func(values iter.Seq2[string, string]) {
		for column, v := range values {
			if columns[column] || secret.Field(column, v) {
				out = append(out, v)
			}
		}
	}
	if c != nil {
		row(maps.All(c.captured))
	} else if data := a.plan.Requests[r.Request].Data; data.Len() > 0 {
		row(data.Row(int(r.Nth % uint64(data.Len()))))
	}
	if call != nil {
		out = append(out, call.secrets(most)...)
		out = append(out, secret.InHeader("Cookie", string(call.cookie))...)
	}
	if c != nil {
		for i := range c.cookies.kept {
			out = append(out, secret.InHeader("Cookie", c.cookies.kept[i].pair)...)
		}
	}
	if reply == nil {
		return a.partly(out)
	}
	if c != nil && reply.Err == nil {
		// As the answer is not good, they were not taken from it.
		for _, x := range c.step.captures {
			if columns[x.Name] {
				if v, err := x.take(reply); err == nil {
					out = append(out, v)
				}
			}
		}
	}
	return a.partly(append(out, reply.secrets()...))
}

// partly adds what hide leaves of secrets that hold others.
func (a *attack) partly(secrets []string) []string {
	for _, s := range secrets {
		if rest := a.hide(s); rest != s && rest != secret.Masked {
			secrets = append(secrets, rest)
		}
	}
	return secrets
}

func (a *attack) hide(s string) string {
	if a.Hide == nil {
		return s
	}
	return a.Hide(s)
}

// teller takes the secrets of a request out of what is told of its answer.
type teller struct {
	a       *attack
	arrival Arrival
	call    *Call
	by      *caller // nil if it is no step of a flow
	looked  bool
	found   []string
}

// clean returns a short text about r without secrets, of which t need not know.
func (t *teller) clean(s string, r *Reply) string {
	if t == nil {
		return s
	}
	return withoutSecrets(t.a.hide(s), t.secrets(r))
}

// secrets are looked up when the first text is cleaned. What that takes out of the
// answer can fail, with a text that nobody sees.
func (t *teller) secrets(r *Reply) []string {
	if !t.looked {
		t.looked = true
		t.found = t.a.secrets(&t.arrival, t.call, t.by, r, maxBriefly)
	}
	return t.found
}

// ownSecrets are those of a call that is sent again and again.
type ownSecrets struct {
	once  sync.Once
	found []string
}

// secrets are those that a call carries, in its body as far as most.
func (c *Call) secrets(most int) []string {
	if own := c.own; own != nil {
		own.once.Do(func() { own.found = c.find(maxSearched) })
		return own.found
	}
	return c.find(most)
}

func (c *Call) find(most int) []string {
	out := secret.Find(c.URL)
	for _, h := range c.Header {
		if secret.Header(h.Name) {
			out = append(out, secret.InHeader(h.Name, h.Value)...)
		} else {
			out = append(out, secret.Find(h.Value)...)
		}
	}
	return append(out, secret.Find(string(c.Body[:min(len(c.Body), most)]))...)
}

// secrets are those that an answer's headers bring.
func (r *Reply) secrets() []string {
	var out []string
	for _, line := range r.setCookies {
		out = append(out, secret.InHeader("Set-Cookie", line)...)
	}
	for name, values := range r.Header {
		for _, v := range values {
			if secret.Header(name) {
				out = append(out, secret.InHeader(name, v)...)
			}
		}
	}
	return out
}

// told are the secrets that an answer has under secret names.
func (r *Reply) told() []string {
	var out []string
	for _, v := range secret.Find(string(r.Body[:min(len(r.Body), maxSample)])) {
		if len(v) >= minFound {
			out = append(out, v)
		}
	}
	return out
}

// tells says whether the detail of an error of this kind can hold a part of a
// request or its answer. Others, of which there may be very many, say the same
// whatever was sent.
func tells(kind string) bool {
	switch kind {
	case KindHeader, KindBody, KindJSON, KindCapture, KindTemplate:
		return true
	}
	return false
}

// withoutSecrets cleans a short text: one of very many, most of which hold none.
func withoutSecrets(s string, secrets []string) string {
	if !secret.MayHold(s, secrets) {
		return s
	}
	return secret.NewRedactor(secrets).Text(s)
}
