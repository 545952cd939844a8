package observe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/internal/observe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read opens a source and reads it once.
func read(t *testing.T, s observe.Spec, within time.Duration) (float64, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	source, err := s.Open(observe.SourceEnv{Client: client, Dir: t.TempDir()})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return source(ctx)
}

// page is a server that answers with one text.
func page(t *testing.T, status int, kind, text string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

const promPage = `# HELP jobs_queued Jobs that wait.
# TYPE jobs_queued gauge
jobs_queued{queue="mail"} 7
jobs_queued{queue="bills"} 3
# TYPE other counter
other 5
# TYPE age_seconds histogram
age_seconds_bucket{le="1"} 4
age_seconds_bucket{le="+Inf"} 5
age_seconds_sum 12.5
age_seconds_count 5
broken NaN`

const openPage = `# TYPE jobs_done counter
# HELP jobs_done Jobs.
jobs_done_total{queue="mail"} 17.0 # {trace_id="abc"} 1.0
jobs_done_created{queue="mail"} 1.7e9
# TYPE age_seconds gauge
# UNIT age_seconds seconds
age_seconds 0.25 1700000000.5
# EOF
`

func TestSources(t *testing.T) {
	const text, open = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0; charset=utf-8"
	vector := func(result string) string {
		return `{"status":"success","data":{"resultType":"vector","result":` + result + `}}`
	}
	for _, tt := range []struct {
		name string
		spec func(url string) observe.Spec
		kind string // of the page
		code int
		page string
		want float64
		err  string // NoFigure if it begins with !
	}{
		{name: "prometheus", spec: prometheus, page: vector(`[{"metric":{},"value":[1.5,"42.5"]}]`), want: 42.5},
		{name: "prometheus, scalar", spec: prometheus, page: `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`, want: 3},
		{name: "prometheus, nothing", spec: prometheus, page: vector(`[]`), err: "!the query finds nothing"},
		{name: "prometheus, several", spec: prometheus, page: vector(`[{"value":[1,"1"]},{"value":[1,"2"]}]`), err: "!2 series"},
		{name: "prometheus, matrix", spec: prometheus, page: `{"status":"success","data":{"resultType":"matrix","result":[]}}`, err: "ask for an instant vector"},
		{name: "prometheus, wrong query", spec: prometheus, code: 400, page: `{"status":"error","errorType":"bad_data","error":"parse error at 3"}`, err: "400 Bad Request: parse error at 3"},
		{name: "prometheus, some other server", spec: prometheus, page: "<html>", err: "expected an answer of the query API"},
		{name: "prometheus, broken pair", spec: prometheus, page: vector(`[{"value":[1]}]`), err: "expected a vector"},
		{name: "json", spec: jsonAt("$.queue.depth"), page: `{"queue":{"depth":12}}`, want: 12},
		{name: "json, number as text", spec: jsonAt("$.a"), page: `{"a":"1e3"}`, want: 1000},
		{name: "json, large", spec: jsonAt("$.a"), page: `{"pad":"` + strings.Repeat("x", 2<<20) + `","a":1}`, want: 1},
		{name: "json, text", spec: jsonAt("$.a"), page: `{"a":"many"}`, err: `!expected a number, found "many"`},
		{name: "json, null", spec: jsonAt("$.a"), page: `{"a":null}`, err: "!$.a found no number"},
		{name: "json, not there", spec: jsonAt("$.b"), page: `{"a":1}`, err: "!$.b found no number"},
		{name: "json, no JSON", spec: jsonAt("$.b"), page: `oops`, err: `!expected JSON, found "oops"`},
		{name: "json, status", spec: jsonAt("$.b"), code: 503, page: `{"b":1}`, err: "503"},
		{name: "text", spec: sample("jobs_queued", "one", "queue", "mail"), kind: text, page: promPage, want: 7},
		{name: "text, sum", spec: sample("jobs_queued", "sum"), kind: text, page: promPage, want: 10},
		{name: "text, max", spec: sample("jobs_queued", "max"), kind: text, page: promPage, want: 7},
		{name: "text, min", spec: sample("jobs_queued", "min"), kind: text, page: promPage, want: 3},
		{name: "text, several", spec: sample("jobs_queued", "one"), kind: text, page: promPage, err: "!2 samples of jobs_queued"},
		{name: "text, none", spec: sample("jobs_queued", "one", "queue", "x"), kind: text, page: promPage, err: `!no jobs_queued{queue="x"}`},
		{name: "text, of a histogram", spec: sample("age_seconds_sum", "one"), kind: text, page: promPage, want: 12.5},
		{name: "text, a bucket", spec: sample("age_seconds_bucket", "one", "le", "1"), kind: text, page: promPage, want: 4},
		{name: "text, a count", spec: sample("age_seconds_count", "one"), kind: text, page: promPage, want: 5},
		{name: "text, as a file server sends it", spec: sample("other", "one"), kind: "application/octet-stream", page: promPage, want: 5},
		{name: "text, no page", spec: sample("other", "one"), kind: text, page: "<html>other</html>", err: "!no other"},
		{name: "text, no value", spec: sample("other", "one"), kind: text, page: "other \n", err: "!a line of other has no value"},
		{name: "text, labels without end", spec: sample("other", "one"), kind: text, page: "other{a=\"} 1\n", err: "!a line of other has no value"},
		{name: "text, no number", spec: sample("other", "one"), kind: text, page: "other many\n", err: "!cannot be read"},
		{name: "text, a longer name", spec: sample("other", "one"), kind: text, page: "other_one 1\n", err: "!no other"},
		{name: "text, labels with brackets", spec: sample("x", "one", "path", `a"}b\`), kind: text, page: `x{path="a\"}b\\"} 3 1700000000000` + "\n", want: 3},
		{name: "openmetrics", spec: sample("jobs_done_total", "one", "queue", "mail"), kind: open, page: openPage, want: 17},
		{name: "openmetrics, with a time", spec: sample("age_seconds", "one"), kind: open, page: openPage, want: 0.25},
		{name: "openmetrics, when it was made", spec: sample("jobs_done_created", "one"), kind: open, page: openPage, want: 1.7e9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := read(t, tt.spec(page(t, max(tt.code, 200), tt.kind, tt.page)), 10*time.Second)
			want, answered := strings.CutPrefix(tt.err, "!")
			_, is := errors.AsType[*observe.NoFigure](err)
			switch {
			case want == "" && (err != nil || v != tt.want):
				t.Errorf("%v, %v; want %v", v, err, tt.want)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%v, %v; want the error %q", v, err, want)
			case is != answered:
				t.Errorf("%v: there was an answer: %t, want %t", err, is, answered)
			}
		})
	}
}

func prometheus(url string) observe.Spec {
	return &observe.Prometheus{URL: url + "/prom/", Query: `sum(x{a="b"})`}
}

func jsonAt(path string) func(string) observe.Spec {
	return func(url string) observe.Spec { return &observe.JSONAt{URL: url, Path: path} }
}

func sample(name, take string, labels ...string) func(string) observe.Spec {
	m := map[string]string{}
	for i := 0; i+1 < len(labels); i += 2 {
		m[labels[i]] = labels[i+1]
	}
	return func(url string) observe.Spec {
		return &observe.OpenMetrics{URL: url, Metric: name, Labels: m, Take: take}
	}
}

// A source that never answers is given up.
func TestASourceThatHangs(t *testing.T) {
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush() // it begins to answer
		<-hang
	}))
	defer srv.Close()
	defer close(hang)
	for _, spec := range []func(string) observe.Spec{prometheus, jsonAt("$.a"), sample("a", "one")} {
		_, err := read(t, spec(srv.URL), 50*time.Millisecond)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want that its time is over", err)
		}
	}
}

// The question is asked as it stands, where it should be, with what goes along.
func TestPrometheusIsAsked(t *testing.T) {
	var asked *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`)
	}))
	defer srv.Close()
	spec := &observe.Prometheus{URL: srv.URL + "/prom?tenant=a", Query: "a+b", Sent: observe.Headers{{Name: "Authorization", Value: "Bearer abc"}}}
	if _, err := read(t, spec, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := asked.URL.String(); got != "/prom/api/v1/query?query=a%2Bb&tenant=a" {
		t.Errorf("asked %s", got)
	}
	if got := asked.Header.Get("Authorization"); got != "Bearer abc" {
		t.Errorf("sent %q along", got)
	}
	if b, err := json.Marshal(spec); err != nil || strings.Contains(string(b), "abc") {
		t.Errorf("it prints as %s, %v, with its secret", b, err)
	}
}

func TestFileAndCommand(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name string
		spec observe.Spec
		want float64
		err  string
	}{
		{"file", &observe.File{Name: file("a.json", `{"age":71.5}`), JSON: "$.age"}, 71.5, ""},
		{"file, with nonsense", &observe.File{Name: file("b.json", `{"age":`), JSON: "$.age"}, 0, "expected JSON"},
		{"file that is not there", &observe.File{Name: filepath.Join(dir, "c.json"), JSON: "$.age"}, 0, "there is no file"},
		{"no plain file", &observe.File{Name: dir, JSON: "$.age"}, 0, "no plain file"},
		{"command", &observe.Command{Args: []string{"echo", " 12.5"}}, 12.5, ""},
		{"command, nonsense", &observe.Command{Args: []string{"echo", "12 jobs"}}, 0, `expected a number, found "12 jobs\n"`},
		{"command, nothing", &observe.Command{Args: []string{"true"}}, 0, "found nothing"},
		{"command, NaN is told", &observe.Command{Args: []string{"echo", "0x1p-2"}}, 0.25, ""},
		{"command that fails", &observe.Command{Args: []string{"sh", "-c", "echo 5; echo no such queue >&2; exit 3"}}, 0, "exit status 3; stderr: no such queue"},
		{"command that is not there", &observe.Command{Args: []string{"no-such-program"}}, 0, "the command no-such-program cannot be started"},
		{"command without end", &observe.Command{Args: []string{"sh", "-c", "sleep 60 & sleep 60"}}, 0, "it did not end in time"},
		{"command that prints without end", &observe.Command{Args: []string{"sh", "-c", "head -c 1000000 /dev/zero"}}, 0, "more than 64 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			within := 10 * time.Second
			if strings.Contains(tt.name, "without end") && !strings.Contains(tt.name, "prints") {
				within = 50 * time.Millisecond
			}
			v, err := read(t, tt.spec, within)
			if tt.err == "" && (err != nil || v != tt.want) {
				t.Errorf("%v, %v; want %v", v, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%v, %v; want the error %q", v, err, tt.err)
			}
		})
	}
}

