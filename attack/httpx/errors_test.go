package httpx_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/timeline"
)

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
		{context.DeadlineExceeded, timeline.KindTimeout, "no complete answer before the timeout"},
		{op("dial", context.DeadlineExceeded), timeline.KindTimeout, "no complete answer before the timeout"},
		{op("read", os.ErrDeadlineExceeded), timeline.KindTimeout, "no complete answer before the timeout"},
		{sys("connect", syscall.ETIMEDOUT), timeline.KindTimeout, "no complete answer before the timeout"},
		{&url.Error{Op: "Get", URL: "http://h/?token=secret", Err: sys("connect", syscall.ECONNREFUSED)}, timeline.KindRefused, "connect: connection refused"},
		{&net.OpError{Op: "readfrom", Net: "tcp", Err: &net.OpError{Op: "write", Net: "tcp", Source: &net.TCPAddr{Port: 50528}, Err: net.ErrClosed}}, timeline.KindEOF, "write: use of closed network connection"},
		{sys("read", syscall.ECONNRESET), timeline.KindReset, "read: connection reset by peer"},
		{fmt.Errorf("broken: %w", sys("write", syscall.EPIPE)), timeline.KindReset, "write: broken pipe"},
		{sys("connect", syscall.EHOSTUNREACH), timeline.KindUnreachable, "connect: no route to host"},
		{sys("connect", syscall.EADDRNOTAVAIL), timeline.KindLocal, "connect: cannot assign requested address"},
		{sys("socket", syscall.EMFILE), timeline.KindLocal, "socket: too many open files"},
		{op("dial", &net.DNSError{Err: "no such host", Name: "nope", Server: "10.0.0.1:53"}), timeline.KindDNS, "look up nope: no such host"},
		{io.EOF, timeline.KindEOF, "EOF"},
		{io.ErrUnexpectedEOF, timeline.KindEOF, "unexpected EOF"},
		{errors.New("http: server closed idle connection"), timeline.KindEOF, "http: server closed idle connection"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, timeline.KindTLS, "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		{op("remote error", tls.AlertError(42)), timeline.KindTLS, "remote error: tls: bad certificate"},
		{errors.New("http: server gave HTTP response to HTTPS client"), timeline.KindTLS, "http: server gave HTTP response to HTTPS client"},
		{errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`), timeline.KindProtocol, `malformed HTTP answer: malformed HTTP response "…"`},
		{errors.New(`bad "a \"b\" c" or "d" here`), timeline.KindOther, `bad "…" or "…" here`},
		{errors.New(`net/http: malformed MIME header line: abc`), timeline.KindProtocol, `malformed HTTP answer: net/http: malformed MIME header line: …`},
		{&httpx.Malformed{errors.New(`contents: "a \"b\" c`)}, timeline.KindProtocol, `malformed HTTP answer: contents: "…"`},
		{errors.New("http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header"), timeline.KindProtocol, "malformed HTTP answer: http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header"},
		{errors.New("http2: client conn could not be established"), timeline.KindProtocol, "malformed HTTP answer: http2: client conn could not be established"},
		{errors.New("odd"), timeline.KindOther, "odd"},
		{errors.New(strings.Repeat("ö", 300)), timeline.KindOther, strings.Repeat("ö", 98) + "…"},
	} {
		kind, detail := httpx.Classify(c.err)
		if kind != c.kind || detail != c.detail {
			t.Errorf("%v:\nexpected %s: %s\nfound    %s: %s", c.err, c.kind, c.detail, kind, detail)
		}
		if !listed[kind] {
			t.Errorf("kind %s is not listed", kind)
		}
	}
}
