package attack

import (
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
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	header := http.Header{"Content-Type": {"text/plain"}, "X-Long": {strings.Repeat("x", 500)}}
	reply := func(status int, body string) Reply {
		return Reply{Status: status, Header: header, Body: []byte(body), BytesIn: int64(len(body))}
	}
	for _, c := range []struct {
		name         string
		expect       Expect
		reply        Reply
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
		{"no answer", Expect{Status: []int{500}}, Reply{Err: context.DeadlineExceeded}, KindTimeout, "no complete answer before the timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := newCheck(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			if kind, detail := ch.reply(&c.reply); kind != c.kind || detail != c.detail {
				t.Errorf("expected %q: %q, found %q: %q", c.kind, c.detail, kind, detail)
			}
		})
	}
}

func TestClassify(t *testing.T) {
	listed := make(map[string]bool)
	for _, k := range Kinds() {
		if listed[k.Name] || k.Doc == "" {
			t.Errorf("%s is listed twice, or has no doc", k.Name)
		}
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
		{errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`), KindProtocol, `net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`},
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
