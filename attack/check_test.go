package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestCheck(t *testing.T) {
	header := http.Header{"Content-Type": {"text/plain"}, "X-Long": {strings.Repeat("x", 500)}, "X-Two": {"a", "b"}, "X-Empty": {""}, "X-Session-Key": {"k2"}}
	reply := func(status int, body string) Answer {
		return Answer{Status: status, Header: header, Body: []byte(body), BytesIn: int64(len(body))}
	}
	for _, c := range []struct {
		name         string
		expect       Expect
		reply        Answer
		kind, detail string
	}{
		{"any good status", Expect{}, reply(204, ""), "", ""},
		{"a redirect is an answer", Expect{}, reply(302, ""), "", ""},
		{"bad status", Expect{}, reply(503, ""), KindStatus, "expected status 200 to 399, found 503"},
		{"own status", Expect{Status: []int{401, 403, 404}}, reply(200, ""), KindStatus, "expected status 401, 403 or 404, found 200"},
		{"own status met", Expect{Status: []int{401, 403}}, reply(403, ""), "", ""},
		{"status comes first", Expect{Body: "x"}, reply(500, ""), KindStatus, "expected status 200 to 399, found 500"},
		{"body", Expect{Body: "ok"}, reply(200, "all ok"), "", ""},
		{"bad body", Expect{Body: "ok"}, reply(200, "n\xffo"), KindBody, `expected a body with "ok", found "n�o"`},
		{"empty body", Expect{Body: "ok"}, reply(200, ""), KindBody, `expected a body with "ok", found an empty one`},
		{"matches", Expect{Matches: "^a+$"}, reply(200, "aaa"), "", ""},
		{"does not match", Expect{Matches: "^a+$"}, reply(200, "aab"), KindBody, `expected a body that matches ^a+$, found "aab"`},
		{"header", Expect{Headers: []Field{{"content-type", "text/plain"}, {"X-Long", ""}}}, reply(200, ""), "", ""},
		{"no header", Expect{Headers: []Field{{"X-No", ""}}}, reply(200, ""), KindHeader, "expected header X-No, found none"},
		{"other header", Expect{Headers: []Field{{"Content-Type", "a/b"}}}, reply(200, ""), KindHeader, "expected header Content-Type: a/b, found text/plain"},
		{"class", Expect{Status: []int{2, 404}}, reply(299, ""), "", ""},
		{"class or status", Expect{Status: []int{2, 404}}, reply(404, ""), "", ""},
		{"neither", Expect{Status: []int{2, 404}}, reply(302, ""), KindStatus, "expected status 2xx or 404, found 302"},
		{"one of several lines", Expect{Headers: []Field{{"x-two", "b"}}}, reply(200, ""), "", ""},
		{"a header that nobody is to see", Expect{Headers: []Field{{"x-session-key", "k1"}}}, reply(200, ""), KindHeader, "expected another value of header x-session-key"},
		{"none of several lines", Expect{Headers: []Field{{"x-two", "c"}}}, reply(200, ""), KindHeader, "expected header x-two: c, found a"},
		{"part of a header", Expect{HeaderParts: []HeaderPart{{Name: "content-type", Contains: "plain"}, {Name: "X-Two", Matches: "^b$"}}}, reply(200, ""), "", ""},
		{"other part", Expect{HeaderParts: []HeaderPart{{Name: "Content-Type", Contains: "json"}}}, reply(200, ""), KindHeader,
			`expected a header Content-Type that contains "json", found text/plain`},
		{"both parts", Expect{HeaderParts: []HeaderPart{{Name: "Content-Type", Contains: "plain", Matches: "^application/"}}}, reply(200, ""), KindHeader,
			`expected a header Content-Type that contains "plain" and matches ^application/, found text/plain`},
		{"part of none", Expect{HeaderParts: []HeaderPart{{Name: "X-No", Contains: "a"}}}, reply(200, ""), KindHeader, "expected header X-No, found none"},
		{"part of what nobody is to see", Expect{HeaderParts: []HeaderPart{{Name: "x-session-key", Contains: "k9"}}}, reply(200, ""), KindHeader,
			"expected another value of header x-session-key"},
		{"empty header", Expect{Headers: []Field{{"X-Empty", ""}}}, reply(200, ""), KindHeader, "expected header X-Empty, found none"},

		{"size", Expect{MinSize: 3, MaxSize: 3}, reply(200, "abc"), "", ""},
		{"too short", Expect{MinSize: 3}, reply(200, "ab"), KindSize, "expected a body of at least 3 bytes, found 2"},
		{"too long", Expect{MaxSize: 3}, reply(200, "abcd"), KindSize, "expected a body of at most 3 bytes, found 4"},
		{"not between", Expect{MinSize: 2, MaxSize: 3}, reply(200, ""), KindSize, "expected a body of 2 to 3 bytes, found 0"},
		{"size without the body", Expect{MinSize: 1 << 30}, Answer{Status: 200, BytesIn: 1 << 30}, "", ""},

		{"json", Expect{JSON: []ExpectJSON{{"$.status", `"ok"`}, {"$.items[0].id", "7"}, {"$.items", ""}}}, reply(200, `{"status":"ok","items":[{"id":7.0}]}`), "", ""},
		{"json not there", Expect{JSON: []ExpectJSON{{"$.id", ""}}}, reply(200, `{"di":1}`), KindJSON, "expected $.id, found none"},
		{"json value not there", Expect{JSON: []ExpectJSON{{"$.id", "1"}}}, reply(200, `[]`), KindJSON, "expected $.id to be 1, found none"},
		{"json other value", Expect{JSON: []ExpectJSON{{"$.id", `"<1>"`}}}, reply(200, `{"id":1}`), KindJSON, `expected $.id to be "<1>", found 1`},
		{"json null is a value", Expect{JSON: []ExpectJSON{{"$.id", "null"}, {"$.id", ""}}}, reply(200, `{"id":null}`), "", ""},
		{"json null is no other", Expect{JSON: []ExpectJSON{{"$.id", "null"}}}, reply(200, `{"id":false}`), KindJSON, "expected $.id to be null, found false"},
		{"json one of several", Expect{JSON: []ExpectJSON{{"$[*].id", "2"}}}, reply(200, `[{"id":1},{"id":2}]`), "", ""},
		{"json none of several", Expect{JSON: []ExpectJSON{{"$[*].id", "3"}}}, reply(200, `[{"id":1},{"id":2},{}]`), KindJSON, "expected $[*].id to be 3, found 1 and 1 more"},
		{"json whole", Expect{JSON: []ExpectJSON{{"$", `{"a":[1,{}],"b":""}`}}}, reply(200, ` {"b":"", "a":[1,{}]} `), "", ""},
		{"json long number", Expect{JSON: []ExpectJSON{{"$.id", "12345678901234567890"}}}, reply(200, `{"id":12345678901234567891}`), KindJSON, "expected $.id to be 12345678901234567890, found 12345678901234567891"},
		{"no json", Expect{JSON: []ExpectJSON{{"$.id", ""}}}, reply(200, `<html>`), KindJSON, `expected JSON, found "<html>"`},
		{"json and more", Expect{JSON: []ExpectJSON{{"$", ""}}}, reply(200, `1 2`), KindJSON, `expected JSON, found "1 2"`},
		{"json, empty", Expect{JSON: []ExpectJSON{{"$", ""}}}, reply(200, ``), KindJSON, "expected JSON, found an empty one"},
		{"json of a stranger", Expect{JSON: []ExpectJSON{{"$[?match(@.a, @.b)]", ""}}}, reply(200, `[{"a":"x"}]`), KindJSON, "$[?match(@.a, @.b)] cannot be told of this answer"},
		{"json cut off", Expect{JSON: []ExpectJSON{{"$", ""}}}, Answer{Status: 200, Body: []byte("[1"), BytesIn: MaxBody + 1}, KindJSON, `expected JSON, found "[1" (only the first 1048576 bytes are looked at)`},
		{"body before json", Expect{Body: "x", JSON: []ExpectJSON{{"$", ""}}}, reply(200, ``), KindBody, `expected a body with "x", found an empty one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := newCheck(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			if kind, detail := ch.reply(&c.reply, 0, true); kind != c.kind || detail != c.detail {
				t.Errorf("expected %q: %q, found %q: %q", c.kind, c.detail, kind, detail)
			}
		})
	}
}

// The response time is looked at last: what is wrong says more than what is late.
func TestCheckWithin(t *testing.T) {
	ch, err := newCheck(Expect{Within: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status   int
		response time.Duration
		kind     string
	}{
		{200, 0, ""},
		{200, 300 * time.Millisecond, ""},
		{200, 300*time.Millisecond + 1, KindSlow},
		{500, time.Second, KindStatus},
	} {
		kind, detail := ch.reply(&Answer{Status: c.status}, c.response, true)
		if kind != c.kind || c.kind == KindSlow && detail != "expected an answer within 300ms" {
			t.Errorf("%d after %s: expected %q, found %q: %s", c.status, c.response, c.kind, kind, detail)
		}
	}
	// Details are counted by their text: it does not differ from answer to answer.
	_, one := ch.reply(&Answer{Status: 200}, time.Second, true)
	if _, other := ch.reply(&Answer{Status: 200}, time.Minute, true); one != other {
		t.Errorf("expected one text, found %q and %q", one, other)
	}
}

func TestExpectRefuses(t *testing.T) {
	for _, c := range []struct {
		expect Expect
		want   string
	}{
		{Expect{Status: []int{6}}, "status: expected 100 to 599, or 1 to 5 for a class, found 6"},
		{Expect{Matches: "a(b"}, "matches: expected a regular expression: missing closing ): `a(b`"},
		{Expect{Headers: []Field{{"", "x"}}}, "headers: expected a name, found none"},
		{Expect{HeaderParts: []HeaderPart{{Name: "X", Matches: "("}}}, "headers: X: matches: expected a regular expression: missing closing ): `(`"},
		{Expect{JSON: []ExpectJSON{{"$.a.", ""}}}, "json: expected a JSON path such as $.items[0].id: unexpected eof at character 5"},
		{Expect{JSON: []ExpectJSON{{"", ""}}}, "json: expected a JSON path such as $.items[0].id: unexpected end of input at character 1"},
		{Expect{JSON: []ExpectJSON{{"$.a", "ok"}}}, `json: expected the value of $.a as JSON, found "ok"`},
		{Expect{MinSize: -1}, "size: min: expected at least 0, found -1"},
		{Expect{MaxSize: -1}, "size: max: expected at least 0, found -1"},
		{Expect{MinSize: 2, MaxSize: 1}, "size: expected min to be at most max, found 2 above 1 bytes"},
		{Expect{Within: -1}, "within: expected at least 0, found -1ns"},
	} {
		if err := c.expect.Validate().Err(); err == nil || err.Error() != c.want {
			t.Errorf("%+v:\nexpected %s\nfound    %v", c.expect, c.want, err)
		}
	}
}

// A body is read as JSON once, whoever asks for how many paths, and not at all
// for nobody.
func TestJSONIsReadOnce(t *testing.T) {
	r := &Answer{Status: 200, Body: []byte(`{"a":1}`)}
	plain, _ := newCheck(Expect{Body: "a"})
	if kind, _ := plain.reply(r, 0, true); kind != "" || r.doc != nil {
		t.Errorf("nobody asked for JSON, but it was read (%s)", kind)
	}
	one, _ := newCheck(Expect{JSON: []ExpectJSON{{"$.a", "1"}}})
	if kind, detail := one.reply(r, 0, true); kind != "" || r.doc != nil {
		t.Errorf("a straight path needs no tree (%s)", detail)
	}
	many, _ := newCheck(Expect{JSON: []ExpectJSON{{"$.*", "1"}, {"$..a", ""}}})
	if kind, detail := many.reply(r, 0, true); kind != "" || r.doc == nil {
		t.Fatal(detail)
	}
	first := r.doc
	if _, err := mustCapture(t, Capture{Name: "a", JSON: "$.*"}).take(r); err != nil || r.doc != first {
		t.Errorf("read again (%v)", err)
	}
}

type checkToMeasure struct {
	name   string
	expect Expect
	allocs bool
}

var checksToMeasure = []checkToMeasure{
	{"nothing asked", Expect{}, false},
	{"status", Expect{Status: []int{201, 200}}, false},
	{"header", Expect{Headers: []Field{{"content-type", "application/json"}}}, false},
	{"body", Expect{Body: `"last":true`}, false},
	{"size and within", Expect{MinSize: 10, MaxSize: 10 << 10, Within: time.Second}, false},
	{"regexp", Expect{Matches: `"last":(true|false)`}, false},
	{"one JSON path", Expect{JSON: []ExpectJSON{{"$.items[3].id", "4"}}}, false},
	{"four JSON paths", Expect{JSON: []ExpectJSON{{"$.items[3].id", "4"}, {"$.items[4].sku", `"SKU-5"`}, {"$.last", "true"}, {"$.items", ""}}}, false},
	{"JSON path to many", Expect{JSON: []ExpectJSON{{"$.items[*].id", "9"}}}, true},
}

// prepare gives an answer of about 1 KiB.
func (c checkToMeasure) prepare(tb testing.TB) (*check, *Answer) {
	tb.Helper()
	ch, err := newCheck(c.expect)
	if err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := 1; i <= 10; i++ {
		fmt.Fprintf(&b, `{"id":%d,"sku":"SKU-%d","name":"a thing of some length","price":12.50,"tags":["new","sale"]},`, i, i)
	}
	b.Truncate(b.Len() - 1)
	b.WriteString(`],"last":true}`)
	return ch, &Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: b.Bytes(), BytesIn: int64(b.Len())}
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range checksToMeasure {
		b.Run(c.name, func(b *testing.B) {
			ch, r := c.prepare(b)
			b.ReportAllocs()
			for b.Loop() {
				r.doc, r.looked = nil, false // as it comes from an engine
				if kind, detail := ch.reply(r, time.Millisecond, true); kind != "" {
					b.Fatal(detail)
				}
			}
		})
	}
}

func TestClassify(t *testing.T) {
	listed := make(map[string]bool)
	for _, k := range timeline.Kinds() {
		listed[k.Name] = true
	}
	op := func(what string, err error) error {
		return &net.OpError{Op: what, Net: "tcp", Addr: &net.TCPAddr{Port: 55555}, Err: err}
	}
	sys := func(what string, e syscall.Errno) error { return op(what, os.NewSyscallError(what, e)) }
	for _, c := range []struct {
		err          error
		kind, detail string
	}{
		{context.DeadlineExceeded, KindTimeout, "no complete answer before the timeout"},
		{op("dial", context.DeadlineExceeded), KindTimeout, "no complete answer before the timeout"},
		{op("read", os.ErrDeadlineExceeded), KindTimeout, "no complete answer before the timeout"},
		{sys("connect", syscall.ETIMEDOUT), KindTimeout, "no complete answer before the timeout"},
		{&url.Error{Op: "Get", URL: "http://h/?token=secret", Err: sys("connect", syscall.ECONNREFUSED)}, KindRefused, "connect: connection refused"},
		{&net.OpError{Op: "readfrom", Net: "tcp", Err: &net.OpError{Op: "write", Net: "tcp", Source: &net.TCPAddr{Port: 50528}, Err: net.ErrClosed}}, KindEOF, "write: use of closed network connection"},
		{sys("read", syscall.ECONNRESET), KindReset, "read: connection reset by peer"},
		{fmt.Errorf("broken: %w", sys("write", syscall.EPIPE)), KindReset, "write: broken pipe"},
		{sys("connect", syscall.EHOSTUNREACH), KindUnreachable, "connect: no route to host"},
		{sys("connect", syscall.EADDRNOTAVAIL), KindLocal, "connect: cannot assign requested address"},
		{sys("socket", syscall.EMFILE), KindLocal, "socket: too many open files"},
		{op("dial", &net.DNSError{Err: "no such host", Name: "nope", Server: "10.0.0.1:53"}), KindDNS, "look up nope: no such host"},
		{io.EOF, KindEOF, "EOF"},
		{io.ErrUnexpectedEOF, KindEOF, "unexpected EOF"},
		{errors.New("http: server closed idle connection"), KindEOF, "http: server closed idle connection"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, KindTLS, "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		{op("remote error", tls.AlertError(42)), KindTLS, "remote error: tls: bad certificate"},
		{errors.New("http: server gave HTTP response to HTTPS client"), KindTLS, "http: server gave HTTP response to HTTPS client"},
		{errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`), KindProtocol, `malformed HTTP answer: malformed HTTP response "…"`},
		{errors.New(`bad "a \"b\" c" or "d" here`), KindOther, `bad "…" or "…" here`},
		{errors.New(`net/http: malformed MIME header line: abc`), KindProtocol, `malformed HTTP answer: net/http: malformed MIME header line: …`},
		{&malformed{errors.New(`contents: "a \"b\" c`)}, KindProtocol, `malformed HTTP answer: contents: "…"`},
		{errors.New("http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header"), KindProtocol, "malformed HTTP answer: http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header"},
		{errors.New("http2: client conn could not be established"), KindProtocol, "malformed HTTP answer: http2: client conn could not be established"},
		{errors.New("odd"), KindOther, "odd"},
		{errors.New(strings.Repeat("ö", 300)), KindOther, strings.Repeat("ö", 98) + "…"},
	} {
		kind, detail := classify(c.err)
		if kind != c.kind || detail != c.detail {
			t.Errorf("%v:\nexpected %s: %s\nfound    %s: %s", c.err, c.kind, c.detail, kind, detail)
		}
		if !listed[kind] {
			t.Errorf("kind %s is not listed", kind)
		}
	}
}

func TestClip(t *testing.T) {
	s := "aä€😀\xff😀€äa"
	for n := 3; n <= len(s)+1; n++ {
		got := clip(s, n)
		if len(got) > n {
			t.Errorf("%d: %q has %d bytes", n, got, len(got))
		}
		if n > len(s) && got != s {
			t.Errorf("%d: expected all, found %q", n, got)
		}
		if strings.Count(got, "�") > 0 || utf8.ValidString(strings.TrimSuffix(got, "…")) != !strings.Contains(got, "\xff") {
			t.Errorf("%d: a character was cut in two: %q", n, got)
		}
	}
}
