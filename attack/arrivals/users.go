package arrivals

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Users is a closed loop: a number of users that stays, or changes evenly over
// a stage of length T. Each number on the way, both ends among them, has an
// equal share of the stage.
//
//	users(t) = from ± ⌊t/T · (|to−from|+1)⌋
type Users struct {
	From  int           `json:"from" doc:"users when the stage begins"`
	To    int           `json:"to" doc:"users when the stage ends"`
	Think time.Duration `json:"think,omitempty" doc:"how long a user waits between an answer and the next request"`
}

var _ ClosedShape = Users{}

// maxUsers is above what one machine has ports for, towards one address.
const maxUsers = 100_000

// Users implements ClosedShape.
func (u Users) Users(t, total time.Duration) int {
	switch {
	case t <= 0:
		return u.From
	case t >= total:
		return u.To
	}
	numbers := max(u.To-u.From, u.From-u.To) + 1
	// In whole numbers, so that each begins on its nanosecond; the product needs
	// more than 64 bits, the quotient is below numbers, as t is below total.
	hi, lo := bits.Mul64(uint64(t), uint64(numbers))
	passed, _ := bits.Div64(hi, lo, uint64(total))
	if u.To < u.From {
		return u.From - int(passed)
	}
	return u.From + int(passed)
}

// ThinkTime implements ClosedShape.
func (u Users) ThinkTime() time.Duration { return u.Think }

// Most is the largest number of users at any moment.
func (u Users) Most() int { return max(u.From, u.To) }

// Validate implements Shape.
func (u Users) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	switch least, most := min(u.From, u.To), u.Most(); {
	case least < 0:
		m.Add("users", "users: expected at least 0, found %d", least)
	case most == 0:
		m.Add(
			"users",
			"users: expected at least 1, found 0: say pause: true for a stage without load",
		)
	case most > maxUsers:
		m.Add("users", "users: expected at most %d, found %d", maxUsers, most)
	}
	if u.Think < 0 {
		m.Add("think", "think: expected at least 0, found %s", u.Think)
	}
	return m.List
}

func (u Users) String() string {
	out := fmt.Sprintf("%d to %d users", u.From, u.To)
	if u.From == u.To {
		out = fmt.Sprintf("%d users", u.To)
	}
	if u.From == 1 && u.To == 1 {
		out = "1 user"
	}
	if u.Think > 0 {
		out += ", thinking " + quantity.FormatDuration(u.Think)
	}
	return out + ": closed loop"
}
