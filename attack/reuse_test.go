package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// slowly makes the call of an arrival with text/template, net/url and
// encoding/json alone: what the short way has to agree with.
func slowly(r *Request, planSeed uint64, row map[string]string, a Arrival) (*Call, error) {
	var rng *rand.Rand
	random := func() *rand.Rand {
		if rng == nil {
			rng = seed.Stream(planSeed, "template/"+strconv.FormatUint(a.Seq, 10))
		}
		return rng
	}
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
	render := func(s string) (string, error) {
		if !strings.Contains(s, "{{") {
			return s, nil
		}
		t, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(s)
		if err != nil {
			return "", templateError(s, err)
		}
		var b strings.Builder
		if err := t.Execute(&b, row); err != nil {
			return "", templateError("", err)
		}
		return b.String(), nil
	}
	encode := func(fs []Field) (string, error) {
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

	call := &Call{Method: r.Method}
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	var err error
	if call.URL, err = render(r.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if len(r.Query) > 0 {
		u, err := url.Parse(call.URL)
		if err != nil {
			return nil, fmt.Errorf("url: %w", parseError(err))
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
	for _, h := range withDefault(headers, "User-Agent", userAgent) {
		v, err := render(h.Value)
		if err == nil {
			err = validField(Field{h.Name, v})
		}
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.Name, err)
		}
		call.Header = append(call.Header, Field{h.Name, v})
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
	return call, absolute(call.URL, "")
}

// templated are requests of many forms over the columns a and b. A short one
// goes the short way if all it puts in is letters and digits.
var templated = []struct {
	name  string
	req   Request
	short bool
}{
	{"path", Request{URL: "http://target/{{ .a }}"}, true},
	{"path, in between", Request{URL: "http://target/x/{{ .a -}} / {{- .b }}/y"}, true},
	{"path, escaped text", Request{URL: "http://target/x%20y%2f/{{ .a }}"}, true},
	{"path, text to escape", Request{URL: "http://target/x y/{{ .a }}"}, false},
	{"path, text not in ASCII", Request{URL: "http://target/ä/{{ .a }}"}, false},
	{"path, two slashes", Request{URL: "http://target//{{ .a }}//"}, true},
	{"path, dots", Request{URL: "http://target/../{{ .a }}/./"}, true},
	{"path, half an escape", Request{URL: "http://target/%4{{ .a }}"}, false},
	{"path, the row's own escape", Request{URL: "http://target/%{{ .a }}"}, false},
	{"query in the url", Request{URL: "http://target/x?q={{ .a }}&r={{ .b }}"}, true},
	{"query in the url, with spaces", Request{URL: "http://target/x?q y={{ .a }}"}, true},
	{"query's beginning", Request{URL: "http://target/{{ .a }}?{{ .b }}"}, true},
	{"query", Request{URL: "http://target/x", Query: []Field{{"q", "{{ .a }}"}, {"a &", "1"}, {"r", "x{{ .b }}"}}}, true},
	{"query after one", Request{URL: "http://target/{{ .b }}?z=1", Query: []Field{{"q", "{{ .a }}"}}}, true},
	{"query after an empty one", Request{URL: "http://target/{{ .b }}?", Query: []Field{{"q", "{{ .a }}"}}}, true},
	{"query after a question mark", Request{URL: "http://target/{{ .b }}??", Query: []Field{{"q", "{{ .a }}"}}}, true},
	{"query after a text to escape", Request{URL: "http://target/x y?z=ä", Query: []Field{{"q", "{{ .a }}"}}}, false},
	{"fragment", Request{URL: "http://target/{{ .a }}#{{ .b }}"}, false},
	{"fragment after a query", Request{URL: "http://target/x?y#f", Query: []Field{{"q", "{{ .a }}"}}}, false},
	{"no path", Request{URL: "http://target?{{ .a }}"}, false},
	{"host", Request{URL: "http://target{{ .a }}/"}, false},
	{"host with a slash in it", Request{URL: "http://{{ .a }}/{{ .b }}"}, false},
	{"user", Request{URL: "http://{{ .a }}:{{ .b }}@target/"}, false},
	{"user that is known", Request{URL: "http://me:p%40ss@target/{{ .a }}"}, true},
	{"user beside authorization", Request{URL: "http://me:pw@target/", Headers: []Field{{"Authorization", "{{ .a }}"}}}, true},
	{"user beside authorization in other spelling", Request{URL: "http://me:pw@target/", Headers: []Field{{"authorization", "{{ .a }}"}}}, true},
	{"scheme in capitals", Request{URL: "HTTP://target/{{ .a }}", Query: []Field{{"q", "1"}}}, false},
	{"https and port", Request{URL: "https://target:8443/{{ .a }}"}, true},
	{"address with a zone", Request{URL: "http://[fe80::1%25eth0]:8080/{{ .a }}"}, true},
	{"host not in ASCII", Request{URL: "http://bücher.example/{{ .a }}"}, false},
	{"url by text/template", Request{URL: "http://target/{{ if .a }}{{ .b }}{{ end }}"}, true},
	{"header", Request{URL: "http://target/", Headers: []Field{{"X-A", "{{ .a }}"}, {"x-b", "b={{ .b }};"}}}, true},
	{"header by text/template", Request{URL: "http://target/", Headers: []Field{{"X-A", "{{ .a | printf \"%s!\" }}"}}}, true},
	{"header twice", Request{URL: "http://target/", Headers: []Field{{"Cookie", "a={{ .a }}"}, {"Accept", "*/*"}, {"Cookie", "b={{ .b }}"}}}, true},
	{"header with a bad name", Request{URL: "http://target/", Headers: []Field{{"X A", "{{ .a }}"}}}, false},
	{"header with a bad name and text", Request{URL: "http://target/{{ .a }}", Headers: []Field{{"X A", "1"}}}, false},
	{"header that is trimmed", Request{URL: "http://target/{{ .a }}", Headers: []Field{{"X-A", " 1 "}}}, true},
	{"header Host", Request{URL: "http://target/", Headers: []Field{{"Host", "{{ .a }}.example"}}}, true},
	{"header host", Request{URL: "http://target/", Headers: []Field{{"hOST", "{{ .a }}"}, {"host", "x"}}}, true},
	{"header Host, the second", Request{URL: "http://target/", Headers: []Field{{"Host", "x"}, {"Host", "{{ .a }}"}}}, false},
	{"header User-Agent", Request{URL: "http://target/", Headers: []Field{{"user-agent", "{{ .a }}"}}}, true},
	{"header User-Agent, none", Request{URL: "http://target/{{ .a }}", Headers: []Field{{"User-Agent", ""}}}, true},
	{"header Connection", Request{URL: "http://target/", Headers: []Field{{"connection", "{{ .a }}"}}}, false},
	{"header Connection that is known", Request{URL: "http://target/{{ .a }}", Headers: []Field{{"connection", "close"}}}, true},
	{"header Content-Length", Request{URL: "http://target/", Headers: []Field{{"Content-Length", "{{ .a }}"}}, Body: "x"}, false},
	{"header Transfer-Encoding", Request{URL: "http://target/", Headers: []Field{{"Transfer-Encoding", "{{ .a }}"}}, Body: "x"}, false},
	{"header that looks like the marker", Request{URL: "http://target/target1000000007", Headers: []Field{{"X-A", "header0-1000000007 /target2000000014"}, {"X-B", "{{ .a }}"}}}, true},
	{"body", Request{Method: "POST", URL: "http://target/", Body: "{{ .a }}\n{{ .b }}"}, true},
	{"body alone", Request{Method: "PUT", URL: "http://target/", Body: "{{ .a }}"}, true},
	{"body of a GET", Request{URL: "http://target/", Body: "{{ .a }}"}, true},
	{"body that is known", Request{Method: "PUT", URL: "http://target/{{ .a }}", Body: "x"}, true},
	{"body that is not there", Request{Method: "PUT", URL: "http://target/{{ .a }}"}, true},
	{"body, long", Request{Method: "POST", URL: "http://target/", Body: strings.Repeat("{{ .a }}0123456789", 600) + "{{ .b }}"}, true},
	{"body, one byte from long", Request{Method: "POST", URL: "http://target/", Body: "{{ .a }}" + strings.Repeat("x", together-2)}, true},
	{"json", Request{Method: "POST", URL: "http://target/", JSON: `{"a": "{{ .a }}", "n": 1, "b": ["\"{{ .b }}<", "\u007b{ .a }}"]}`}, true},
	{"json of one value", Request{Method: "POST", URL: "http://target/", JSON: `"{{ .a }}"`}, true},
	{"form", Request{Method: "POST", URL: "http://target/", Form: []Field{{"a", "{{ .a }}"}, {"b ä", "1"}, {"c", "{{ .b }}"}}}, true},
	{"head", Request{Method: "HEAD", URL: "http://target/{{ .a }}"}, true},
	{"connect", Request{Method: "CONNECT", URL: "http://target/{{ .a }}"}, true},
	{"options", Request{Method: "OPTIONS", URL: "http://target/{{ .a }}"}, true},
	{"functions", Request{URL: "http://target/{{ seq }}/{{ nth }}", Query: []Field{{"i", "{{ uuid }}"}},
		Headers: []Field{{"X-R", "{{ randInt -5 5 }}"}, {"X-U", "{{ uuid }}"}}, Body: "{{ randInt -9223372036854775808 9223372036854775807 }}{{ randInt 'a' 1e3 }}"}, true},
	{"the wrong numbers", Request{URL: "http://target/{{ randInt 6 1 }}"}, false},
	{"too many arguments", Request{URL: "http://target/{{ seq 1 }}"}, false},
	{"column of a column", Request{URL: "http://target/{{ .a.b }}"}, false},
	{"other ways to a column", Request{URL: `http://target/{{ index . "a" }}/{{ print .b }}/{{ index . "c" }}`}, true},
	{"text in braces", Request{URL: `http://target/{{ "{{" }}/{{ .a }}`}, false},
	{"text in braces in a body", Request{URL: `http://target/`, Body: `{{ "{{" }}{{ .a }}{{/* nothing */}}`}, true},
	{"variable", Request{URL: `http://target/`, Body: `{{ $x := .a }}{{ $x }}{{ $.b }}`}, true},
	{"no such column", Request{URL: "http://target/{{ .a }}", Body: "{{ .zip }}"}, false},
	{"all at once", Request{Method: "POST", URL: "http://me@target/{{ .a }}/{{ .b }}?x={{ .a }}", Query: []Field{{"q", "{{ .b }}"}},
		Headers: []Field{{"Host", "{{ .a }}"}, {"User-Agent", "{{ .b }}"}, {"X-Z", "{{ .a }}"}, {"A", "{{ .b }}"}}, JSON: `["{{ .a }}", "{{ .b }}"]`}, true},
}

// wires compares both ways of an arrival of a request, and says which it went.
func wires(t *testing.T, e *fastEngine, b *builder, r *Request, a Arrival, captured map[string]string) (short bool) {
	t.Helper()
	row := make(map[string]string)
	if n := uint64(len(r.Data)); n > 0 {
		maps.Copy(row, r.Data[a.Nth%n])
	}
	maps.Copy(row, captured)
	want, wantErr := slowly(r, 42, row, a)
	got, err := b.BuildWith(a, captured)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%q: expected error %v, found %v", row, wantErr, err)
	}
	if err != nil || wantErr != nil {
		return false
	}
	defer got.release()
	if got.Method != want.Method || got.URL != want.URL || !slices.Equal(got.Header, want.Header) || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("%q: expected %s %s %q %q, found %s %s %q %q", row,
			want.Method, want.URL, want.Header, want.Body, got.Method, got.URL, got.Header, got.Body)
	}
	short = got.form != nil && e.form(got.form) != nil
	w, err := e.wire(got)
	long, wantErr := e.newWire(want)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%q: expected the engine's error %v, found %v", row, wantErr, err)
	}
	if err != nil || wantErr != nil {
		return false
	}
	if w.host != long.host || w.last != long.last || w.headLen != long.headLen || !bytes.Equal(w.head, long.head) || !bytes.Equal(w.rest, long.rest) {
		t.Errorf("%q: expected\n%s\nfound\n%s", row, append(long.head, long.rest...), append(w.head, w.rest...))
	}
	return short
}

