package fast_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// slowly makes the call of an arrival with text/template, net/url and
// encoding/json alone: what the short way has to agree with.
func slowly(r *httpx.Request, planSeed uint64, row map[string]string, a attack.Arrival) (*httpx.Call, error) {
	var rng *rand.Rand
	random := func() *rand.Rand {
		if rng == nil {
			rng = seed.Stream(planSeed, "template/"+strconv.FormatUint(a.Seq, 10))
		}
		return rng
	}
	original := row
	functions := template.FuncMap{
		"seq": func() uint64 { return a.Seq },
		"nth": func() uint64 { return a.Nth },
		"randInt": func(lo, hi int) (int, error) {
			if hi < lo {
				return 0, fmt.Errorf("expected two numbers in ascending order, found %d and %d", lo, hi)
			}
			if uint64(hi)-uint64(lo) == 1<<64-1 {
				return int(random().Uint64()), nil
			}
			return int(uint64(lo) + random().Uint64N(uint64(hi)-uint64(lo)+1)), nil
		},
		"uuid": func() string {
			hi, lo := random().Uint64(), random().Uint64()
			hi, lo = hi&^0xf000|0x4000, lo&^(0b11<<62)|(0b10<<62)
			return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1))
		},
	}
	// Values in a URL are encoded where they come from, but for what is raw.
	encoded := map[string]string{}
	for k, v := range row {
		encoded[k] = strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
		if v == "." || v == ".." {
			encoded[k] = strings.ReplaceAll(v, ".", "%2E")
		}
	}
	rawColumn := regexp.MustCompile(`{{ *raw \.(\w+) *}}`)
	inURL := false
	render := func(s string) (string, error) {
		row := row
		if inURL && hostIsLiteral(s) {
			row = maps.Clone(encoded)
			s = rawColumn.ReplaceAllStringFunc(s, func(m string) string {
				name := rawColumn.FindStringSubmatch(m)[1]
				row["raw_"+name] = original[name]
				return "{{ .raw_" + name + " }}"
			})
		}
		if !strings.Contains(s, "{{") {
			return s, nil
		}
		t, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(s)
		if err != nil {
			return "", payload.TemplateError(s, err)
		}
		var b strings.Builder
		if err := t.Execute(&b, row); err != nil {
			return "", payload.TemplateError("", err)
		}
		return b.String(), nil
	}
	encode := func(fs []payload.Field) (string, error) {
		var b strings.Builder
		for i, f := range fs {
			v, err := render(f.Value)
			if err != nil {
				return "", fmt.Errorf("%s: %w", f.Name, err)
			}
			if i > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(f.Name) + "=" + url.QueryEscape(v))
		}
		return b.String(), nil
	}

	call := &httpx.Call{Method: r.Method}
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	var err error
	inURL = true
	if call.URL, err = render(r.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	inURL = false
	before, fragment, cut := strings.Cut(call.URL, "#")
	if path, query, ok := strings.Cut(before, "?"); ok {
		call.URL = path + "?" + regexp.MustCompile(`(?s)[^!-~\x00-\x1f\x7f]+`).ReplaceAllStringFunc(query, url.PathEscape)
		if cut {
			call.URL += "#" + fragment
		}
	}
	if len(r.Query) > 0 {
		u, err := url.Parse(call.URL)
		if err != nil {
			return nil, fmt.Errorf("url: %w", httpx.WithoutURL(err))
		}
		q, err := encode(r.Query)
		if err != nil {
			return nil, fmt.Errorf("query %w", err)
		}
		if u.RawQuery != "" {
			q = u.RawQuery + "&" + q
		}
		u.RawQuery = q
		call.URL = u.String()
	}
	headers := r.Headers
	if r.JSON != "" {
		headers = withDefault(headers, "Content-Type", "application/json")
	}
	if len(r.Form) > 0 {
		headers = withDefault(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range withDefault(headers, "User-Agent", httpx.UserAgent) {
		v, err := render(h.Value)
		if err == nil {
			err = httpx.ValidField(payload.Field{Name: h.Name, Value: v})
		}
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.Name, err)
		}
		call.Header = append(call.Header, payload.Field{Name: h.Name, Value: v})
	}
	switch {
	case r.JSON != "":
		var failed error
		call.Body = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllFunc([]byte(r.JSON), func(quoted []byte) []byte {
			var s string
			if err := json.Unmarshal(quoted, &s); err != nil || !strings.Contains(s, "{{") || failed != nil {
				return quoted
			}
			if s, failed = render(s); failed != nil {
				return nil
			}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			failed = enc.Encode(s)
			return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		})
		if failed != nil {
			return nil, fmt.Errorf("json: %w", failed)
		}
	case len(r.Form) > 0:
		s, err := encode(r.Form)
		if err != nil {
			return nil, fmt.Errorf("form %w", err)
		}
		call.Body = []byte(s)
	default:
		s, err := render(r.Body)
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		call.Body = []byte(s)
	}
	return call, httpx.Absolute(call.URL, "")
}

