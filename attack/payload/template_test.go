package payload_test

import (
	"slices"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func TestFunctionsAreListed(t *testing.T) {
	var listed []string
	for _, f := range payload.TemplateFunctions() {
		listed = append(listed, f.Name)
		if err := payload.ParseTemplate(f.Usage); err != nil {
			t.Errorf("%s: %v", f.Usage, err)
		}
	}
	slices.Sort(listed)
	if have := slices.Sorted(payload.FunctionNames()); !slices.Equal(have, listed) {
		t.Errorf("expected %v to be listed, found %v", have, listed)
	}
}
