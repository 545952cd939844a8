package httpx_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

func TestClientRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*attack.Plan)
		want  string
		path  string
	}{
		"request":     {func(p *attack.Plan) { p.Requests[0].Spec.(*httpx.Request).URL = "/x" }, `request "a": url: expected one such as`, "requests[0].url"},
		"expectation": {func(p *attack.Plan) { p.Requests[0].Spec.(*httpx.Request).Expect.Matches = "(" }, `request "a": expect: matches`, "requests[0].expect.matches"},
		"settings":    {func(p *attack.Plan) { p.Requests[0].Spec = nil }, `request "a": expected settings of protocol http, found <nil>`, "requests[0]"},
		"capture": {func(p *attack.Plan) {
			p.Flows = []attack.Flow{{Name: "f", Steps: []attack.Step{{Captures: []expect.Capture{{Name: "x", Matches: "("}}}}}}
		}, `request "a": capture x: matches`, "requests[0].capture.x.matches"},
	} {
		p := attacktest.HoldPlan(1, time.Second, time.Second, 1)
		c.spoil(p)
		_, wrong := httpx.NewClient(p, attacktest.Takes(0))
		if len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.want) || wrong[0].Path.String() != c.path {
			t.Errorf("%s: expected %q at %s, found %v", name, c.want, c.path, wrong)
		}
	}
}
