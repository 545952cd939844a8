package ledger

import (
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestFate(t *testing.T) {
	for _, tt := range []struct {
		name      string
		r         attack.Result
		stated    []int
		redirects bool
		want      string
	}{
		{"good", attack.Result{Class: attack.Good, Code: 201}, nil, false, "acknowledged"},
		{"good without a status", attack.Result{Class: attack.Good}, nil, false, "acknowledged"},
		{"refused", attack.Result{Class: attack.Bad, Code: 422, Kind: timeline.KindStatus}, nil, false, "refused"},
		{"refused as expected", attack.Result{Class: attack.Good, Code: 409}, nil, false, "refused"},
		{"a stated refusal", attack.Result{Class: attack.Bad, Code: 409}, []int{2, 409}, false, "acknowledged"},
		{"a stated class", attack.Result{Class: attack.Bad, Code: 202}, []int{2}, false, "acknowledged"},
		{"good and not stated", attack.Result{Class: attack.Good, Code: 200}, []int{201}, false, "unknown"},
		{"refused and not stated", attack.Result{Class: attack.Bad, Code: 400}, []int{201}, false, "refused"},
		{"server error", attack.Result{Class: attack.Bad, Code: 503}, nil, false, "unknown"},
		{"wrong body", attack.Result{Class: attack.Bad, Code: 201, Kind: timeline.KindBody}, nil, false, "unknown"},
		{"timeout", attack.Result{Kind: timeline.KindTimeout}, nil, false, "unknown"},
		{"cut", attack.Result{Kind: timeline.KindReset}, nil, false, "unknown"},
		{"interrupted", attack.Result{End: attack.Interrupted}, nil, false, "unknown"},
		{"no connection", attack.Result{Kind: timeline.KindRefused}, nil, false, ""},
		{"no connection, perhaps after a redirect", attack.Result{Kind: timeline.KindRefused}, nil, true, "unknown"},
		{"no name", attack.Result{Kind: timeline.KindDNS}, nil, false, ""},
		{"unsent", attack.Result{End: attack.Unsent, Kind: timeline.KindUnsent}, nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &Ledger{Acknowledged: tt.stated}
			got := ""
			if fate, sent := l.fate(&tt.r, tt.redirects); sent {
				got = fate.String()
			}
			if got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseTimes(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "3": 3, "2.0": 2, "[]": 0, `[{"a":1},2]`: 2} {
		if got, err := parseTimes(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "true", `"x"`, "{}", "[1", "1e300"} {
		if got, err := parseTimes(text); err == nil {
			t.Errorf("%s was taken for %d", text, got)
		}
	}
}
