package httpx

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
)

func TestClientRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*attack.Plan)
		want  string
	}{
		"request":     {func(p *attack.Plan) { p.Requests[0].URL = "/x" }, `request "a": url: expected one such as`},
		"expectation": {func(p *attack.Plan) { p.Requests[0].Expect.Matches = "(" }, `request "a": expect: matches`},
		"capture": {func(p *attack.Plan) {
			p.Flows = []attack.Flow{{Name: "f", Steps: []attack.Step{{Captures: []expect.Capture{{Name: "x", Matches: "("}}}}}}
		}, `request "a": capture x: matches`},
	} {
		p := holdPlan(1, time.Second, time.Second, 1)
		c.spoil(p)
		if _, err := NewClient(p, takes(0)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: expected %q, found %v", name, c.want, err)
		}
	}
}
