package expect

import "net/http"

// Answer is what checks and captures look at. It is not safe for concurrent use.
type Answer struct {
	Status int         // 0 if there was no complete answer
	Header http.Header // nil if there was no complete answer; and maybe if nobody looks at it
	// At most MaxBody bytes; if nobody looks at it, the beginning, if Status is 400 or above.
	Body    []byte
	BytesIn int64 // as it came over the wire
	// Encoding is the Content-Encoding of Body until it is unpacked; only if somebody may
	// look at it.
	Encoding string
	// Unfollowed is why a redirect was not followed, though some are; empty if it is none.
	Unfollowed string

	packed   error // why Body cannot be unpacked
	unpacked bool  // Body is no longer what came over the wire
	cut      bool  // and only its beginning

	looked, valid bool      // whether Body is JSON; known once looked
	doc           *document // Body, read as JSON; nil until somebody needs it
}

// MaxBody is how much of an answer's body is kept for checks; the rest is read
// and counted only.
const MaxBody = 1 << 20