// templated are requests of many forms over the columns a and b. A short one
// goes the short way if all it puts in is letters and digits.
var templated = []struct {
	name  string
	req   httpx.Request
	short bool
}{
	{"path", httpx.Request{URL: "http://target/{{ .a }}"}, true},
	{"path, in between", httpx.Request{URL: "http://target/x/{{ .a -}} / {{- .b }}/y"}, true},
	{"path, escaped text", httpx.Request{URL: "http://target/x%20y%2f/{{ .a }}"}, true},
	{"path, text to escape", httpx.Request{URL: "http://target/x y/{{ .a }}"}, false},
	{"path, text not in ASCII", httpx.Request{URL: "http://target/ä/{{ .a }}"}, false},
	{"path, two slashes", httpx.Request{URL: "http://target//{{ .a }}//"}, true},
	{"path, dots", httpx.Request{URL: "http://target/../{{ .a }}/./"}, true},
	{"path, half an escape", httpx.Request{URL: "http://target/%4{{ .a }}"}, false},
	{"path, the row's own escape", httpx.Request{URL: "http://target/%{{ .a }}"}, false},
	{"query in the url", httpx.Request{URL: "http://target/x?q={{ .a }}&r={{ .b }}"}, true},
	{"query in the url, with spaces", httpx.Request{URL: "http://target/x?q y={{ .a }}"}, true},
	{"query's beginning", httpx.Request{URL: "http://target/{{ .a }}?{{ .b }}"}, true},
	{"query", httpx.Request{URL: "http://target/x", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}, {Name: "a &", Value: "1"}, {Name: "r", Value: "x{{ .b }}"}}}, true},
	{"query after one", httpx.Request{URL: "http://target/{{ .b }}?z=1", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}}}, true},
	{"query after an empty one", httpx.Request{URL: "http://target/{{ .b }}?", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}}}, true},
	{"query after a question mark", httpx.Request{URL: "http://target/{{ .b }}??", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}}}, true},
	{"query after a text to escape", httpx.Request{URL: "http://target/x y?z=ä", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}}}, false},
	{"fragment", httpx.Request{URL: "http://target/{{ .a }}#{{ .b }}"}, false},
	{"fragment after a query", httpx.Request{URL: "http://target/x?y#f", Query: []payload.Field{{Name: "q", Value: "{{ .a }}"}}}, false},
	{"no path", httpx.Request{URL: "http://target?{{ .a }}"}, false},
	{"host", httpx.Request{URL: "http://target{{ .a }}/"}, false},
	{"host with a slash in it", httpx.Request{URL: "http://{{ .a }}/{{ .b }}"}, false},
	{"user", httpx.Request{URL: "http://{{ .a }}:{{ .b }}@target/"}, false},
	{"user that is known", httpx.Request{URL: "http://me:p%40ss@target/{{ .a }}"}, true},
	{"user beside authorization", httpx.Request{URL: "http://me:pw@target/", Headers: []payload.Field{{Name: "Authorization", Value: "{{ .a }}"}}}, true},
	{"user beside authorization in other spelling", httpx.Request{URL: "http://me:pw@target/", Headers: []payload.Field{{Name: "authorization", Value: "{{ .a }}"}}}, true},
	{"scheme in capitals", httpx.Request{URL: "HTTP://target/{{ .a }}", Query: []payload.Field{{Name: "q", Value: "1"}}}, false},
	{"https and port", httpx.Request{URL: "https://target:8443/{{ .a }}"}, true},
	{"address with a zone", httpx.Request{URL: "http://[fe80::1%25eth0]:8080/{{ .a }}"}, true},
	{"host not in ASCII", httpx.Request{URL: "http://bücher.example/{{ .a }}"}, false},
	{"url by text/template", httpx.Request{URL: "http://target/{{ if .a }}{{ .b }}{{ end }}"}, true},
	{"header", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .a }}"}, {Name: "x-b", Value: "b={{ .b }};"}}}, true},
	{"header by text/template", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .a | printf \"%s!\" }}"}}}, true},
	{"header twice", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "Cookie", Value: "a={{ .a }}"}, {Name: "Accept", Value: "*/*"}, {Name: "Cookie", Value: "b={{ .b }}"}}}, true},
	{"header with a bad name", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "X A", Value: "{{ .a }}"}}}, false},
	{"header with a bad name and text", httpx.Request{URL: "http://target/{{ .a }}", Headers: []payload.Field{{Name: "X A", Value: "1"}}}, false},
	{"header that is trimmed", httpx.Request{URL: "http://target/{{ .a }}", Headers: []payload.Field{{Name: "X-A", Value: " 1 "}}}, true},
	{"header Host", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "Host", Value: "{{ .a }}.example"}}}, true},
	{"header host", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "hOST", Value: "{{ .a }}"}, {Name: "host", Value: "x"}}}, true},
	{"header Host, the second", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "Host", Value: "x"}, {Name: "Host", Value: "{{ .a }}"}}}, false},
	{"header User-Agent", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "user-agent", Value: "{{ .a }}"}}}, true},
	{"header User-Agent, none", httpx.Request{URL: "http://target/{{ .a }}", Headers: []payload.Field{{Name: "User-Agent", Value: ""}}}, true},
	{"header Connection", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "connection", Value: "{{ .a }}"}}}, false},
	{"header Connection that is known", httpx.Request{URL: "http://target/{{ .a }}", Headers: []payload.Field{{Name: "connection", Value: "close"}}}, true},
	{"header Content-Length", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "Content-Length", Value: "{{ .a }}"}}, Body: "x"}, false},
	{"header Transfer-Encoding", httpx.Request{URL: "http://target/", Headers: []payload.Field{{Name: "Transfer-Encoding", Value: "{{ .a }}"}}, Body: "x"}, false},
	{"header that looks like the marker", httpx.Request{URL: "http://target/target1000000007", Headers: []payload.Field{{Name: "X-A", Value: "header0-1000000007 /target2000000014"}, {Name: "X-B", Value: "{{ .a }}"}}}, true},
	{"body", httpx.Request{Method: "POST", URL: "http://target/", Body: "{{ .a }}\n{{ .b }}"}, true},
	{"body alone", httpx.Request{Method: "PUT", URL: "http://target/", Body: "{{ .a }}"}, true},
	{"body of a GET", httpx.Request{URL: "http://target/", Body: "{{ .a }}"}, true},
	{"body that is known", httpx.Request{Method: "PUT", URL: "http://target/{{ .a }}", Body: "x"}, true},
	{"body that is not there", httpx.Request{Method: "PUT", URL: "http://target/{{ .a }}"}, true},
	{"body, long", httpx.Request{Method: "POST", URL: "http://target/", Body: "{{ .a }}" + strings.Repeat("x", fast.CoalesceSize) + "{{ .b }}"}, true},
	{"body, one byte from long", httpx.Request{Method: "POST", URL: "http://target/", Body: "{{ .a }}" + strings.Repeat("x", fast.CoalesceSize-2)}, true},
	{"json", httpx.Request{Method: "POST", URL: "http://target/", JSON: `{"a": "{{ .a }}", "n": 1, "b": ["\"{{ .b }}<", "\u007b{ .a }}"]}`}, true},
	{"json of one value", httpx.Request{Method: "POST", URL: "http://target/", JSON: `"{{ .a }}"`}, true},
	{"form", httpx.Request{Method: "POST", URL: "http://target/", Form: []payload.Field{{Name: "a", Value: "{{ .a }}"}, {Name: "b ä", Value: "1"}, {Name: "c", Value: "{{ .b }}"}}}, true},
	{"head", httpx.Request{Method: "HEAD", URL: "http://target/{{ .a }}"}, true},
	{"connect", httpx.Request{Method: "CONNECT", URL: "http://target/{{ .a }}"}, true},
	{"options", httpx.Request{Method: "OPTIONS", URL: "http://target/{{ .a }}"}, true},
	{"functions", httpx.Request{URL: "http://target/{{ seq }}/{{ nth }}", Query: []payload.Field{{Name: "i", Value: "{{ uuid }}"}}, Headers: []payload.Field{{Name: "X-R", Value: "{{ randInt -5 5 }}"}, {Name: "X-U", Value: "{{ uuid }}"}}, Body: "{{ randInt -9223372036854775808 9223372036854775807 }}{{ randInt 'a' 1e3 }}"}, true},
	{"the wrong numbers", httpx.Request{URL: "http://target/{{ randInt 6 1 }}"}, false},
	{"too many arguments", httpx.Request{URL: "http://target/{{ seq 1 }}"}, false},
	{"column of a column", httpx.Request{URL: "http://target/{{ .a.b }}"}, false},
	{"other ways to a column", httpx.Request{URL: `http://target/{{ index . "a" }}/{{ print .b }}/{{ index . "c" }}`}, true},
	{"text in braces", httpx.Request{URL: `http://target/{{ "{{" }}/{{ .a }}`}, false},
	{"text in braces in a body", httpx.Request{URL: `http://target/`, Body: `{{ "{{" }}{{ .a }}{{/* nothing */}}`}, true},
	{"variable", httpx.Request{URL: `http://target/`, Body: `{{ $x := .a }}{{ $x }}{{ $.b }}`}, true},
	{"no such column", httpx.Request{URL: "http://target/{{ .a }}", Body: "{{ .zip }}"}, false},
	{"all at once", httpx.Request{Method: "POST", URL: "http://me@target/{{ .a }}/{{ .b }}?x={{ .a }}", Query: []payload.Field{{Name: "q", Value: "{{ .b }}"}}, Headers: []payload.Field{{Name: "Host", Value: "{{ .a }}"}, {Name: "User-Agent", Value: "{{ .b }}"}, {Name: "X-Z", Value: "{{ .a }}"}, {Name: "A", Value: "{{ .b }}"}}, JSON: `["{{ .a }}", "{{ .b }}"]`}, true},
}

