package fielderr_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Window is a part of a run.
type Window struct {
	From, To time.Duration
	Stages   []string
}

func (w *Window) Validate() fielderr.List {
	var wrong fielderr.List
	if w.From < 0 {
		wrong.Add("from", "from: expected a time of at least 0, found %s", w.From)
	}
	if w.To <= w.From {
		wrong.Add("to", "to: expected a time after %s, found %s", w.From, w.To)
	}
	for i, name := range w.Stages {
		if strings.TrimSpace(name) == "" {
			e := fielderr.At(fielderr.Field("stages").Item(i), "stages: expected a name, found nothing")
			wrong = append(wrong, e.WithHint("name a stage, or remove the line"))
		}
	}
	return wrong
}

func Example() {
	w := Window{From: time.Second, To: time.Second, Stages: []string{"steady", ""}}
	for _, mistake := range w.Validate() {
		fmt.Printf("%s: %s (hint: %s)\n", mistake.Path, mistake, mistake.Hint)
	}
	// Output:
	// to: to: expected a time after 1s, found 1s (hint: )
	// stages[1]: stages: expected a name, found nothing (hint: name a stage, or remove the line)
}

// The page of the manual shows the example as it stands here, where it compiles.
func TestPageShowsTheExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/develop/mistakes.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```go\n")
	block, _, found := strings.Cut(block, "```")
	if !found || !strings.Contains(string(source), block) {
		t.Errorf("the page's first block of Go is not in this file:\n%s", block)
	}
}
