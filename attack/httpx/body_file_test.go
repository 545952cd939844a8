package httpx_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func TestBodyFileInPlan(t *testing.T) {
	b, err := json.Marshal(&payload.BodyFile{Name: "a.bin", Bytes: []byte{0xff}})
	if want := `{"file":"a.bin","size":1,"sha256":"a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"}`; err != nil || string(b) != want {
		t.Errorf("expected %s, found %s: %v", want, b, err)
	}
	var f payload.BodyFile
	if err := json.Unmarshal(b, &f); err != nil || f.Name != "a.bin" {
		t.Errorf("found %+v: %v", f, err)
	}
	r := httpx.Request{URL: "http://h/", Body: "x", File: &f}
	if err := r.Validate(nil, nil).Err(); err == nil || !strings.Contains(err.Error(), "at most one of body, json, form and file") {
		t.Errorf("two bodies: %v", err)
	}
}

func TestRemarksOnFiles(t *testing.T) {
	for content, want := range map[string]bool{
		"{{ .sku }}": true, "{{ seq }}-{{ uuid }}": true, "{{ .name }}": false, "{{name}}": false, "{{#if x}}": false, `\textbf{{bold}}`: false, `{{ "a" }}`: false, "no": false,
	} {
		p := &attack.Plan{Requests: []attack.Request{{Data: attacktest.Data([]map[string]string{{"sku": "1"}}), Protocol: httpx.Name, Spec: &httpx.Request{File: &payload.BodyFile{Name: "f", Bytes: []byte(content)}}}}}
		if got := httpx.Remarks(p, 0); (len(got) > 0) != want {
			t.Errorf("%s: %q", content, got)
		}
	}
}
