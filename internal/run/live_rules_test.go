package run

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// A run of days without rules keeps nothing for a judge that it does not have.
func TestNothingIsKeptWithoutAJudge(t *testing.T) {
	l := &liveRules{ended: true} // as newLiveRules makes it of a plan without rules
	judged := &liveRules{}
	for i := range 100 {
		at := time.Duration(i) * time.Second
		for _, x := range []*liveRules{l, judged} {
			x.usage(timeline.UsageWindow{Window: timeline.Window{From: at, To: at + time.Second}})
			x.standstill(timeline.Window{From: at, To: at + time.Millisecond})
		}
	}
	if len(l.usages)+len(l.stood) > 0 {
		t.Errorf("without rules %d windows and %d standstills are kept", len(l.usages), len(l.stood))
	}
	if len(judged.usages) != 100 {
		t.Errorf("expected 100 windows for the judge, found %d", len(judged.usages))
	}
	judged.end()
	judged.usage(timeline.UsageWindow{})
	if len(judged.usages)+len(judged.stood) > 0 {
		t.Errorf("after its end %d windows and %d standstills are kept", len(judged.usages), len(judged.stood))
	}
}
