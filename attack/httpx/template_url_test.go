package httpx_test

import (
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

func TestRawValuesInURLs(t *testing.T) {
	row := map[string]string{"p": "a/b c?x=1&y=%20", "s": "z/z"}
	for template, want := range map[string]string{
		"http://h/{{ raw .p }}":                             "http://h/a/b c?x=1&y=%20",
		"http://h/{{ raw .p }}/{{ .s }}":                    "http://h/a/b c?x=1&y=%20/z%2Fz",
		"http://h/{{ .p | raw }}":                           "http://h/a/b c?x=1&y=%20",
		"http://h/{{ if .s }}{{ raw .s }}{{ .s }}{{ end }}": "http://h/z/zz%2Fz",
		"http://h/{{ $x := .s }}{{ $x }}":                   "http://h/z%2Fz",
		`http://h/{{ "a/b" }}`:                              "http://h/a/b",
		"http://h/{{ seq }}-{{ nth }}":                      "http://h/3-2",
		"http://h/x y?ä":                                    "http://h/x y?%C3%A4",
		"http://{{ .h }}/{{ .s }}":                          "http://127.0.0.1:80/z/z",
	} {
		row["h"] = "127.0.0.1:80"
		b, err := httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{{Data: attacktest.Data([]map[string]string{row}), Protocol: httpx.Name, Spec: &httpx.Request{URL: template}}}})
		if err != nil {
			t.Fatal(err)
		}
		call, err := b(attack.Arrival{Seq: 3, Nth: 2})
		if err != nil || call.URL != want {
			t.Errorf("%s: expected %s, found %v: %v", template, want, call, err)
		}
	}
}

func TestRemarksOnPaths(t *testing.T) {
	for template, want := range map[string]bool{"/{{ .p }}": true, "/{{ raw .p }}": false, "/?x={{ .p }}": false, "/{{ .q }}": false} {
		p := &attack.Plan{Requests: []attack.Request{{Data: attacktest.Data([]map[string]string{{"p": "a/b", "q": "x"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: template}}}}
		if got := httpx.Remarks(p, 0); (len(got) > 0) != want {
			t.Errorf("%s: %q", template, got)
		}
	}
}
