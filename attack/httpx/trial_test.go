package httpx_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
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
		r          httpx.Request
		most, want int
	}{
		"encoded":          {httpx.Request{URL: "/{{ .v }}", Query: []payload.Field{{Name: "q", Value: "{{ .v }}"}}, JSON: `{"a":"{{ .v }}"}`}, math.MaxInt, 2},
		"form and body":    {httpx.Request{URL: "/", Form: []payload.Field{{Name: "q", Value: "{{ .v }}"}}}, math.MaxInt, 2},
		"header":           {httpx.Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .v }}"}}}, math.MaxInt, 1000},
		"as it stands":     {httpx.Request{URL: "/{{ raw .v }}"}, math.MaxInt, 1000},
		"without quotes":   {httpx.Request{URL: "/", JSON: `{"a":{{ .v }}}`}, math.MaxInt, 1000},
		"more in it":       {httpx.Request{URL: "/", Body: "{{ if .v }}x{{ end }}"}, math.MaxInt, 1000},
		"at most so many":  {httpx.Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .v }}"}}}, 10, 10},
		"never below two":  {httpx.Request{URL: "/", Headers: []payload.Field{{Name: "X-A", Value: "{{ .v }}"}}}, -5, 2},
		"without a column": {httpx.Request{URL: "/"}, math.MaxInt, 2},
	} {
		if tried, err := c.r.ValidateRows(data, httpx.Columns{}, c.most); err != nil || tried != c.want {
			t.Errorf("%s: expected %d rows, found %d, %v", name, c.want, tried, err)
		}
	}
	missing := httpx.Request{URL: "/{{ .w }}"}
	if err := missing.Validate(data, nil).Err(); err == nil || !strings.Contains(err.Error(), "with data row 1: ") {
		t.Errorf("expected a missing column in row 1, found %v", err)
	}
}

// The rows that are tried lie evenly between the first and the last.
func TestWhichRowsAreTried(t *testing.T) {
	for bad, found := range map[int]bool{
		0: true, 1: false, 332: false, 333: true, 334: false, 666: true, 998: false, 999: true,
	} {
		rows := make([]map[string]string, 1000)
		for i := range rows {
			rows[i] = map[string]string{"v": "x"}
		}
		rows[bad]["v"] = "%zz"
		r := httpx.Request{URL: "/{{ raw .v }}"}
		_, err := r.ValidateRows(attacktest.Data(rows), httpx.Columns{}, 4)
		if (err != nil) != found {
			t.Errorf("row %d is wrong: expected a mistake: %t, found %v", bad, found, err)
		}
	}
}
