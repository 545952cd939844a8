package attack

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A file goes out byte for byte, whatever it holds, with every engine.
func TestBodyFile(t *testing.T) {
	var got []byte
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = io.ReadAll(r.Body) }))
	defer srv.Close()
	noise := make([]byte, 1_000_000)
	x := uint32(7)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	eachEngine(t, Options{MaxInFlight: 1}, func(t *testing.T, e Engine) {
		for name, content := range map[string][]byte{
			"noise": noise, "braces": []byte("{{"), "handlebars": []byte("{{#if vip}}{{name}}{{/if}}"), "tex": []byte(`\textbf{{bold}}`), "templates": []byte("{{ seq }} {{ .a }} ${x}"), "empty": nil,
		} {
			for _, headers := range [][]Field{nil, {{"X-A", "{{ seq }}"}}} {
				b, err := NewBuilder(&Plan{Requests: []Request{{Method: "PUT", URL: srv.URL, File: &BodyFile{Name: "f", Bytes: content}, Headers: headers}}})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					call, err := b(Arrival{})
					if err != nil {
						t.Fatal(err)
					}
					r := e.Send(t.Context(), call)
					if r.Err != nil || !bytes.Equal(got, content) || r.BytesOut != int64(len(content)) {
						t.Errorf("%s: expected %d bytes, the server got %d, %d were counted: %v", name, len(content), len(got), r.BytesOut, r.Err)
					}
					call.release()
				}
			}
		}
	})
}

func TestBodyFileInPlan(t *testing.T) {
	b, err := json.Marshal(&BodyFile{Name: "a.bin", Bytes: []byte{0xff}})
	if want := `{"file":"a.bin","size":1,"sha256":"a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"}`; err != nil || string(b) != want {
		t.Errorf("expected %s, found %s: %v", want, b, err)
	}
	var f BodyFile
	if err := json.Unmarshal(b, &f); err != nil || f.Name != "a.bin" {
		t.Errorf("found %+v: %v", f, err)
	}
	r := Request{URL: "http://h/", Body: "x", File: &f}
	if err := r.Validate().Err(); err == nil || !strings.Contains(err.Error(), "at most one of body, json, form and file") {
		t.Errorf("two bodies: %v", err)
	}
}

func TestRemarksOnFiles(t *testing.T) {
	for content, want := range map[string]bool{
		"{{ .sku }}": true, "{{ seq }}-{{ uuid }}": true, "{{ .name }}": false, "{{name}}": false, "{{#if x}}": false, `\textbf{{bold}}`: false, `{{ "a" }}`: false, "no": false,
	} {
		p := &Plan{Requests: []Request{{File: &BodyFile{Name: "f", Bytes: []byte(content)}, Data: dataOf([]map[string]string{{"sku": "1"}})}}}
		if got := p.Remarks(0); (len(got) > 0) != want {
			t.Errorf("%s: %q", content, got)
		}
	}
}
