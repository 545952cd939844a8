package httpx

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Classify returns the kind of a transport error, and what happened in few
// words. The URL is left out, which can hold a secret.
func Classify(err error) (kind, detail string) {
	err = reasonOf(err)
	switch kind = kindOf(err); kind {
	case timeline.KindProtocol:
		return kind, plaintext.Clip(notProper(err), timeline.MaxDetail)
	case timeline.KindUnsolicited:
		return kind, ErrUnsolicited.Error()
	}
	return kind, wire.Detail(kind, err)
}

// reasonOf takes the URL off an error, which can hold a secret.
func reasonOf(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// OpenEnd adds to the error of a stalled answer that the answer does not say how long it is.
func OpenEnd(err error) error {
	return wire.StalledAs(
		err,
		"it has no Content-Length and no chunks, so that only the end of the connection ends it",
	)
}

// notProper says what is wrong with an answer, in the same words for all engines, and without
// quoting the answer.
func notProper(err error) string {
	if m, ok := errors.AsType[*Malformed](err); ok {
		return wire.WithoutQuotes(m.Error())
	}
	detail := strings.TrimPrefix(
		wire.WithoutOp(err),
		"net/http: HTTP/1.x transport connection broken: ",
	)
	return wire.WithoutQuotes((&Malformed{errors.New(detail)}).Error())
}

// TooLarge is the error of an answer whose body is larger than Limit, in bytes.
type TooLarge struct{ Limit int64 }

func (t *TooLarge) Error() string { return fmt.Sprintf("the body is larger than %d bytes", t.Limit) }

func IsTooLarge(err error) bool {
	_, ok := errors.AsType[*TooLarge](err)
	return ok
}

func kindOf(err error) string {
	if IsTooLarge(err) {
		return timeline.KindTooLarge
	}
	if errors.Is(err, ErrUnsolicited) {
		return timeline.KindUnsolicited
	}
	if kind := wire.Kind(err); kind != timeline.KindOther {
		return kind
	}
	// net/http keeps these types to itself.
	msg := err.Error()
	for _, m := range []struct{ part, kind string }{
		{"server closed idle connection", timeline.KindEOF},
		{"server sent GOAWAY", timeline.KindEOF},
		{"client connection lost", timeline.KindEOF},
		{"client connection force closed", timeline.KindEOF},
		{"malformed", timeline.KindProtocol},
		{"server gave HTTP response to HTTPS client", timeline.KindTLS},
		{"stream error", timeline.KindReset},
		{"protocol error", timeline.KindProtocol},
		{"PROTOCOL_ERROR", timeline.KindProtocol},
		{"invalid byte in chunk length", timeline.KindProtocol},
		{"chunk length", timeline.KindProtocol}, // too large, or empty
		{"chunked line", timeline.KindProtocol}, // LF alone, or CR within
		{"chunked encoding", timeline.KindProtocol},
		{"header line too long", timeline.KindProtocol}, // between chunks
		{"trailer after chunked body", timeline.KindProtocol},
		{"too many transfer encodings", timeline.KindProtocol},
		{"invalid empty Content-Length", timeline.KindProtocol},
		{"bad Content-Length", timeline.KindProtocol},
		{"multiple Content-Length", timeline.KindProtocol},
		// Where HTTP/2 was expected.
		{"looked like an HTTP/1.1 header", timeline.KindProtocol},
		// The same, for a request that waited for that connection.
		{"client conn could not be established", timeline.KindProtocol},
		{"unsupported transfer encoding", timeline.KindProtocol},
		{"exceeded", timeline.KindProtocol}, // header bytes
	} {
		if strings.Contains(msg, m.part) {
			return m.kind
		}
	}
	return timeline.KindOther
}
