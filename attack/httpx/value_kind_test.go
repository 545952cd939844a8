package httpx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// A template without quotes is sent as what its value is, one in quotes as a text.
func TestValuesInJSON(t *testing.T) {
	dir := t.TempDir()
	load := func(name, content string) *payload.Data {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := payload.LoadData(path)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	row := func(v string) *payload.Data { return attacktest.Data([]map[string]string{{"v": v}}) }
	jsonl := func(v string) *payload.Data { return load("a.jsonl", `{"a":"x","v":`+v+"}\n") }
	for _, c := range []struct {
		json string
		data *payload.Data
		want string
	}{
		{`{"v":{{ .v }}}`, row("7"), `{"v":7}`},
		{`{"v":"{{ .v }}"}`, row("7"), `{"v":"7"}`},
		{`{{ .v }}`, row("-1.5e3"), `-1.5e3`},
		{`[{{ .v }},{{ seq }},{{nth}},{{ randInt 5 5 }},"{{ seq }}"]`, row("0"), `[0,41,3,5,"41"]`},
		{`{{ .v }}`, row("123456789012345678901234567890"), `123456789012345678901234567890`},
		{`{{ .v }}`, row("01234"), `"01234"`},
		{`{{ .v }}`, row("+1"), `"+1"`},
		{`{{ .v }}`, row("1 "), `"1 "`},
		{`{{ .v }}`, row("1\n"), `"1\n"`},
		{`{{ .v }}`, row("0x1F"), `"0x1F"`},
		{`{{ .v }}`, row("NaN"), `"NaN"`},
		{`{{ .v }}`, row("-"), `"-"`},
		{`{{ .v }}`, row(""), `""`},
		{`{{ .v }}`, row("true"), `true`},
		{`{{ .v }}`, row("null"), `null`},
		{`{{ .v }}`, row("nul"), `"nul"`},
		{`{{ .v }}`, row(`{"a":1}`), `"{\"a\":1}"`},
		{`{{ .v }}`, row(`a "b"`), `"a \"b\""`},
		{`{{ .v }}`, jsonl(`7`), `7`},
		{`{{ .v }}`, jsonl(`"7"`), `"7"`},
		{`{{ .v }}`, jsonl(`"true"`), `"true"`},
		{`{{ .v }}`, jsonl(`null`), `null`},
		{`{{ .v }}`, jsonl(`""`), `""`},
		{`{{ .v }}`, jsonl(`{"b":[1,"2"]}`), `{"b":[1,"2"]}`},
		{`{{ .v }}`, jsonl(`12345678901234567890.5`), `12345678901234567890.5`},
		{`"{{ .v }}"`, jsonl(`7`), `"7"`},
		{`{{ index . "v" }}`, jsonl(`"7"`), `"7"`},
		{`{{ printf "%s" .v }}`, jsonl(`7`), `7`},
		{`{"a":{{ printf "%s}}{{" .v }},"b":1}`, row("7"), `{"a":"7}}{{","b":1}`},
		{`{{ uuid }}`, nil, `"`},
	} {
		r := attack.Request{Data: c.data, Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://h/", JSON: c.json}}
		if err := r.Spec.Validate(r.Data, nil).Err(); err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		b, err := httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{r}})
		if err != nil {
			t.Fatal(err)
		}
		call, err := b(attack.Arrival{Seq: 41, Nth: 3})
		if err != nil || string(call.Body) != c.want && (c.want != `"` || !strings.HasPrefix(string(call.Body), c.want)) {
			t.Errorf("%s: expected %s, found %s: %v", c.json, c.want, call.Body, err)
		}
	}
	for json, want := range map[string]string{
		`{"a":{{ .v }`: "never closed", `{"a":{{ .v }}`: "unexpected end of JSON", `{{ .v }}{{ .v }}`: "expected JSON", `{{ .v }}x`: "expected JSON", `{"a":"x`: "unexpected end of JSON", `{{{ .v }}:1}`: "in command", `{ {{ .v }}:1}`: "expected JSON",
	} {
		if err := (&httpx.Request{URL: "/", JSON: json}).Validate(row("1"), nil).Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected %q, found %v", json, want, err)
		}
	}
}

func TestRemarksOnNumbers(t *testing.T) {
	for json, want := range map[string]bool{`{"a":"{{ randInt 1 6 }}"}`: true, `{"a":{{ randInt 1 6 }}}`: false, `{"a":"n{{ seq }}"}`: false, `{"a":"{{ .a }}"}`: false} {
		if got := httpx.Remarks((&attack.Plan{Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{JSON: json}}}}), 0); (len(got) > 0) != want {
			t.Errorf("%s: %q", json, got)
		}
	}
}
