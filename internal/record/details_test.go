package record

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Each kind is explained when it first comes, and then every so often.
func TestErrorsAreExplainedNowAndThen(t *testing.T) {
	var d details
	for _, c := range []struct {
		name string
		r    attack.Result
		want bool
	}{
		{"the first", attack.Result{Kind: timeline.KindReset, Done: time.Second}, true},
		{"another at once", attack.Result{Kind: timeline.KindReset, Done: time.Second + 1}, false},
		{"another kind", attack.Result{Kind: timeline.KindEOF, Done: time.Second + 2}, true},
		{"a status", attack.Result{Kind: timeline.KindStatus, Class: attack.Good, Code: 500, Done: time.Second + 3}, true},
		{"another status", attack.Result{Kind: timeline.KindStatus, Class: attack.Good, Code: 503, Done: time.Second + 4}, true},
		{"one that ended before", attack.Result{Kind: timeline.KindReset}, false},
		{"after a while", attack.Result{Kind: timeline.KindReset, Done: time.Second + detailEvery}, true},
	} {
		if got := d.wants(&c.r); got != c.want {
			t.Errorf("%s: wanted %t, want %t", c.name, got, c.want)
		}
	}
}
