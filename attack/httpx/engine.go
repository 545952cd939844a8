package httpx

import (
	"context"

	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// Engine sends requests.
type Engine interface {
	// Send sends call and reads its whole answer, or gives up when ctx ends, with
	// the cause of that as its error. It is safe for concurrent use and never returns before Reply
	// is complete.
	Send(ctx context.Context, call *Call) Reply
	// Close gives up idle connections and everything the engine started.
	Close() error
}

// Renewer is an Engine that keeps connections.
type Renewer interface {
	// Renew makes all later calls use connections that are opened after it. Idle connections are
	// closed at once, and those in use when their answers are in; Renew does not wait for these. It
	// is safe for concurrent use.
	Renew()
}

// DeadlineSender is an Engine that keeps deadlines by itself, which spares a
// context for each send.
type DeadlineSender interface {
	// SendBy is Send with deadlines beside ctx. All calls should come with the same
	// ctx: its end may be watched for between them.
	SendBy(ctx context.Context, by wire.Deadlines, call *Call) Reply
}
