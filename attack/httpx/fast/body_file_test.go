package fast_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
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
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		for name, content := range map[string][]byte{
			"noise": noise, "braces": []byte("{{"), "handlebars": []byte("{{#if vip}}{{name}}{{/if}}"), "tex": []byte(`\textbf{{bold}}`), "templates": []byte("{{ seq }} {{ .a }} ${x}"), "empty": nil,
		} {
			for _, headers := range [][]payload.Field{nil, {{Name: "X-A", Value: "{{ seq }}"}}} {
				b, err := httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{Method: "PUT", URL: srv.URL, File: &payload.BodyFile{Name: "f", Bytes: content}, Headers: headers}}}})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					call, err := b(attack.Arrival{})
					if err != nil {
						t.Fatal(err)
					}
					r := e.Send(t.Context(), call)
					if r.Err != nil || !bytes.Equal(got, content) || r.BytesOut != int64(len(content)) {
						t.Errorf("%s: expected %d bytes, the server got %d, %d were counted: %v", name, len(content), len(got), r.BytesOut, r.Err)
					}
					call.Release()
				}
			}
		}
	})
}
