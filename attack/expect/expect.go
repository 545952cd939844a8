// Package expect says what a good answer is, and takes values out of one. It knows
// nothing of how the answer came.
package expect

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// Expect is what a good answer looks like. Without Status, any from 200 to 399 is
// good, or to 299 where redirects are followed.
type Expect struct {
	// Any of these; 1 to 5 is a class, such as 2 for 200 to 299.
	Status  []int  `json:"status,omitempty"`
	Body    string `json:"body,omitempty"`    // must be contained
	Matches string `json:"matches,omitempty"` // regular expression the body must match
	// Must be present; with this value unless empty.
	Headers []payload.Field `json:"headers,omitempty"`
	// HeaderParts are headers of which a part is expected.
	HeaderParts []HeaderPart `json:"header_parts,omitempty"`
	// JSON are values that the body, read as JSON, must hold.
	JSON []ExpectJSON `json:"json,omitempty"`
	// MinSize and MaxSize bound the body, in bytes; MaxSize 0 is no bound.
	MinSize int64 `json:"min_size,omitempty"`
	MaxSize int64 `json:"max_size,omitempty"`
	// Within bounds the response time; 0 is no bound.
	Within time.Duration `json:"within,omitempty"`
}

// HeaderPart is a header that must be present, with a value that holds Contains and
// matches Matches, where they are set.
type HeaderPart struct {
	Name     string `json:"name"`
	Contains string `json:"contains,omitempty"`
	Matches  string `json:"matches,omitempty"` // regular expression
}

// ExpectJSON is a JSON path (RFC 9535) and what it must find: Value, which is
// JSON text, as one of its nodes, or anything at all if Value is empty.
type ExpectJSON struct {
	Path  string `json:"path"`
	Value string `json:"value,omitempty"`
}
