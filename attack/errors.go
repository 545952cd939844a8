package attack

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
	"strconv"
	"strings"
	"syscall"

	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// The kinds of errors, as they are counted: rows of timeline.Kinds.
const (
	KindTimeout     = timeline.KindTimeout
	KindStalled     = timeline.KindStalled
	KindUnsent      = timeline.KindUnsent
	KindLate        = timeline.KindLate
	KindSkipped     = timeline.KindSkipped
	KindRefused     = timeline.KindRefused
	KindReset       = timeline.KindReset
	KindEOF         = timeline.KindEOF
	KindUnreachable = timeline.KindUnreachable
	KindDNS         = timeline.KindDNS
	KindTLS         = timeline.KindTLS
	KindProtocol    = timeline.KindProtocol
	KindUnsolicited = timeline.KindUnsolicited
	KindTooLarge    = timeline.KindTooLarge
	KindLocal       = timeline.KindLocal
	KindStatus      = timeline.KindStatus
	KindBody        = timeline.KindBody
	KindHeader      = timeline.KindHeader
	KindJSON        = timeline.KindJSON
	KindSize        = timeline.KindSize
	KindSlow        = timeline.KindSlow
	KindCapture     = timeline.KindCapture
	KindTemplate    = timeline.KindTemplate
	KindNotAllowed  = timeline.KindNotAllowed
	KindOther       = timeline.KindOther
)

// maxDetail bounds what is kept of one error's text, in bytes.
const maxDetail = 200

// classify returns the kind of a transport error, and what happened in few
// words. Ephemeral ports and the URL are left out: they differ from request to
// request, and a URL can hold a secret.
func classify(err error) (kind, detail string) {
	err = reasonOf(err)
	kind = kindOf(err)
	detail = err.Error()
	// Sending a file is a write within a readfrom, each with its addresses.
	for op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil; op, ok = errors.AsType[*net.OpError](op.Err) {
		what := op.Err
		if call, ok := what.(*os.SyscallError); ok {
			what = call.Err // the call's name says what op.Op says
		}
		detail = op.Op + ": " + what.Error()
	}
	switch kind {
	case KindNotAllowed:
		if refused, ok := errors.AsType[*allow.Error](err); ok {
			detail = refused.Error()
		}
	case KindTimeout:
		detail = "no complete answer before the timeout"
	case KindStalled:
		detail = err.Error()
		if e, ok := errors.AsType[stalled](err); ok {
			detail = e.Error()
		}
	case KindProtocol:
		detail = notProper(err, detail)
	case KindUnsolicited:
		detail = errUnsolicited.Error()
	case KindDNS:
		if e, ok := errors.AsType[*net.DNSError](err); ok {
			detail = fmt.Sprintf("look up %s: %s", e.Name, e.Err)
		}
	case KindTLS: // what it quotes is of certificates
	default:
		detail = withoutQuotes(detail)
	}
	return kind, clip(detail, maxDetail)
}

// reasonOf takes the URL off an error, which can hold a secret.
func reasonOf(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// withoutQuotes leaves out what a message about an answer quotes of it: a server
// may echo secrets, also in what is no HTTP.
func withoutQuotes(s string) string {
	for _, before := range []string{"header line: ", "initial line: "} { // of net/textproto, which has no quotes
		if i := strings.Index(s, before); i >= 0 {
			return s[:i+len(before)] + "…"
		}
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return b.String() + s
		}
		b.WriteString(s[:i] + `"…"`)
		quoted, err := strconv.QuotedPrefix(s[i:])
		if err != nil { // it was cut short
			return b.String()
		}
		s = s[i+len(quoted):]
	}
}

// errStalled is a timeout that passed in the middle of an answer.
var errStalled error = stalled{}

type stalled struct {
	endless bool // the answer says nothing of where it ends
}

func (s stalled) Error() string {
	const msg = "the answer began, but was not complete before the timeout"
	if s.endless {
		return msg + ": it has no Content-Length and no chunks, so that only the end of the connection ends it"
	}
	return msg
}

func (stalled) Unwrap() error { return context.DeadlineExceeded }

// Is makes all of them errStalled.
func (stalled) Is(target error) bool { return target == errStalled }