func newWires(tb testing.TB, r *Request) (*fastEngine, *builder) {
	tb.Helper()
	e, err := newFastEngine(Options{MaxInFlight: 1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	b, err := newBuilder(&Plan{Seed: 42, Requests: []Request{*r}})
	if err != nil {
		tb.Fatal(err)
	}
	return e.(*fastEngine), b
}

// awkward are values that some place or other cannot take as they are.
var awkward = []string{
	"", " ", "x ", "\tx", "a b", "a\tb", "a\nb", "a\r\nX-B: 1", "\x00", "\x7f", "/", "//", "/x", "x/", "..", "?", "a?b", "?a", "#", "a#b", "%", "%4", "%41", "%zz", "41", "%0a",
	"ä", "日本", "\xff", "a\xffb", "\u2028", "\ufffd", `"`, `\`, `\"`, "<&>", "'", "+", "&", "=", ";", ",", ":", "@", "*", "[", "]", "|", "^", "`", "{", "}", "$", "!", "(", ")", "~",
	"close", "keep-alive", "chunked", "0", "5", "user:pw", "x.example", "x.example:80", "[::1]", "[fe80::1%25eth0]", "me@x", "http://x/", "{{", "{{ .b }}",
	strings.Repeat("x", together), strings.Repeat("é", together),
}

func TestShortWay(t *testing.T) {
	for _, c := range templated {
		t.Run(c.name, func(t *testing.T) {
			c.req.Data = []map[string]string{{"a": "x1", "b": "Y2"}}
			for _, v := range awkward {
				c.req.Data = append(c.req.Data, map[string]string{"a": v, "b": "Y2"}, map[string]string{"a": "x1", "b": v}, map[string]string{"a": v, "b": v})
			}
			e, b := newWires(t, &c.req)
			for n := range uint64(len(c.req.Data)) {
				short := wires(t, e, b, &c.req, Arrival{Seq: 1000 + n, Nth: n}, nil)
				if n == 0 && short != c.short {
					t.Errorf("with a row of letters and digits: the short way %t, expected %t", short, c.short)
				}
				wires(t, e, b, &c.req, Arrival{Seq: n}, c.req.Data[n])
			}
		})
	}
}

func FuzzShortWay(f *testing.F) {
	for i := range templated {
		f.Add(uint8(i), "x1", "Y2", uint64(i))
	}
	for i, v := range awkward {
		f.Add(uint8(i), v, "x", uint64(1))
		f.Add(uint8(i+20), "x", v, uint64(1))
	}
	f.Fuzz(func(t *testing.T, which uint8, a, b string, seq uint64) {
		r := templated[int(which)%len(templated)].req
		r.Data = []map[string]string{{"a": a, "b": b}}
		e, builder := newWires(t, &r)
		for range 2 { // the second time in used memory
			wires(t, e, builder, &r, Arrival{Seq: seq, Nth: seq}, nil)
			wires(t, e, builder, &r, Arrival{Seq: seq}, map[string]string{"a": b})
		}
	})
}

// Whatever a template is, its pieces put in what text/template does.
func FuzzPieces(f *testing.F) {
	for _, c := range templated {
		f.Add(c.req.URL, "1", "2")
		f.Add(c.req.Body, "1", "2")
	}
	for _, s := range []string{"{{- .a -}} x", "{{ .a }}{{ define \"\" }}x{{ end }}", "{{ print .a .b }}", "{{ index . .a }}", "{{ (.a) }}", "{{ .a | print }}", "{{ nil }}", "{{ . }}", "{{ 1 }}",
		"{{ index . `a` }}", "{{ randInt 0x10 1_000 }}", "{{ randInt 1.5 2 }}", "{{ uuid }}{{ uuid }}", "{{ break }}", "{{/* c */}}", "{{ .A }}", "{{ index . \"a\" \"b\" }}", "{{ true }}"} {
		f.Add(s, "1", "")
	}
	f.Fuzz(func(t *testing.T, s, a, b string) {
		if regexp.MustCompile(`range|template|define|block|%[^a-z]*\d{4}`).MatchString(s) {
			t.Skip("can be made to take for ever, as the author of a scenario may")
		}
		r := Request{URL: "http://h/", Body: s}
		k, err := newKit(&r, 42)
		if err != nil {
			return
		}
		row := map[string]string{"a": a, "b": b}
		for seq := range uint64(2) {
			want, wantErr := slowly(&r, 42, row, Arrival{Seq: seq, Nth: 3})
			var got Call
			err := k.render(&got, &r, Arrival{Seq: seq, Nth: 3}, row)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%q with %q: expected error %v, found %v", s, row, wantErr, err)
			}
			if err == nil && !bytes.Equal(got.Body, want.Body) {
				t.Fatalf("%q with %q: expected %q, found %q", s, row, want.Body, got.Body)
			}
		}
	})
}

func TestBuildWith(t *testing.T) {
	r := Request{
		URL: "http://h/{{ .id }}", Headers: []Field{{"Authorization", "Bearer {{ .token }}"}}, Query: []Field{{"q", "{{ if .token }}{{ .own }}{{ end }}"}},
		Data: []map[string]string{{"own": "1", "id": "from the row"}},
	}
	b, err := newBuilder(&Plan{Requests: []Request{r}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := b.BuildWith(Arrival{}, map[string]string{"id": "7", "token": "t"})
		if err != nil || c.URL != "http://h/7?q=1" || c.Header[0].Value != "Bearer t" {
			t.Errorf("found %+v, %v", c, err)
		}
		// What one flow has captured is nothing to the next.
		if _, err := b.BuildWith(Arrival{}, nil); err == nil || !strings.Contains(err.Error(), `no column "token"`) {
			t.Errorf("without captures: found %v", err)
		}
	}
}

func TestValidateWith(t *testing.T) {
	r := Request{URL: "http://h:{{ .port }}/{{ .id }}", Headers: []Field{{"X-N", "{{ printf \"%s\" .token }}"}}, JSON: `{"id": "{{ .id }}"}`}
	if err := r.ValidateWith([]string{"id", "token", "port"}); err != nil {
		t.Errorf("expected no error, found %v", err)
	}
	for _, c := range []struct {
		columns []string
		data    []map[string]string
		want    string
	}{
		{nil, nil, `url: the data row has no column "port" (the request has no data)`},
		{[]string{"port", "id"}, nil, `header X-N: the data row has no column "token" (the request has no data)`},
		{[]string{"port", "token"}, []map[string]string{{"id": "1"}, {"x": "1"}}, `with data row 2: url: the data row has no column "id"`},
	} {
		r.Data = c.data
		if err := r.ValidateWith(c.columns); err == nil || err.Error() != c.want {
			t.Errorf("with %q: expected %q, found %v", c.columns, c.want, err)
		}
	}
}

// A templated call may be used again once engine fast has sent it, but never
// after engines that net/http keeps at work behind their back.
func TestRelease(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer srv.Close()
	eachEngine(t, Options{MaxInFlight: 1}, func(t *testing.T, e Engine) {
		for name, r := range map[string]Request{
			"literal":   {URL: srv.URL + "/"},
			"templated": {URL: srv.URL + "/{{ .a }}", Body: "{{ .a }}", Data: []map[string]string{{"a": "x"}}},
			"long way":  {URL: srv.URL + "/{{ .a }}", Data: []map[string]string{{"a": "x y"}}},
		} {
			call, err := build(t, r)(Arrival{})
			if err != nil {
				t.Fatal(err)
			}
			if r := e.Send(t.Context(), call); r.Err != nil {
				t.Fatal(r.Err)
			}
			_, fast := e.(*fastEngine)
			if want := fast && name != "literal"; call.done != want {
				t.Errorf("%s: to be used again %t, expected %t", name, call.done, want)
			}
			call.release()
			call.release() // does no harm
		}
	})
}

// Nothing looks at a call after its Send, whatever came of it: a body that is
// written aside as its time runs out, or as its connection is cut.
func TestFastIsDoneWithBodies(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const size = 8 << 20 // more than sockets take
	var serving sync.WaitGroup
	bad := make(chan string, 100)
	serving.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				if n%3 == 1 { // answers before it has read it all
					_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
				}
				time.Sleep(5 * time.Millisecond)
				all, _ := io.ReadAll(c)
				if i := bytes.IndexByte(all, '!'); i >= 0 {
					bad <- fmt.Sprintf("connection %d: byte %d of %d was changed after Send", n, i, len(all))
				}
			})
		}
	})
	e, err := newFastEngine(Options{MaxInFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := build(t, Request{Method: "POST", URL: "http://" + ln.Addr().String() + "/", Body: "{{ .a }}", Data: []map[string]string{{"a": strings.Repeat("x", size)}}})
	for n := range 12 {
		call, err := f(Arrival{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
		if n%2 == 1 {
			time.AfterFunc(time.Duration(n)*time.Millisecond/2, cancel)
		}
		e.Send(ctx, call)
		cancel()
		body := call.Body[:size]
		for i := range body {
			body[i] = '!'
		}
		clear(call.wire.head)
		call.release()
	}
	e.Close()
	ln.Close()
	serving.Wait()
	close(bad)
	for msg := range bad {
		t.Error(msg)
	}
}

// hungry is steady for requests with a body.
func hungry(tb testing.TB) (url string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
	length, end := []byte("\r\nContent-Length: "), []byte("\r\n\r\n")
	// whole says that b is a request, body and all.
	whole := func(b []byte) bool {
		at := bytes.Index(b, end)
		if at < 0 {
			return false
		}
		n := 0
		if i := bytes.Index(b[:at], length); i >= 0 {
			for _, d := range b[i+len(length) : at] {
				if d < '0' || d > '9' {
					break
				}
				n = 10*n + int(d-'0')
			}
		}
		return len(b) == at+len(end)+n
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 64<<10)
				for n := 0; ; {
					m, err := c.Read(buf[n:])
					if n += m; err != nil {
						return
					}
					if whole(buf[:n]) {
						n = 0
						if _, err := c.Write(answer); err != nil {
							return
						}
					}
				}
			})
		}
	})
	tb.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// shapes of requests, from those that are all the same to those that go through
