package runner

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// The closed loop: each user is a goroutine that asks, waits for the answer, thinks, and asks
// again. A request is due when its user is ready for it. So a slow target is asked less often: the
// figures are what such callers see, and not what others would.

// admitInterval is how precisely the number of users follows its shape.
const admitInterval = 10 * time.Millisecond

// user is one caller. Its draws come from a stream of its own: what it asks for does not depend on
// the number of other users.
type user struct {
	recorderSlot
	index  int
	choose func() int
	seq    uint64
	nth    uint64
	kept   []any         // what clients keep of it
	idle   chan struct{} // holds a token while the user's goroutine does not run
}

// Sequence numbers of each user are different from those of the schedule and of all other users.
const (
	seqOfStage = 1e15
	seqOfUser  = 1e9
)

// admitUsers starts the users of a stage if it is a closed one; a.mu is held.
func (a *runner) admitUsers(stage int, begin time.Duration) {
	s := &a.plan.Stages[stage]
	shape, ok := s.Shape.(arrivals.ClosedShape)
	if !ok {
		return
	}
	c := &stageUsers{
		runner: a,
		shape:  shape,
		pause:  shape.ThinkTime(),
		stage:  stage,
		begin:  begin,
		total:  s.For,
	}
	c.most = mostUsers(shape, s.For)
	c.users = make([]*user, 0, c.most)
	c.firstSlot = firstWorkerSlot + a.plan.MaxInFlight + a.userSlots
	a.userSlots += c.most
	a.workers.Go(c.admit)
}

// mostUsers is how many users a stage has at its fullest. It looks at 101 moments, evenly
// spaced.
func mostUsers(shape arrivals.ClosedShape, total time.Duration) int {
	most := 0
	for i := range time.Duration(101) {
		most = max(most, shape.Users(total*i/100, total))
	}
	return most
}

// stageUsers are the users of one closed stage.
type stageUsers struct {
	*runner
	shape     arrivals.ClosedShape
	pause     time.Duration
	stage     int
	begin     time.Duration
	total     time.Duration
	most      int
	firstSlot int // the number of the first user's recorder slot
	users     []*user
}

// admit starts users as their number grows. They end by themselves as it falls.
func (c *stageUsers) admit() {
	for {
		now := c.Clock() - c.begin
		if now >= c.total {
			return
		}
		for i := range min(c.most, c.shape.Users(now, c.total)) {
			if i == len(c.users) {
				c.users = append(c.users, c.newUser(i))
			}
			u := c.users[i]
			select {
			case <-u.idle:
				c.workers.Go(func() { c.serve(u) })
			default: // at work
			}
		}
		if !c.waitUntil(c.begin+min(now+admitInterval, c.total), c.loadEnded) {
			return
		}
	}
}

func (c *stageUsers) newUser(i int) *user {
	name := fmt.Sprintf("users/%d/%d", c.stage, i)
	u := &user{
		recorderSlot: recorderSlot{number: c.firstSlot + i},
		index:        i,
		choose:       c.load.Draw(seed.Stream(c.plan.Seed, name)),
		seq:          uint64(c.stage+1)*seqOfStage + uint64(i)*seqOfUser,
		nth:          uint64(i),
		kept:         make([]any, len(c.clients)),
		idle:         make(chan struct{}, 1),
	}
	u.idle <- struct{}{}
	return u
}

// serve is a user at work, for as long as the stage has room for it.
func (c *stageUsers) serve(u *user) {
	c.counters.Users.Add(1)
	defer func() {
		c.counters.Users.Add(-1)
		u.idle <- struct{}{}
	}()
	for ready := c.Clock(); ; {
		select {
		case <-c.loadEnded:
			return
		default:
		}
		now := c.Clock()
		if at := now - c.begin; at >= c.total || c.shape.Users(at, c.total) <= u.index {
			return
		}
		w := waiting{c.arrival(u, ready), now}
		c.announce(w.Arrival)
		c.send(&u.recorderSlot, w, u.kept)
		// If thinking takes longer as the generator has no time, that is schedule delay.
		ready = c.Clock() + c.pause
		if c.pause > 0 && !c.waitUntil(min(ready, c.begin+c.total), c.loadEnded) {
			return
		}
	}
}

// arrival is the user's next request.
func (c *stageUsers) arrival(u *user, ready time.Duration) attack.Arrival {
	r := attack.Arrival{Seq: u.seq, Intended: ready, Stage: c.stage, Nth: u.nth}
	r.Request, r.IsFlow = c.load.Pick(u.choose())
	u.seq += c.load.Numbers(r)
	u.nth += uint64(c.most) // users share the rows of data out among them
	return r
}
