package timeline_test

import "testing"
import "github.com/seed-1574e9de/ordeal/timeline"

func TestKindsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range timeline.Kinds() {
		switch {
		case k.Name == "" || k.Doc == "":
			t.Errorf("%+v has no name or no doc", k)
		case seen[k.Name]:
			t.Errorf("%s is listed twice", k.Name)
		case k.TooLate && !k.Own:
			t.Errorf("%s: what the generator came too late for is its own doing", k.Name)
		case k.Own && k.OfTime:
			t.Errorf("%s is the generator's for certain, and may be its own doing", k.Name)
		case timeline.KindNamed(k.Name) != k:
			t.Errorf("KindNamed(%q) is %+v", k.Name, timeline.KindNamed(k.Name))
		}
		seen[k.Name] = true
	}
}

func TestKindNamed(t *testing.T) {
	for name, want := range map[string]string{
		"status 503": timeline.KindStatus, "status": timeline.KindStatus, "reset": timeline.KindReset,
		"": timeline.KindOther, "of a later version": timeline.KindOther,
	} {
		if got := timeline.KindNamed(name).Name; got != want {
			t.Errorf("KindNamed(%q) is %s, want %s", name, got, want)
		}
	}
}

func TestCountKinds(t *testing.T) {
	s := timeline.Stats{Kinds: map[string]uint64{"status 503": 1, "status 404": 2, timeline.KindSlow: 4, timeline.KindLate: 8, "unknown": 16}}
	if got := s.CountKinds(func(k timeline.ErrorKind) bool { return k.Answered }); got != 7 {
		t.Errorf("%d errors had an answer, want 7", got)
	}
}
