package ready

import (
	"context"
	"time"
)

// askEvery is how often what is not ready is asked again.
const askEvery = 50 * time.Millisecond

// Unready is how waiting for something ended that did not get ready. If neither
// Late nor GivenUp is set, waiting longer would have been in vain.
type Unready struct {
	Missing error // what was found last
	Late    bool  // the time was over
	GivenUp error // the cause of the context that ended; nil if it did not
}

// Await asks until nothing is missing, and returns nil then. It gives up when
// waiting is in vain, after within, and when ctx ends. All that waits for
// something to get ready waits here, so that none is content with less.
func Await(
	ctx context.Context,
	within time.Duration,
	ask func(context.Context) (missing error, vain bool),
) *Unready {
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	deadline, _ := limit.Deadline() // connections go by it themselves, and may be first
	over := func() bool { return limit.Err() != nil || !time.Now().Before(deadline) }
	var end Unready
	for {
		missing, vain := ask(limit)
		if missing == nil {
			return nil
		}
		// What the end of the time itself cut short says nothing.
		if end.Missing == nil || !over() || vain {
			end.Missing = missing
		}
		if vain {
			return &end
		}
		select {
		case <-limit.Done():
		case <-time.After(askEvery):
		}
		if over() {
			<-limit.Done()
			if end.Late = ctx.Err() == nil; !end.Late {
				end.GivenUp = context.Cause(ctx)
			}
			return &end
		}
	}
}