// openEnd says of a stalled answer that it says nothing of where it ends.
func openEnd(err error) error {
	if errors.Is(err, errStalled) {
		return stalled{endless: true}
	}
	return err
}

// notProper says what is wrong with an answer, alike for all engines and without
// what it quotes.
func notProper(err error, detail string) string {
	if m, ok := errors.AsType[*malformed](err); ok {
		return withoutQuotes(m.Error())
	}
	detail = strings.TrimPrefix(detail, "net/http: HTTP/1.x transport connection broken: ")
	return withoutQuotes((&malformed{errors.New(detail)}).Error())
}

// began tells a timeout in the middle of an answer from others.
func began(err error, answer bool) error {
	if answer && errors.Is(err, context.DeadlineExceeded) {
		return errStalled
	}
	return err
}

// tooLarge is an answer whose body is larger than is taken.
type tooLarge struct{ limit int64 }

func (t *tooLarge) Error() string { return fmt.Sprintf("the body is larger than %d bytes", t.limit) }

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*tooLarge](err)
	return ok
}

func kindOf(err error) string {
	if errors.Is(err, errStalled) {
		return KindStalled
	}
	if isTooLarge(err) {
		return KindTooLarge
	}
	if _, ok := errors.AsType[*allow.Error](err); ok {
		return KindNotAllowed
	}
	if errors.Is(err, errUnsolicited) {
		return KindUnsolicited
	}
	// A look-up or a handshake can time out too; whose fault it was says more
	// than that it took too long, but a deadline of ours that passed meanwhile
	// says nothing of them.
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return KindTimeout
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return KindDNS
	}
	if isTLS(err) {
		return KindTLS
	}
	for _, e := range []struct {
		errno syscall.Errno
		kind  string
	}{
		{syscall.ECONNREFUSED, KindRefused},
		{syscall.ECONNRESET, KindReset},
		{syscall.EPIPE, KindReset},
		{syscall.ECONNABORTED, KindReset},
		{syscall.EHOSTUNREACH, KindUnreachable},
		{syscall.ENETUNREACH, KindUnreachable},
		{syscall.EADDRNOTAVAIL, KindLocal},
		{syscall.EMFILE, KindLocal},
		{syscall.ENFILE, KindLocal},
		{syscall.ENOBUFS, KindLocal},
		{syscall.ENOMEM, KindLocal},
		{syscall.ETIMEDOUT, KindTimeout},
	} {
		if errors.Is(err, e.errno) {
			return e.kind
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed) { // closed by the transport, which saw the peer's end while it wrote
		return KindEOF
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return KindTimeout
	}
	// net/http keeps these types to itself.
	msg := err.Error()
	for _, m := range []struct{ part, kind string }{
		{"server closed idle connection", KindEOF},
		{"server sent GOAWAY", KindEOF},
		{"client connection lost", KindEOF},
		{"client connection force closed", KindEOF},
		{"malformed", KindProtocol},
		{"server gave HTTP response to HTTPS client", KindTLS},
		{"stream error", KindReset},
		{"protocol error", KindProtocol},
		{"PROTOCOL_ERROR", KindProtocol},
		{"invalid byte in chunk length", KindProtocol},
		{"chunk length", KindProtocol}, // too large, or empty
		{"chunked line", KindProtocol}, // LF alone, or CR within
		{"chunked encoding", KindProtocol},
		{"header line too long", KindProtocol}, // between chunks
		{"trailer after chunked body", KindProtocol},
		{"too many transfer encodings", KindProtocol},
		{"invalid empty Content-Length", KindProtocol},
		{"bad Content-Length", KindProtocol},
		{"multiple Content-Length", KindProtocol},
		{"looked like an HTTP/1.1 header", KindProtocol},       // where HTTP/2 was expected
		{"client conn could not be established", KindProtocol}, // the same, for whoever waited for that connection
		{"unsupported transfer encoding", KindProtocol},
		{"exceeded", KindProtocol}, // header bytes
	} {
		if strings.Contains(msg, m.part) {
			return m.kind
		}
	}
	return KindOther
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	// Alerts from the other side come as a net.OpError of this name.
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "remote error" || op.Op == "local error") || strings.HasPrefix(err.Error(), "tls: ")
}
