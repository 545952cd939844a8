package payload_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// rowsOf is what is in data.
func rowsOf(d *payload.Data) []map[string]string {
	var out []map[string]string
	for i := range d.Len() {
		out = append(out, maps.Collect(d.Row(i)))
	}
	return out
}

func TestDataKeepsEveryRow(t *testing.T) {
	wide := map[string]string{}
	for i := range 3 * payload.WideRow {
		wide[fmt.Sprint("column", i)] = strings.Repeat("v", i)
	}
	var many []map[string]string
	for i := range 3*payload.Chunk + 1 {
		many = append(many, map[string]string{"n": fmt.Sprint(i), "x": strings.Repeat("x", i%3)})
	}
	for name, rows := range map[string][]map[string]string{
		"none":          nil,
		"without a one": {{}},
		"alike":         {{"a": "1", "b": ""}, {"a": "", "b": "2"}},
		"different":     {{"a": "1"}, {}, {"b": "2", "a": "ä"}, {"c": ""}, {"a": "3"}},
		"wide":          {wide, {"a": "1"}, wide},
		"many":          many,
		"many, and one": append(many[:len(many):len(many)], map[string]string{"other": "1"}),
	} {
		t.Run(name, func(t *testing.T) {
			d := attacktest.Data(rows)
			if diff := cmp.Diff(rows, rowsOf(d)); diff != "" {
				t.Fatal(diff)
			}
			for i, row := range rows {
				for column, want := range row {
					if got, ok := d.Get(i, column); got != want || !ok {
						t.Fatalf("row %d, %s: expected %q, found %q, %v", i, column, want, got, ok)
					}
				}
				if v, ok := d.Get(i, "none"); ok {
					t.Fatalf("row %d has a column that is not there: %q", i, v)
				}
			}
		})
	}
}

// Rows of ever other columns would take more memory than their file.
func TestDataOfTooManyKinds(t *testing.T) {
	var b strings.Builder
	for i := range payload.MaxDataShapes + 1 {
		fmt.Fprintf(&b, "{\"c%d\":1}\n", i)
	}
	path := attacktest.File(t, "a.jsonl", b.String())
	want := fmt.Sprintf("%s:%d: expected rows with the same columns", path, payload.MaxDataShapes+1)
	if _, err := payload.LoadData(path); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("expected %q, found %v", want, err)
	}
}

// A plan holds what tells data apart, and not the data.
func TestDataPrintsItsDigest(t *testing.T) {
	sums := map[string]bool{}
	for _, content := range []string{"a\n1\n", "a\n2\n", "a\n1\n1\n", "a\n1"} {
		d, err := payload.LoadData(attacktest.File(t, "rows.csv", content))
		if err != nil {
			t.Fatal(err)
		}
		d.File = "rows.csv"
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if got["file"] != "rows.csv" || got["rows"] != float64(d.Len()) || len(got) != 3 {
			t.Errorf("expected the file, the number of rows and a digest, found %s", b)
		}
		sums[got["sha256"].(string)] = true
	}
	if len(sums) != 4 {
		t.Errorf("expected a digest for each of four files, found %d", len(sums))
	}
}

// A million rows take what their file takes, and some bytes a value: rows as maps
// took half a kilobyte each.
func TestDataIsCompact(t *testing.T) {
	var b strings.Builder
	b.WriteString("sku,qty\n")
	const rows = 100_000
	for i := range rows {
		fmt.Fprintf(&b, "sku-%06d,%d\n", i, i%10)
	}
	d, err := payload.LoadData(attacktest.File(t, "a.csv", b.String()))
	if err != nil {
		t.Fatal(err)
	}
	held := payload.Held(d)
	if most := b.Len() + 2*rows*4 + 4*payload.Chunk; d.Len() != rows || held > most {
		t.Errorf("%d rows take %d bytes, expected at most %d", d.Len(), held, most)
	}
}
