package planview

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

const onceAMinute = `
name: now and then
target: http://127.0.0.1:8080
attack:
  requests: [{ name: a, get: / }]
  stages: [{ name: s, rate: 1/m, for: 3s }]
`

// Uniform arrivals begin with one, however low the rate.
func TestTimelineOfAVeryLowRate(t *testing.T) {
	p, err := scenario.Parse("x.yaml", []byte(onceAMinute), goodEnv, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Print(&out, p); err != nil || !strings.Contains(out.String(), "one arrival or none") {
		t.Errorf("found %v and\n%s", err, out.String())
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTimelineSaysWhenItCannotBeWritten(t *testing.T) {
	p, err := scenario.Parse("x.yaml", []byte(onceAMinute), goodEnv, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Print(full{}, p); !errors.Is(err, errFull) {
		t.Errorf("found %v, want %v", err, errFull)
	}
}
