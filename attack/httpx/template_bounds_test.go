package httpx_test

import (
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// A template that would take all memory or time is a mistake of its request.
func TestTemplatesAreBounded(t *testing.T) {
	doubled := `{{ $a := "xxxxxxxx" }}` + strings.Repeat("{{ $a = print $a $a }}", 40) + "{{ len $a }}"
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"empty loop":     {"{{ range 100000000000 }}{{ end }}", "turns of loops"},
		"nested loops":   {"{{ range 10000 }}{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}{{ end }}", "turns of loops"},
		"in an if":       {"{{ if true }}{{ with 1 }}{{ range 100000000000 }}{{ end }}{{ end }}{{ end }}", "turns of loops"},
		"long loop":      {"{{ range 900000 }}" + strings.Repeat("x", 100) + "{{ end }}", "makes too much"},
		"calls itself":   {`{{ define "a" }}{{ if . }}{{ template "a" (slice . 1) }}{{ template "a" (slice . 1) }}{{ end }}{{ end }}{{ template "a" "` + strings.Repeat("x", 40) + `" }}`, "turns of loops"},
		"doubles":        {doubled, "MiB"},
		"wide":           {`{{ printf "` + strings.Repeat("%999999d", 200) + `" 1 }}`, "makes too much"},
		"wide by number": {`{{ printf "` + strings.Repeat("%[1]*d", 200) + `" 999999 }}`, "makes too much"},
		"escapes":        {`{{ "<<<<"` + strings.Repeat(" | js", 40) + " | len }}", "MiB"},
		"many values":    {strings.Repeat(`{{ $a := printf "%999999d" 1 }}`, 100), "together"},
	} {
		t.Run(name, func(t *testing.T) {
			r := attack.Request{Name: "r", Protocol: httpx.Name, Spec: &httpx.Request{URL: "/", Body: c.body}}
			if err := r.Spec.Validate(r.Data, nil).Err(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "body: ") {
				t.Errorf("expected body: … %q, found %v", c.want, err)
			}
		})
	}
	for name, body := range map[string]string{
		"loop":    `{{ range 1000 }}{{ printf "%08d %s %q" 7 "a" "b" }}{{ end }}`,
		"columns": `{{ "a&b" | urlquery | html | js }}{{ println "x" }}`,
	} {
		if err := (&httpx.Request{URL: "/", Body: body}).Validate(nil, nil).Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a format does not fit is a mistake: fmt would put its words into what the
// target is sent.
func TestFormatsThatDoNotFit(t *testing.T) {
	data, err := payload.NewData([]map[string]string{{"id": "7", "odd": "100%!d(x)"}})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{{ printf "%1000000000d" 1 }}`:     "%!(NOVERB)",
		`{{ printf "%.1000000000f" 1.5 }}`:  "%!(NOVERB)",
		`{{ printf "%*d" 9999999 1 }}`:      "%!(BADWIDTH)",
		`{{ printf "%d" .id }}`:             "%!d(string=7): values of data are text",
		`{{ printf "%s" 7 }}`:               "%!s(int=7)",
		`{{ printf "%s %s" .id }}`:          "%!s(MISSING)",
		`{{ printf "%s" .id .odd }}`:        "%!(EXTRA",
		`{{ printf "100%" }}`:               "%!(NOVERB)",
		`{{ printf "%[3]d" 1 }}`:            "%!d(BADINDEX)",
		`{{ printf "%s %d" .odd .id }}`:     "%!d(string=7)",
		`{{ printf "%%!d(x) %d" .id }}`:     "%!d(string=7)",
		`{{ printf "%d" .odd }}`:            "%!d(string=100%!d(x))",
		`{{ printf "%!" 1 }}`:               "%!",
		`{{ printf "%d" (raw .id) | len }}`: "%!d(",
		`{{ printf "%v %d" . .id }}`:        "",
		`{{ printf "%s %05.1f%%!" .odd 2.5 }}{{ printf "%%!d(x)%5%!" }}{{ printf "%q %x %v %T" .odd .id 1 nil }}`: "",
	} {
		err := (&httpx.Request{URL: "/", Body: body}).Validate(data, nil).Err()
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "expected a format that fits its values, found "+want)):
			t.Errorf("%s: expected … found %s, got %v", body, want, err)
		}
	}
}

// Columns of data can be long, and a template can name one often, in a body, a form
// or JSON.
func TestRenderedColumnsAreBounded(t *testing.T) {
	data, err := payload.NewData([]map[string]string{{"v": strings.Repeat("z", 1<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	many := strings.Repeat("{{ .v }}", 100)
	var form []payload.Field
	for range 100 {
		form = append(form, payload.Field{Name: "f", Value: "{{ .v }}"})
	}
	for want, r := range map[string]httpx.Request{
		"body: ": {Body: many},
		"form f": {Form: form},
		"json: ": {JSON: "[" + strings.Repeat(`"{{ .v }}",`, 100) + "0]"},
		"url: ":  {URL: "/" + many},
		"header": {Headers: []payload.Field{{Name: "X-A", Value: many}}},
	} {
		if r.URL == "" {
			r.URL = "/"
		}
		if err := r.Validate(data, nil).Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "at most 32 MiB") {
			t.Errorf("expected %s … at most 32 MiB, found %v", want, err)
		}
	}
}
