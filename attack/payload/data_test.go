package payload_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func TestLoadData(t *testing.T) {
	type rows = []map[string]string
	for _, c := range []struct {
		name, file, content string
		want                rows
		err                 string // begins the message, after the path
	}{
		{name: "csv", file: "a.csv", content: "sku, n\n1,x y\n\"2\n3\",\"a,\"\"b\"\"\"\n", want: rows{{"sku": "1", "n": "x y"}, {"sku": "2\n3", "n": `a,"b"`}}},
		{name: "csv with mark", file: "a.CSV", content: "\ufeffsku\n1", want: rows{{"sku": "1"}}},
		{name: "empty csv", file: "a.csv", err: ":1: expected a line with the names of the columns, found an empty file"},
		{name: "only a header", file: "a.csv", content: "a,b\n", err: ":1: expected rows below"},
		{name: "short row", file: "a.csv", content: "a,b\n1,2\n\n3\n", err: ":4: expected 2 columns as in the first line, found 1"},
		{name: "twice", file: "a.csv", content: "a,a\n1,2\n", err: `:1: expected each column once, found "a" twice`},
		{name: "nameless", file: "a.csv", content: "a,\n1,2\n", err: ":1: expected a name for column 2"},
		{name: "quote", file: "a.csv", content: "a\n\"1\n", err: ":2: column"},
		{name: "blank lines", file: "a.csv", content: "a\n\n\r\n1\n\n\"2\n\n3\"\n", want: rows{{"a": "1"}, {"a": "2\n\n3"}}},
		{name: "long row", file: "a.csv", content: "a,b\n1,2\n\n\"3\n" + strings.Repeat("long\n", payload.MaxRow/5+1), err: ":4: expected a row of at most 16 MiB, found a longer one: is a quote"},
		{name: "long line", file: "a.csv", content: "a,b\n1," + strings.Repeat("x", payload.MaxRow), err: ":2: expected a row of at most 16 MiB, found a longer one"},
		{name: "long header", file: "a.csv", content: strings.Repeat("x", payload.MaxRow+1), err: ":1: expected a row of at most 16 MiB, found a longer one"},
		{name: "many rows", file: "a.csv", content: "a\n" + strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 17), want: slices.Repeat(rows{{"a": strings.Repeat("x", 1<<20)}}, 17)},
		{name: "long json", file: "a.jsonl", content: "{}\n{\"a\":\"" + strings.Repeat("x", payload.MaxRow) + "\"}\n", err: ":2: expected a row of at most 16 MiB, found a longer one"},
		{name: "json", file: "a.jsonl", content: "{\"s\":\"x\\n\",\"n\":1.50,\"b\":true,\"z\":null,\"l\":[1, {\"a\": 2}]}\n\n{\"s\":\"\"}",
			want: rows{{"s": "x\n", "n": "1.50", "b": "true", "z": "", "l": `[1,{"a":2}]`}, {"s": ""}}},
		{name: "json list", file: "a.ndjson", content: "{}\n[1]\n", err: ":2: expected one JSON object a line, found an array"},
		{name: "json null", file: "a.json", content: "null\n", err: ":1: expected one JSON object a line, found null"},
		{name: "json cut", file: "a.json", content: "{\"a\":\n1}", err: ":1: expected one JSON object a line: unexpected end"},
		{name: "empty json", file: "a.json", content: "\n\n", err: ":1: expected a JSON object a line, found an empty file"},
		{name: "other", file: "a.txt", content: "x", err: ": expected a file of data named *.csv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := attacktest.File(t, c.file, c.content)
			got, err := payload.LoadData(path)
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), path+c.err) {
					t.Errorf("expected %q, found %v", c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, rowsOf(got)); d != "" {
				t.Error(d)
			}
		})
	}
	if _, err := payload.LoadData(filepath.Join(t.TempDir(), "none.csv")); !os.IsNotExist(err) {
		t.Errorf("expected a missing file, found %v", err)
	}
}

func FuzzData(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("\ufeff\"a\"\n\"")
	f.Add("{\"a\":1}\n{\"a\":[null]}")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := payload.ParseCSV(s)
		if err == nil && d.Len() == 0 {
			t.Errorf("csv: no rows and no error")
		}
		if err == nil && payload.ColumnSets(d) != 1 {
			t.Errorf("csv: rows of %d kinds", payload.ColumnSets(d))
		}
		rowsOf(d)
		if d, err := payload.ParseJSONLines(s); err == nil && len(rowsOf(d)) == 0 {
			t.Errorf("json: no rows and no error")
		}
	})
}

// Shared columns stand beside those of data and of a flow, for plain templates and for others, and
// the present ones are taken.
func TestShared(t *testing.T) {
	rows, err := payload.NewData([]map[string]string{{"user": "ann"}})
	if err != nil {
		t.Fatal(err)
	}
	own := new(payload.Values)
	own.Set("cart", "c-1", payload.Text)
	take := func(s *payload.Shared, token string) {
		v := new(payload.Values)
		v.Set("token", token, payload.Text)
		s.Take(v)
	}
	shared := new(payload.Shared)
	first := new(payload.Values)
	first.Set("id", "7", payload.JSON)
	shared.Take(first)
	take(shared, "t-1")
	render := func(text string, d *payload.Data, v *payload.Values) string {
		tmpl, err := payload.New(text, new(payload.Draw))
		if err != nil {
			t.Fatal(err)
		}
		var row payload.Row
		row.Reset(d, 0, v)
		row.Share(shared)
		out, err := tmpl.Append(nil, &row)
		if err != nil {
			return err.Error()
		}
		return string(out)
	}
	for text, want := range map[string]string{
		"{{ .token }} {{ .id }}":                              "t-1 7",
		`{{ printf "%s" .token }} {{ .id }}`:                  "t-1 7",
		"{{ .user }} {{ .cart }} {{ .token }}":                "ann c-1 t-1",
		`{{ printf "%s" .user }} {{ .cart }} {{ .token }}`:    "ann c-1 t-1",
		`{{ printf "%s" .other }}`:                            `the data row has no column "other"`,
		`{{ if eq .token "t-1" }}{{ .id }}{{ else }}{{ end}}`: "7",
	} {
		if got := render(text, rows, own); got != want {
			t.Errorf("%s: found %q, expected %q", text, got, want)
		}
	}
	if got := render(`{{ printf "%s" .token }}`, nil, nil); got != "t-1" {
		t.Errorf("alone: found %q", got)
	}
	take(shared, "t-2")
	if got := render("{{ .token }} {{ .id }}", nil, nil); got != "t-2 7" {
		t.Errorf("then: found %q", got)
	}
}
