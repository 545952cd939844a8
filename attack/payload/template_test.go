package payload

import (
	"maps"
	"slices"
	"testing"
)

func TestFunctionsAreListed(t *testing.T) {
	var listed []string
	for _, f := range TemplateFunctions() {
		listed = append(listed, f.Name)
		if err := ParseTemplate(f.Usage); err != nil {
			t.Errorf("%s: %v", f.Usage, err)
		}
	}
	slices.Sort(listed)
	if have := slices.Sorted(maps.Keys(new(Draw).functions())); !slices.Equal(have, listed) {
		t.Errorf("expected %v to be listed, found %v", have, listed)
	}
}
