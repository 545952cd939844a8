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

// Cutting tells the conductor that doing or undoing a fault may cut connections from now on until
// done is called: requests that are lost with them are ordeal's doing and not the fault's. A target
// calls it only where it cannot avoid to cut.
func Cutting(ctx context.Context) (done func()) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok && e.cutting != nil {
		return e.cutting()
	}
	return func() {}
}

// CuttingOld is Cutting for connections to the target that are open now: each is cut when it is
// next used, until done is called. As with Renew, the load no longer uses them when it returns.
func CuttingOld(ctx context.Context) (done func()) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok && e.cuttingOld != nil {
		return e.cuttingOld()
	}
	return func() {}
}

// Renew makes the load go on with new connections: connections that are idle now are closed before
// it returns, and those in use as soon as their answers are in. A target calls it where the route
// of connections has changed, so that older ones would be cut in the end.
func Renew(ctx context.Context) {
	if e, ok := ctx.Value(listenersKey{}).(listeners); ok && e.renew != nil {
		e.renew()
	}
}

// DisturbanceStarted tells the conductor that the target is about to be disturbed: arrivals that
// are due from now on are in the fault's time. A target calls it, with the context it was handed,
// if it needs time to prepare before it disturbs anything. Otherwise the fault's time begins with
// its injection.
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
