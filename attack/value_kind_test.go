package attack

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A template without quotes is sent as what its value is, one in quotes as a text.
func TestValuesInJSON(t *testing.T) {
	dir := t.TempDir()
	load := func(name, content string) *Data {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := LoadData(path)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	row := func(v string) *Data { return dataOf([]map[string]string{{"v": v}}) }
	jsonl := func(v string) *Data { return load("a.jsonl", `{"a":"x","v":`+v+"}\n") }
	for _, c := range []struct {
		json string
		data *Data
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
		r := Request{Method: "POST", URL: "http://h/", JSON: c.json, Data: c.data}
		if err := r.Validate().Err(); err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		b, err := NewBuilder(&Plan{Requests: []Request{r}})
		if err != nil {
			t.Fatal(err)
		}
		call, err := b(Arrival{Seq: 41, Nth: 3})
		if err != nil || string(call.Body) != c.want && (c.want != `"` || !strings.HasPrefix(string(call.Body), c.want)) {
			t.Errorf("%s: expected %s, found %s: %v", c.json, c.want, call.Body, err)
		}
	}
	for json, want := range map[string]string{
		`{"a":{{ .v }`: "never closed", `{"a":{{ .v }}`: "unexpected end of JSON", `{{ .v }}{{ .v }}`: "expected JSON", `{{ .v }}x`: "expected JSON", `{"a":"x`: "unexpected end of JSON", `{{{ .v }}:1}`: "in command", `{ {{ .v }}:1}`: "expected JSON",
	} {
		if err := (&Request{URL: "/", JSON: json, Data: row("1")}).Validate().Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected %q, found %v", json, want, err)
		}
	}
}

// What was captured from JSON is sent as what it was, and so is a flow's data.
func TestCapturedValuesInJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte(`{"n":1,"s":"2"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := LoadData(path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := ""
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Id", "5")
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"n":12345678901234567890,"s":"7","o":{"a":[1]},"zip":"01234"}`)
			return
		}
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = string(b)
		mu.Unlock()
	})
	p := holdPlan(20, 50*time.Millisecond, time.Second, 5)
	p.Requests = []Request{
		{Name: "a", URL: "http://shop/"},
		{Name: "b", Method: "POST", URL: "http://shop/", JSON: `[{{ .cn }},{{ .cs }},{{ .co }},{{ .zip }},{{ .h }},{{ .m }},{{ .n }},{{ .s }},"{{ .cn }}"]`},
	}
	p.Flows = []Flow{{Name: "f", Weight: 1, Data: data, Steps: []Step{{Request: 0, Captures: []Capture{
		{Name: "cn", JSON: "$.n"}, {Name: "cs", JSON: "$.s"}, {Name: "co", JSON: "$.o"}, {Name: "zip", JSON: "$.zip"},
		{Name: "h", JSON: "$.s"}, {Name: "h", Header: "X-Id"}, // anew, and by another way
		{Name: "m", Matches: `"n":(\d{3})`},
	}}, {Request: 1}}}}
	for _, k := range Engines() {
		_, requests, _ := visit(t, k.Name, p, shop, nil)
		for _, r := range requests {
			if r.Kind != "" {
				t.Errorf("%s: %s: %s", k.Name, r.Kind, r.Detail)
			}
		}
		if want := `[12345678901234567890,"7",{"a":[1]},"01234",5,123,1,"2","12345678901234567890"]`; got != want {
			t.Errorf("%s: expected %s, found %s", k.Name, want, got)
		}
	}
}

func TestRemarksOnNumbers(t *testing.T) {
	for json, want := range map[string]bool{`{"a":"{{ randInt 1 6 }}"}`: true, `{"a":{{ randInt 1 6 }}}`: false, `{"a":"n{{ seq }}"}`: false, `{"a":"{{ .a }}"}`: false} {
		if got := (&Plan{Requests: []Request{{JSON: json}}}).Remarks(0); (len(got) > 0) != want {
			t.Errorf("%s: %q", json, got)
		}
	}
}