// text/template.
var priced = []struct {
	name string
	req  Request
	most float64 // allocations
}{
	{"fixed", Request{URL: "/x"}, 0},
	{"path", Request{URL: "/{{ .a }}"}, 1},
	{"query", Request{URL: "/", Query: []Field{{"q", "{{ .a }}"}}}, 1},
	{"header", Request{URL: "/", Headers: []Field{{"X-A", "{{ .a }}"}}}, 1},
	{"json", Request{Method: "POST", URL: "/", JSON: `{"a": "{{ .a }}", "b": "{{ .b }}", "n": "{{ seq }}"}`}, 0},
	{"all", Request{Method: "POST", URL: "/{{ .a }}?n={{ nth }}", Headers: []Field{{"X-A", "{{ uuid }}"}, {"Host", "{{ .a }}"}}, Form: []Field{{"a", "{{ .a }}"}, {"n", "{{ randInt 1 6 }}"}}}, 1},
	{"text-template", Request{URL: "/{{ if .a }}{{ .a }}{{ end }}"}, 20},
	{"escaped", Request{URL: "/{{ .b }}"}, 60},
}

func TestTemplatedAllocations(t *testing.T) {
	for _, c := range priced {
		t.Run(c.name, func(t *testing.T) {
			send := sender(t, c.req)
			if n := testing.AllocsPerRun(1000, send); n > c.most {
				t.Errorf("expected at most %g allocations from Build to the answer, found %g", c.most, n)
			}
		})
	}
}

