package record

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// raw is an arrival as it was, and what came of it.
type raw struct {
	due, over time.Duration
	failed    bool
}

// rawSecond is what the raw arrivals say of the second that ends at end.
func rawSecond(all []raw, end time.Duration) (good, failed, open int, longest time.Duration) {
	for _, a := range all {
		if a.due >= end {
			continue
		}
		switch {
		case a.over >= end: // open; in which second it came due is known
			age := end - a.due.Truncate(sec) - sec
			if age > 0 {
				open++
			}
			if age >= 2*sec {
				longest = max(longest, age)
			}
		case a.over >= end-sec && a.failed:
			failed++
			longest = max(longest, a.over-a.due)
		case a.over >= end-sec:
			good++
			longest = max(longest, a.over-a.due)
		}
	}
	return good, failed, open, longest
}

// rawHolds says whether a condition holds in the second that ends at end; known is false if the
// second does not tell.
func rawHolds(condition string, all []raw, end time.Duration) (holds, known bool) {
	good, failed, open, longest := rawSecond(all, end)
	waits := 0
	if good == 0 {
		waits = open
	}
	bad, ended := failed+waits, good+failed+waits
	switch condition {
	case "errors > 3":
		return bad > 3, true
	case "rps < 10/s":
		return good+failed < 10, true
	case "max > 2s":
		return longest > 2*sec, longest > 0
	}
	return 2*bad > ended, ended > 1 // error_rate > 50%
}

// TestAlarmsAgainstRawArrivals: alarms trip in the second in which the raw arrivals say so,
// whatever a target does: it answers, fails, slows down or hangs.
func TestAlarmsAgainstRawArrivals(t *testing.T) {
	const length = 30
	tripped := map[string]int{}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 3))
		var all []raw
		mood := 0 // of the target
		for s := range length {
			if s%2 == 0 {
				mood = max(0, random.IntN(12)-8) // good, for the most part
			}
			for range 40 {
				a := raw{due: time.Duration(s)*sec + time.Duration(random.Int64N(int64(sec)))}
				took := time.Duration(random.ExpFloat64() * float64(20*ms))
				switch mood {
				case 1:
					a.failed = random.IntN(3) > 0
				case 2:
					took += time.Duration(random.Int64N(int64(4 * sec)))
				case 3:
					took, a.failed = 6*sec, true
				}
				a.over = a.due + took
				all = append(all, a)
			}
		}
		for _, condition := range []string{"error_rate > 50%", "errors > 3", "rps < 10/s", "max > 2s"} {
			const holdsFor = 3
			want, since, until := -1, -1, -1
			for s := 1; s <= length && want < 0; s++ {
				holds, known := rawHolds(condition, all, time.Duration(s)*sec)
				switch {
				case !known:
					continue
				case !holds:
					since = -1
					continue
				case since < 0 || s-1-until > holdsFor:
					since = s - 1
				}
				if until = s; until-since >= holdsFor {
					want = s
				}
			}
			got := tripsAt(t, condition, holdsFor*sec, all, length)
			if got != want {
				t.Errorf("seed %d: %s for %ds trips after second %d, want %d", seed, condition, holdsFor, got, want)
			}
			if got > 0 {
				tripped[condition]++
			}
		}
	}
	for condition, n := range tripped {
		if n < 3 || n > 38 {
			t.Errorf("%s tripped in %d of 40 runs: the test shows little", condition, n)
		}
	}
}

// tripsAt records the arrivals, second by second, and judges an alarm.
func tripsAt(t *testing.T, condition string, holds time.Duration, all []raw, length int) int {
	t.Helper()
	rule, wrong := verdict.CompileAlarm(condition, verdict.Names{})
	if wrong != nil {
		t.Fatal(wrong)
	}
	clock := new(hand)
	c := config(t, clock.now)
	c.Stages = []timeline.Stage{{Name: "s", Window: timeline.Window{To: time.Hour}, Judged: true}}
	c.Limits, c.Seconds = rule.Limits(), true
	r := start(t, c)
	alarms := verdict.NewAlarms([]verdict.Alarm{{When: condition, For: holds, Rule: rule}}, c.Stages)
	recorded := make([]bool, len(all))
	for s := 1; s <= length; s++ {
		end := time.Duration(s) * sec
		clock.set(end)
		for i, a := range all {
			if a.due >= end-sec && a.due < end {
				r.Planned(arrivalAt(a.due))
			}
			if a.due < end && a.over < end && !recorded[i] {
				recorded[i] = true
				answer(r, a.due, a.over-a.due, func(x *attack.Result) {
					if a.failed {
						x.Kind, x.Code = "status 500", 500
					}
				})
			}
		}
		for _, second := range r.Seconds() {
			if len(alarms.Judge(second)) > 0 {
				return s
			}
		}
	}
	return -1
}
