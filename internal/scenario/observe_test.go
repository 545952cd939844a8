package scenario

import (
	"slices"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/observe"
)

// Every observer stands below observe: by its name.
func TestObserversHaveKeys(t *testing.T) {
	var keys []string
	for _, f := range grammar.Fields(&observeFile{}) {
		keys = append(keys, f.Key)
	}
	for _, k := range observe.Kinds() {
		if !slices.Contains(keys, k.Name) {
			t.Errorf("there is no key %q below observe:, which has %q", k.Name, keys)
		}
	}
}
