package httpx

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// Targets are a vegeta target list. In JSON it is the number of targets and a SHA-256 over them:
// enough to tell two lists apart, and not the list itself, which can be large. A list that was read
// from JSON is empty.
type Targets []Target

// MarshalJSON implements json.Marshaler.
func (t Targets) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("null"), nil
	}
	h := sha256.New()
	lines := json.NewEncoder(h)
	for i := range t {
		if err := lines.Encode(&t[i]); err != nil {
			return nil, err
		}
	}
	return json.Marshal(targetsJSON{len(t), hex.EncodeToString(h.Sum(nil))})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Targets) UnmarshalJSON(b []byte) error {
	*t = nil
	return json.Unmarshal(b, new(*targetsJSON))
}

type targetsJSON struct {
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
}

// Target is one request of a vegeta target list. It has nothing to do with the targets of faults.
type Target struct {
	Method  string          `json:"method"`
	URL     string          `json:"url"`
	Headers []payload.Field `json:"headers,omitempty"`
	Body    []byte          `json:"body,omitempty"`
}
