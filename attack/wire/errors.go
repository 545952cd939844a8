package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// errStalled is a timeout that passed in the middle of an answer.
var errStalled error = stalled{}

// stalled is an error that is errStalled.
type stalled struct{ why string }

func (s stalled) Error() string {
	return "the answer began, but was not complete before the timeout" + s.why
}

func (stalled) Unwrap() error { return context.DeadlineExceeded }

// Is implements what errors.Is asks for.
func (stalled) Is(target error) bool { return target == errStalled }

// StalledAs replaces the text of errStalled by why, and returns any other error as it is.
func StalledAs(err error, why string) error {
	if errors.Is(err, errStalled) {
		return stalled{": " + why}
	}
	return err
}

// Began returns errStalled in place of a timeout in the middle of an answer, and any other error as
// it is.
func Began(err error, answer bool) error {
	if answer && errors.Is(err, context.DeadlineExceeded) {
		return errStalled
	}
	return err
}

// Kind is the kind of an error of a connection; KindOther if it is not known here.
func Kind(err error) string {
	if errors.Is(err, errStalled) {
		return timeline.KindStalled
	}
	if _, ok := errors.AsType[*allow.Error](err); ok {
		return timeline.KindNotAllowed
	}
	// A look-up or a handshake can time out by itself too. Then its own kind says more than
	// "timeout". A deadline of ours that passed meanwhile says nothing about it.
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return timeline.KindTimeout
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return timeline.KindDNS
	}
	if isTLS(err) {
		return timeline.KindTLS
	}
	for _, e := range []struct {
		errno syscall.Errno
		kind  string
	}{
		{syscall.ECONNREFUSED, timeline.KindRefused},
		{syscall.ECONNRESET, timeline.KindReset},
		{syscall.EPIPE, timeline.KindReset},
		{syscall.ECONNABORTED, timeline.KindReset},
		{syscall.EHOSTUNREACH, timeline.KindUnreachable},
		{syscall.ENETUNREACH, timeline.KindUnreachable},
		{syscall.EADDRNOTAVAIL, timeline.KindLocal},
		{syscall.EMFILE, timeline.KindLocal},
		{syscall.ENFILE, timeline.KindLocal},
		{syscall.ENOBUFS, timeline.KindLocal},
		{syscall.ENOMEM, timeline.KindLocal},
		{syscall.ETIMEDOUT, timeline.KindTimeout},
	} {
		if errors.Is(err, e.errno) {
			return e.kind
		}
	}
	// net.ErrClosed: net/http's transport closed it, as it saw the peer's end while it wrote.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) {
		return timeline.KindEOF
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return timeline.KindTimeout
	}
	return timeline.KindOther
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
	return ok && (op.Op == "remote error" || op.Op == "local error") ||
		strings.HasPrefix(err.Error(), "tls: ")
}

// Detail says in few words what happened, of an error of a kind. Ephemeral ports
// are left out, as they differ from call to call.
func Detail(kind string, err error) string {
	detail := WithoutOp(err)
	switch kind {
	case timeline.KindNotAllowed:
		if refused, ok := errors.AsType[*allow.Error](err); ok {
			detail = refused.Error()
		}
	case timeline.KindTimeout:
		detail = "no complete answer before the timeout"
	case timeline.KindStalled:
		if e, ok := errors.AsType[stalled](err); ok {
			detail = e.Error()
		}
	case timeline.KindDNS:
		if e, ok := errors.AsType[*net.DNSError](err); ok {
			detail = fmt.Sprintf("look up %s: %s", e.Name, e.Err)
		}
	case timeline.KindTLS: // it quotes certificates only
	default:
		detail = WithoutQuotes(detail)
	}
	return plaintext.Clip(detail, timeline.MaxDetail)
}

// WithoutOp is the text of an error without the addresses of its connection.
func WithoutOp(err error) string {
	detail := err.Error()
	// Sending a file is a write within a readfrom, each with its addresses.
	for op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil; op, ok = errors.AsType[*net.OpError](op.Err) {
		what := op.Err
		if call, ok := what.(*os.SyscallError); ok {
			what = call.Err // the call's name says what op.Op says
		}
		detail = op.Op + ": " + what.Error()
	}
	return detail
}

// WithoutQuotes leaves out of a message what it quotes of an answer: a server may echo secrets,
// also in an answer that is no HTTP.
func WithoutQuotes(s string) string {
	// The words of net/textproto, which quotes nothing.
	for _, before := range []string{"header line: ", "initial line: "} {
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
