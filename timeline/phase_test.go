package timeline_test

import (
	"regexp"
	"testing"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestPhasesAreNamedOnce(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`) // as it stands in rules, files and tags
	seen := map[string]bool{}
	for i, p := range timeline.Phases() {
		switch {
		case !name.MatchString(p.Name):
			t.Errorf("phase %d has the name %q", i, p.Name)
		case p.Doc == "" || p.Label == "" || p.Counted == "":
			t.Errorf("%s lacks a text: %+v", p.Name, p)
		}
	}
	for _, d := range new(timeline.Stats).Distributions() {
		if seen[d.Name] {
			t.Errorf("two distributions are called %q", d.Name)
		}
		seen[d.Name] = true
	}
}
