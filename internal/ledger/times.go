package ledger

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// parseTimes reads how often a write is there from JSON text: a whole number, or a list.
func parseTimes(text string) (uint64, error) {
	if strings.HasPrefix(text, "[") {
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return 0, fmt.Errorf("duplicates: expected a list: %w", err)
		}
		return uint64(len(list)), nil
	}
	var n float64
	err := json.Unmarshal([]byte(text), &n)
	if err != nil || n != math.Trunc(n) || n < 0 || n > 1<<53 {
		return 0, fmt.Errorf("duplicates: expected a number or a list, found %s",
			plaintext.Clip(text, 60))
	}
	return uint64(n), nil
}