// bothWays sends an arrival of a request as it is built, and as slowly makes it, without
// cookies and with some, and compares what goes out.
func bothWays(t *testing.T, w *tappedEngine, b *httpx.Builder, r *attack.Request, a attack.Arrival, captured map[string]string) {
	t.Helper()
	jar := httpx.NewJar()
	jar.Keep(httpx.NewSite(true, "target", "/"), []string{"sid=a b", "x=[1]; Path=/"})
	jar.Keep(httpx.NewSite(true, "x1", "/"), []string{"sid=x1"})
	for _, cookies := range []*httpx.Jar{jar, nil} {
		bothWaysFor(t, w, b, r, a, &httpx.Caller{Values: attacktest.Values(captured), Cookies: cookies})
	}
}

func bothWaysFor(t *testing.T, w *tappedEngine, b *httpx.Builder, r *attack.Request, a attack.Arrival, by *httpx.Caller) {
	t.Helper()
	row := make(map[string]string)
	if n := r.Data.Len(); n > 0 {
		maps.Insert(row, r.Data.Row(int(a.Nth%uint64(n))))
	}
	maps.Insert(row, by.Values.All())
	want, wantErr := slowly(r.Spec.(*httpx.Request), 42, row, a)
	if want != nil && by.Cookies != nil {
		want.Carry(by.Cookies)
	}
	got, err := b.BuildWith(a, by)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%q: expected error %v, found %v", row, wantErr, err)
	}
	if err != nil || wantErr != nil {
		return
	}
	defer got.Release()
	if got.Method != want.Method || got.URL != want.URL {
		t.Errorf("%q: expected %s %s, found %s %s", row, want.Method, want.URL, got.Method, got.URL)
	}
	if !slices.Equal(got.Header, want.Header) {
		t.Errorf("%q: expected headers %q, found %q", row, want.Header, got.Header)
	}
	if !bytes.Equal(got.Body, want.Body) {
		t.Errorf("%q: expected body %q, found %q", row, want.Body, got.Body)
	}
	if !bytes.Equal(got.Cookie, want.Cookie) {
		t.Errorf("%q: expected cookies %q, found %q", row, want.Cookie, got.Cookie)
	}
	short, err := w.send(got)
	long, wantErr := w.send(want)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%q: expected the engine's error %v, found %v", row, wantErr, err)
	}
	if short.to != long.to || short.request != long.request {
		t.Errorf("%q: expected to %s\n%s\nfound to %s\n%s", row, long.to, long.request, short.to, short.request)
	}
	if ends := strings.Contains(long.request, "\r\nConnection: close\r\n"); ends && !long.opened {
		t.Errorf("%q: it says that its connection ends, and the next request came on it", row)
	}
}