// Every source says what it is, and its settings go through expand.
func TestSourcesConform(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range observe.Sources() {
		if k.Name == "" || k.Doc == "" || seen[k.Name] {
			t.Errorf("source %q lacks a text, or is there twice", k.Name)
		}
		seen[k.Name] = true
		s := k.New()
		if s.String() == "" {
			t.Errorf("%s says nothing of itself", k.Name)
		}
	}
	for _, s := range []observe.Spec{
		prometheus("http://@"), jsonAt("$.a")("http://@"), sample("a", "one")("http://@"), &observe.Command{Args: []string{"@"}},
	} {
		out := s.Expanded(func(text string) string { return strings.ReplaceAll(text, "@", "x") })
		if got := fmt.Sprint(out); strings.Contains(got, "@") || !strings.Contains(got, "x") {
			t.Errorf("expanded to %s", got)
		}
	}
}

func TestUnits(t *testing.T) {
	seen := map[string]bool{}
	for _, u := range observe.MetricUnits() {
		if seen[u.Name] || u.Factor <= 0 {
			t.Errorf("unit %q is there twice, or has the factor %v", u.Name, u.Factor)
		}
		seen[u.Name] = true
		if got, err := observe.ParseUnit(u.Name); err != nil || got != u {
			t.Errorf("%q is found as %v, %v", u.Name, got, err)
		}
	}
	if _, err := observe.ParseUnit("parsec"); err == nil {
		t.Error("a parsec is a unit")
	}
}

func FuzzPages(f *testing.F) {
	f.Add(promPage)
	f.Add(openPage)
	f.Add(`{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"2"]}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		// What goes wrong is an error, and never a panic.
		_, _ = observe.ReadPage(&observe.OpenMetrics{Metric: "jobs_queued", Take: "sum"}, []byte(text))
		_, _ = observe.ParsePrometheus([]byte(text))
	})
}
