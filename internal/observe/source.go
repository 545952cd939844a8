package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// SourceKind is an entry of the registry of sources of metrics.
type SourceKind struct {
	Name string // the key of a metric in the scenario file; never changed, as it stands in plans
	Doc  string
	New  func() Spec
}

// Sources lists every source that a metric can be read from.
func Sources() []SourceKind {
	return []SourceKind{
		{"prometheus", "a query that Prometheus answers with one value",
			func() Spec { return new(Prometheus) }},
		{"json", "a value of a JSON document that a URL answers with",
			func() Spec { return new(JSONAt) }},
		{"openmetrics", "a sample of a page in the text format of Prometheus or OpenMetrics",
			func() Spec { return new(OpenMetrics) }},
		{"file", "a value of a JSON file", func() Spec { return new(File) }},
		{"command", "a command that prints a number", func() Spec { return new(Command) }},
	}
}

// Spec is what a metric's source is set to: a pointer to a struct whose exported fields carry
// json and doc tags.
type Spec interface {
	// Validate says what is wrong, by field, nil if nothing.
	Validate() fielderr.List
	// Expanded is a copy whose texts went through expand, which puts names of the run in.
	Expanded(expand func(string) string) Spec
	// Asks is the URL that is asked, empty if none is.
	Asks() string
	// Headers are what is sent along, of which some may be secret.
	Headers() []payload.Field
	// Texts are all others that may hold a secret.
	Texts() []string
	// Open returns what reads the figure, or why nothing ever could.
	Open(env SourceEnv) (Source, error)
	// String says in few words what is read.
	String() string
}

// SourceEnv is what sources read with.
type SourceEnv struct {
	Client *http.Client
	Dir    string // where commands run and files are
}

// Source reads a figure once. A *NoFigure says that there was an answer, and no number in it.
type Source func(ctx context.Context) (float64, error)

// NoFigure says that a source answered, and that the answer holds no figure.
type NoFigure struct{ Why string }

// Error implements error.
func (n *NoFigure) Error() string { return n.Why }

func noFigure(format string, args ...any) error { return &NoFigure{fmt.Sprintf(format, args...)} }

// newClient asks sources where allow_hosts lets it. It follows no redirects, and asks no proxy
// of the environment, which would answer in the source's place.
func newClient(env *Env) (*http.Client, error) {
	conf, err := env.Attack.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	dial := &allow.Dialer{Hosts: env.Hosts}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dial.DialContext, TLSClientConfig: conf, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// Headers are sent with a question. Those with a secret name print without their values.
type Headers []payload.Field

// MarshalJSON implements json.Marshaler.
func (h Headers) MarshalJSON() ([]byte, error) {
	out := slices.Clone([]payload.Field(h))
	for i := range out {
		if secret.Header(out[i].Name) && out[i].Value != "" {
			out[i].Value = secret.Masked
		}
	}
	return json.Marshal(out)
}

func (h Headers) expanded(expand func(string) string) Headers {
	out := slices.Clone(h)
	for i := range out {
		out[i].Value = expand(out[i].Value)
	}
	return out
}

// maxPage is how much of an answer, or of a file, is read, in bytes.
const maxPage = 16 << 20

// fetch asks a URL, and returns the answer with status 200, or else what its body says.
func fetch(
	ctx context.Context, client *http.Client, url, accept string, headers Headers,
) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("expected a URL to ask: %w", plain(err))
	}
	req.Header.Set("Accept", accept)
	for _, h := range headers {
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value
		}
		req.Header.Set(h.Name, h.Value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, plain(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("reading its answer: %w", plain(err))
	case len(body) > maxPage:
		return nil, nil, fmt.Errorf("its answer is larger than %d MiB", maxPage>>20)
	case resp.StatusCode != http.StatusOK:
		return resp, body, fmt.Errorf("it answered %s", resp.Status)
	}
	return resp, body, nil
}

// plain takes the URL off an error, which may hold a secret.
func plain(err error) error {
	if e, ok := errors.AsType[*neturl.Error](err); ok {
		return e.Err
	}
	return err
}

// validURL says what is wrong with a URL of a source.
func validURL(raw string) fielderr.List {
	u, err := neturl.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		e := fielderr.At(fielderr.Field("url"), "url: expected an http or https URL, found %q",
			plaintext.Clip(secret.Mask(raw), 60))
		return fielderr.List{e.WithHint("write it such as http://127.0.0.1:9090")}
	}
	return nil
}

// validPath says what is wrong with a JSON path in a field.
func validPath(field, path string) fielderr.List {
	if path == "" {
		return nil // a mistake of its own
	}
	_, err := newTaker(path)
	wrong := fielderr.Of(err)
	for i := range wrong {
		wrong[i].Path = fielderr.Field(field)
		wrong[i].Msg = field + strings.TrimPrefix(wrong[i].Msg, "json")
	}
	return wrong
}

// shown is the beginning of what a source answered, for people.
func shown(text string) string { return strconv.Quote(plaintext.Clip(text, 60)) }

// number reads what a source answered.
func number(text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		if strings.TrimSpace(text) == "" {
			return 0, noFigure("expected a number, found nothing")
		}
		return 0, noFigure("expected a number, found %s", shown(text))
	}
	return v, nil
}

// jsonNumber reads the number that a JSON path finds in a document.
func jsonNumber(taker *expect.Taker, body []byte) (float64, error) {
	if !json.Valid(body) {
		return 0, noFigure("expected JSON, found %s", shown(string(body)))
	}
	text, _, err := taker.TakeKind(&expect.Answer{Body: body, BytesIn: int64(len(body))})
	if err != nil {
		return 0, noFigure("%s found no number: %s", taker.JSON,
			strings.TrimPrefix(err.Error(), "capture value: "))
	}
	return number(text)
}

// newTaker compiles a JSON path.
func newTaker(path string) (*expect.Taker, error) {
	return expect.NewTaker(expect.Capture{Name: "value", JSON: path})
}