func tappedFor(tb testing.TB, r *attack.Request) (*tappedEngine, *httpx.Builder) {
	tb.Helper()
	b, wrong := builderOf(r)
	if wrong != nil {
		tb.Fatal(wrong)
	}
	return newTapped(tb), b
}

// builderOf builds the calls of a request that is a step of a flow.
func builderOf(r *attack.Request) (*httpx.Builder, fielderr.List) {
	return httpx.New(&attack.Plan{Seed: 42, Requests: []attack.Request{*r}, Flows: []attack.Flow{{Steps: []attack.Step{{Request: 0}}}}})
}

// withRows is a request that draws from rows.
func withRows(r httpx.Request, rows ...map[string]string) *attack.Request {
	return &attack.Request{Data: attacktest.Data(rows), Protocol: httpx.Name, Spec: &r}
}

// awkward are values that some place or other cannot take as they are.
var awkward = []string{
	"", " ", "x ", "\tx", "a b", "a\tb", "a\nb", "a\r\nX-B: 1", "\x00", "\x7f", "/", "//", "/x", "x/", "..", "?", "a?b", "?a", "#", "a#b", "%", "%4", "%41", "%zz", "41", "%0a",
	"ä", "日本", "\xff", "a\xffb", "\u2028", "\ufffd", `"`, `\`, `\"`, "<&>", "'", "+", "&", "=", ";", ",", ":", "@", "*", "[", "]", "|", "^", "`", "{", "}", "$", "!", "(", ")", "~",
	"close", "keep-alive", "chunked", "0", "5", "user:pw", "x.example", "x.example:80", "[::1]", "[fe80::1%25eth0]", "me@x", "http://x/", "{{", "{{ .b }}",
	strings.Repeat("x", fast.CoalesceSize), strings.Repeat("é", fast.CoalesceSize),
}

