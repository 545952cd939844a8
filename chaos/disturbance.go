package chaos

import "context"

// listeners are told when a fault's effect begins and ends.
type listeners struct {
	began, ceased       func()
	cutting, cuttingOld func() (done func())
	renew               func()
}

type listenersKey struct{}

func (c *Conductor) withListeners(ctx context.Context, began, ceased func()) context.Context {
	return context.WithValue(
		ctx,
		listenersKey{},
		listeners{began, ceased, c.cutting, c.cuttingOld, c.renew},
	)
}

// Cutting tells the conductor that the target's way of doing or undoing a fault may cut
// connections from now on until done is called: what is lost with them is ordeal's doing and
// not the fault's. A target calls it only where it cannot do without.
func Cutting(ctx context.Context) (done func()) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok && e.cutting != nil {
		return e.cutting()
	}
	return func() {}
}

// CuttingOld is Cutting for connections to the target that are open now: each is cut when it
// is next used, until done is called. As with Renew, the load has left them when it returns.
func CuttingOld(ctx context.Context) (done func()) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok && e.cuttingOld != nil {
		return e.cuttingOld()
	}
	return func() {}
}

// Renew has the load go on with new connections: those that are idle now are closed before it
// returns, and those in use as soon as their answers are in. A target calls it where the way
// that connections take has changed, and those of before would be cut in the end.
func Renew(ctx context.Context) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok && e.renew != nil {
		e.renew()
	}
}

// DisturbanceStarted tells the conductor that the target is about to be disturbed: what is
// due from now on counts to the time of the fault. A target calls it, with the
// context it was handed, if it needs time to prepare before it disturbs
// anything; otherwise the fault's time begins with its injection.
func DisturbanceStarted(ctx context.Context) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok {
		e.began()
	}
}

// DisturbanceEnded tells the conductor that the target is no longer disturbed, although
// the undo is yet to be finished and verified. Without it, the fault's time
// ends when its revert was verified.
func DisturbanceEnded(ctx context.Context) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok {
		e.ceased()
	}
}