// BenchmarkTemplated is all that a request takes: build, send, read, release.
func BenchmarkTemplated(b *testing.B) {
	for _, c := range priced {
		b.Run(c.name, func(b *testing.B) {
			send := sender(b, c.req)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

// BenchmarkTemplatedWire is what of that is neither the network's nor the
// answer's.
func BenchmarkTemplatedWire(b *testing.B) {
	for _, c := range priced {
		b.Run(c.name, func(b *testing.B) {
			c.req.URL = "http://target" + c.req.URL
			c.req.Data = []map[string]string{{"a": "x1", "b": "Zürich"}}
			e, builder := newWires(b, &c.req)
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				call, err := builder.Build(Arrival{Seq: n, Nth: n})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.wire(call); err != nil {
					b.Fatal(err)
				}
				call.release()
			}
		})
	}
}

// sender returns what sends the request's next arrival.
func sender(tb testing.TB, r Request) func() {
	r.URL = hungry(tb) + r.URL
	r.Data = []map[string]string{{"a": "x1", "b": "Zürich"}}
	engine, builder := newWires(tb, &r)
	seq := uint64(0)
	return func() {
		call, err := builder.Build(Arrival{Seq: seq, Nth: seq})
		if err != nil {
			tb.Fatal(err)
		}
		if r := engine.SendBy(tb.Context(), time.Now().Add(time.Minute), call); r.Err != nil {
			tb.Fatal(r.Err)
		}
		call.release()
		seq++
	}
}