func TestShortWay(t *testing.T) {
	for _, c := range templated {
		t.Run(c.name, func(t *testing.T) {
			rows := []map[string]string{{"a": "x1", "b": "Y2"}}
			for _, v := range awkward {
				rows = append(rows, map[string]string{"a": v, "b": "Y2"}, map[string]string{"a": "x1", "b": v}, map[string]string{"a": v, "b": v})
			}
			r := withRows(c.req, rows...)
			w, b := tappedFor(t, r)
			for n := range uint64(len(rows)) {
				bothWays(t, w, b, r, attack.Arrival{Seq: 1000 + n, Nth: n}, nil)
				bothWays(t, w, b, r, attack.Arrival{Seq: n}, rows[n])
			}
		})
	}
}

// Calls are sent, given back and built again all at once, and each arrives as it
// was built.
func TestReuseUnderLoad(t *testing.T) {
	var wrong atomic.Int64
	long := strings.Repeat("long", fast.CoalesceSize)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		n := r.URL.Query().Get("n")
		want := r.Header.Get("X-Body") + n
		if want == "same"+n {
			want = long
		}
		if err != nil || r.URL.Path != "/"+n || string(body) != want {
			wrong.Add(1)
		}
	}))
	defer srv.Close()
	p := &attack.Plan{Requests: []attack.Request{
		{Name: "own body", Data: attacktest.Data([]map[string]string{{"a": "x"}, {"a": strings.Repeat("y", 300)}, {"a": "zä"}}), Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: srv.URL + "/{{ seq }}", Query: []payload.Field{{Name: "n", Value: "{{ seq }}"}}, Headers: []payload.Field{{Name: "X-Body", Value: "{{ .a }}"}}, Body: "{{ .a }}{{ seq }}"}},
		{Name: "same body", Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: srv.URL + "/{{ seq }}", Query: []payload.Field{{Name: "n", Value: "{{ seq }}"}}, Headers: []payload.Field{{Name: "X-Body", Value: "same"}}, Body: long}},
	}}
	build, err := httpx.NewBuilder(p)
	if err != nil {
		t.Fatal(err)
	}
	eachEngine(t, httpx.Options{MaxInFlight: 8}, func(t *testing.T, e httpx.Engine) {
		var wg sync.WaitGroup
		for w := range uint64(8) {
			wg.Go(func() {
				for n := range uint64(50) {
					call, err := build(attack.Arrival{Seq: 1000*w + n, Nth: n, Request: int(n % 2)})
					if err != nil {
						t.Error(err)
						return
					}
					if r := e.Send(t.Context(), call); r.Err != nil || r.Status != http.StatusOK {
						t.Errorf("status %d, %v", r.Status, r.Err)
					}
					call.Release()
				}
			})
		}
		wg.Wait()
		if n := wrong.Swap(0); n > 0 {
			t.Errorf("%d requests did not arrive as they were built", n)
		}
	})
}

// A templated call may be used again once engine fast has sent it, but never
// after engines that net/http keeps at work behind their back.
func TestRelease(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer srv.Close()
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		for name, r := range map[string]attack.Request{
			"literal":   {Protocol: httpx.Name, Spec: &httpx.Request{URL: srv.URL + "/"}},
			"templated": {Data: attacktest.Data([]map[string]string{{"a": "x"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: srv.URL + "/{{ .a }}", Body: "{{ .a }}"}},
			"long way":  {Data: attacktest.Data([]map[string]string{{"a": "x y"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: srv.URL + "/{{ .a }}"}},
		} {
			call, err := attacktest.Build(t, r)(attack.Arrival{})
			if err != nil {
				t.Fatal(err)
			}
			if r := e.Send(t.Context(), call); r.Err != nil {
				t.Fatal(r.Err)
			}
			if want := isFast(e) && name != "literal"; call.Done != want {
				t.Errorf("%s: to be used again %t, expected %t", name, call.Done, want)
			}
			call.Release()
			call.Release() // does no harm
		}
	})
}
