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
			x.usage(timeline.Sample{Window: timeline.Window{From: at, To: at + time.Second}})
			x.standstill(timeline.Window{From: at, To: at + time.Millisecond})
		}
	}
	if len(l.samples)+len(l.stood) > 0 {
		t.Errorf("without rules %d samples and %d standstills are kept", len(l.samples), len(l.stood))
	}
	if len(judged.samples) != 100 {
		t.Errorf("expected 100 samples for the judge, found %d", len(judged.samples))
	}
	judged.end()
	judged.usage(timeline.Sample{})
	if len(judged.samples)+len(judged.stood) > 0 {
		t.Errorf("after its end %d samples and %d standstills are kept", len(judged.samples), len(judged.stood))
	}
}
