package httpx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// Every row is tried where its values can be wrong; where they cannot, one of each
// set of columns is.
func TestRowsThatAreTried(t *testing.T) {
	rows := make([]map[string]string, 1000)
	for i := range rows {
		rows[i] = map[string]string{"v": fmt.Sprint(i)}
	}
	rows[500]["w"] = "more"
	data, err := payload.NewData(rows)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		r          Request
		most, want int
	}{
		"encoded":          {Request{URL: "/{{ .v }}", Query: []payload.Field{{Name: "q", Value: "{{ .v }}"}}, JSON: `{"a":"{{ .v }}"}`}, math.MaxInt, 2},
		"form and body":    {Request{URL: "/", Form: []payload.Field{{Name: "q", Value: "{{ .v }}"}}}, math.MaxInt, 2},
		"header":           {Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .v }}"}}}, math.MaxInt, 1000},
		"as it stands":     {Request{URL: "/{{ raw .v }}"}, math.MaxInt, 1000},
		"without quotes":   {Request{URL: "/", JSON: `{"a":{{ .v }}}`}, math.MaxInt, 1000},
		"more in it":       {Request{URL: "/", Body: "{{ if .v }}x{{ end }}"}, math.MaxInt, 1000},
		"at most so many":  {Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .v }}"}}}, 10, 10},
		"never below two":  {Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .v }}"}}}, -5, 2},
		"without a column": {Request{URL: "/"}, math.MaxInt, 2},
	} {
		if tried, err := c.r.ValidateRows(data, Columns{}, c.most); err != nil || tried != c.want {
			t.Errorf("%s: expected %d rows, found %d, %v", name, c.want, tried, err)
		}
	}
	missing := Request{URL: "/{{ .w }}"}
	if err := missing.Validate(data, nil).Err(); err == nil || !strings.Contains(err.Error(), "with data row 1: ") {
		t.Errorf("expected a missing column in row 1, found %v", err)
	}
	k, wrong := newCompiled(&Request{URL: "/{{ raw .v }}"}, 0)
	if wrong != nil {
		t.Fatal(wrong)
	}
	if got := slices.Collect(k.trialRows(data, 4)); !slices.Equal(got, []int{0, 333, 666, 999}) {
		t.Errorf("expected rows from the first to the last, found %v", got)
	}
}
