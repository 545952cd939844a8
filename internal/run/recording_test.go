package run

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

func TestGrace(t *testing.T) {
	const sec = time.Second
	requests := []attack.Request{{Name: "a"}, {Name: "b", Timeout: 7 * sec}, {Name: "c", Timeout: sec}}
	for _, tc := range []struct {
		name  string
		flows []attack.Flow
		want  time.Duration
	}{
		{"requests alone", nil, 7 * sec},
		{"a short flow", []attack.Flow{{Steps: []attack.Step{{Request: 2, Think: sec}}}}, 7 * sec},
		{"a long flow", []attack.Flow{
			{Steps: []attack.Step{{Request: 0, Think: 2 * sec}, {Request: 1}, {Request: 0}}},
			{Steps: []attack.Step{{Request: 1}}},
		}, 19 * sec},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := grace(&attack.Plan{Timeout: 5 * sec, Requests: requests, Flows: tc.flows}); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
