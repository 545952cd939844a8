// Package nethelper is what runs inside a helper container: it impairs the traffic of
// the network namespace it was put into, and puts it right again whatever
// happens to whoever started it.
//
// # A helper's life
//
// It is started with its Params as arguments, says ready, waits for the line
// "apply" on its input, impairs the traffic, measures that it is impaired and says
// applied with what it saw. If it carries connections itself, it says carrying in
// between, and waits for the line "reset" before it resets those from before.
// All the time it has an eye on the reasons to stop, and from then on waits for the
// first: the line "revert" on its input, the end of its input (the engine closes it
// when ordeal dies), no line "beat" for five seconds, its deadline, or SIGTERM. Then
// it clears the traffic, verifies that, says reverted and exits. All that it says
// are Messages, one JSON object a line, on its output.
//
// # Mechanisms
//
// There is more than one way to impair traffic, and many kernels lack some. The
// mechanisms are tried in order (see mechanisms), and one counts as usable
// only if its effect was measured:
//
//   - netem: a queueing discipline on the namespace's interfaces;
//   - nft-proxy: an nftables redirect of incoming connections to a proxy inside
//     the namespace.
//
// # What is left alone
//
// Loopback traffic inside the namespace is never impaired. Nothing that ordeal did
// not make is changed: a foreign queueing discipline or table is a reason to
// refuse, not to replace.
package nethelper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Command is the name of ordeal's hidden command that runs Main.
const Command = "agent"

// Exit codes of a helper.
const (
	exitOK        = 0 // traffic was impaired and is clear again, or was found clean
	exitUnapplied = 1 // traffic could not be impaired, and is clear
	exitUsage     = 2 // the arguments are wrong; nothing was done
	exitDirty     = 4 // the undo failed or could not be verified
)

// Main is the helper's program. args are those after Command: "net" with Params
// as flags impairs traffic, "clean" removes what a helper that was itself killed
// left in the namespace, and says what that was.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(
			stderr,
			Command+": expected net or clean, found nothing; ordeal starts this command by itself in helper containers",
		)
		return exitUsage
	}
	out := newOutput(stdout)
	switch args[0] {
	case "net":
		p, err := parseParams(args[1:])
		if err != nil {
			out.send(Message{Event: EventError, Error: err.Error()})
			fmt.Fprintln(stderr, Command+" net:", err)
			return exitUsage
		}
		// SIGPIPE is asked for only so that it does not kill the helper before it
		// has undone its work, if nobody reads its output any more.
		signals := make(chan os.Signal, 4)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
		defer signal.Stop(signals)
		s := session{params: p, in: stdin, out: out, signals: signals, mechanisms: mechanisms()}
		return s.run()
	case "clean":
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		found, err := clean(ctx)
		if err != nil {
			out.send(Message{Event: EventError, Error: err.Error()})
			return exitDirty
		}
		out.send(Message{Event: EventClean, Found: found})
		return exitOK
	}
	fmt.Fprintf(stderr, "%s: expected net or clean, found %q\n", Command, args[0])
	return exitUsage
}

// mechanism is one way to impair the traffic of the namespace that the process is
// in. It is used by one goroutine.
type mechanism interface {
	// apply impairs traffic and returns when the effect was measured. If it fails,
	// something may be left to revert. A mechanism that carries connections itself calls
	// carrying as soon as every new connection goes through it, and resets those that were
	// opened before only once it returns nil: by then the load has left them.
	apply(ctx context.Context, p Params, carrying func() error) (evidence string, err error)
	// revert clears traffic and returns when that was verified. It calls
	// cleared as soon as nothing is impaired any more, which may be a while before
	// the last connection is rid of the mechanism. It is idempotent, and valid
	// before and after a partial apply.
	revert(ctx context.Context, cleared func()) (Cleared, error)
}

// namedMechanism is an entry of the registry of mechanisms.
type namedMechanism struct {
	name string
	can  []string // the network conditions that it can do
	make func() mechanism
}

// Cleared is what a mechanism saw when it had clear traffic.
type Cleared struct {
	Evidence string
	Traffic  *Traffic // nil if the mechanism does not count
}

// errNoTime is the cause of an apply that took too long.
var errNoTime = errors.New("it took too long")
