package httpx

import (
	"cmp"
	"iter"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Name is that of the protocol.
const Name = "http"

// Protocol is the entry of the registry, with the engines that can send.
func Protocol(engines []EngineKind) attack.Protocol {
	return attack.Protocol{
		Name: Name, Doc: "HTTP, by one of the engines",
		New: func() attack.Spec { return new(Request) },
		Compile: func(p *attack.Plan) (attack.Client, fielderr.List) {
			return Compile(p, engines)
		},
	}
}

// Request is what is sent by HTTP, and what a good answer is. URL, header values, query
// values and body may hold templates over the data row: {{ .sku }}.
// payload.TemplateFunctions lists what else they can call.
type Request struct {
	Method  string          `json:"method,omitempty" doc:"such as GET, which it is if empty"`
	URL     string          `json:"url,omitempty" doc:"absolute, or a path below the target"`
	Headers []payload.Field `json:"headers,omitempty" doc:"in the order in which they are sent"`
	Query   []payload.Field `json:"query,omitempty" doc:"added to the query of the URL"`
	// At most one of these is the body. In JSON, templates stand within strings
	// and what they render is escaped again; in Form, within values.
	Body   string            `json:"body,omitempty" doc:"the body"`
	JSON   string            `json:"json,omitempty" doc:"the body, as JSON"`
	Form   []payload.Field   `json:"form,omitempty" doc:"the body, as a form"`
	File   *payload.BodyFile `json:"file,omitempty" doc:"the body, from a file"`
	Expect expect.Expect     `json:"expect" doc:"what a good answer is"`
	// Targets, in place of all of the above but Expect: the k-th arrival takes target k
	// modulo their number.
	Targets Targets `json:"targets,omitempty" doc:"a list of targets"`
}

var (
	_ attack.Spec        = (*Request)(nil)
	_ attack.SecretTexts = (*Request)(nil)
	_ attack.Printer     = (*Request)(nil)
)

// Printed implements attack.Printer: the settings stand beside the name. What stands
// under secret names is hidden.
func (r *Request) Printed(of *attack.Request) any {
	shown := r.masked()
	return struct {
		Name    string            `json:"name"`
		Weight  float64           `json:"weight"`
		Method  string            `json:"method,omitempty"`
		URL     string            `json:"url,omitempty"`
		Headers []payload.Field   `json:"headers,omitempty"`
		Query   []payload.Field   `json:"query,omitempty"`
		Body    string            `json:"body,omitempty"`
		JSON    string            `json:"json,omitempty"`
		Form    []payload.Field   `json:"form,omitempty"`
		File    *payload.BodyFile `json:"file,omitempty"`
		Timeout time.Duration     `json:"timeout"`
		Expect  expect.Expect     `json:"expect"`
		Data    *payload.Data     `json:"data,omitempty"`
		Targets Targets           `json:"targets,omitempty"`
	}{
		of.Name, of.Weight, r.Method, r.URL, shown.Headers, shown.Query, r.Body, r.JSON,
		shown.Form, r.File, of.Timeout, shown.Expect, of.Data, r.Targets,
	}
}

// Validate implements attack.Spec: templates are tried with every row of data. It does
// not ask for an absolute URL.
func (r *Request) Validate(data *payload.Data, names []string) fielderr.List {
	_, wrong := r.ValidateRows(data, Columns{Names: names}, math.MaxInt)
	return wrong
}

// Expanded implements attack.Spec. A target list holds no names of the run.
func (r *Request) Expanded(expand func(string) string, target string) attack.Spec {
	fields := func(in []payload.Field) []payload.Field {
		out := make([]payload.Field, len(in))
		for i, x := range in {
			out[i] = payload.Field{Name: x.Name, Value: expand(x.Value)}
		}
		return out
	}
	base := strings.TrimSuffix(target, "/")
	out := *r
	if len(r.Targets) > 0 {
		out.Targets = slices.Clone(r.Targets)
		for i := range out.Targets {
			out.Targets[i].URL = underBase(base, out.Targets[i].URL)
		}
		return &out
	}
	out.URL, out.Body, out.JSON = underBase(base, expand(r.URL)), expand(r.Body), expand(r.JSON)
	out.Headers, out.Query, out.Form = fields(r.Headers), fields(r.Query), fields(r.Form)
	return &out
}

// underBase makes a path one below a URL; other URLs stay as they are.
func underBase(base, url string) string {
	if url == "" || strings.HasPrefix(url, "/") {
		return base + url
	}
	return url
}

// Endpoint implements attack.Spec. Of a target list it is the first that has one.
func (r *Request) Endpoint() string {
	for s := range r.URLs() {
		if u, ok := Origin(s); ok {
			return wire.Address(u)
		}
	}
	return ""
}

// URLs are where it goes: one, or those of its target list.
func (r *Request) URLs() iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(r.Targets) == 0 {
			yield(r.URL)
			return
		}
		for i := range r.Targets {
			if !yield(r.Targets[i].URL) {
				return
			}
		}
	}
}

// String implements attack.Spec.
func (r *Request) String() string {
	if n := len(r.Targets); n > 0 {
		return "a list of " + strconv.Itoa(n)
	}
	return cmp.Or(r.Method, http.MethodGet) + " " + r.URL
}
