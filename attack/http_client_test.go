package attack

import (
	"strings"
	"testing"
	"time"
)

func TestClientRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Plan)
		want  string
	}{
		"request":     {func(p *Plan) { p.Requests[0].URL = "/x" }, `request "a": url: expected one such as`},
		"expectation": {func(p *Plan) { p.Requests[0].Expect.Matches = "(" }, `request "a": expect: matches`},
		"capture": {func(p *Plan) {
			p.Flows = []Flow{{Name: "f", Steps: []Step{{Captures: []Capture{{Name: "x", Matches: "("}}}}}}
		}, `request "a": capture x: matches`},
	} {
		p := hholdPlan(1, time.Second, time.Second, 1)
		c.spoil(p)
		if _, err := NewClient(p, htakes(0)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: expected %q, found %v", name, c.want, err)
		}
	}
}
