package fast_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// A value in a URL arrives as what it is, whatever it holds, in the place that it
// was put in, with every engine.
func TestValuesInURLs(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.RequestURI, "?")
		in, _ := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(parts[0], "/in/"), "/end"))
		query := ""
		if len(parts) > 1 {
			query, _ = url.QueryUnescape(strings.TrimPrefix(parts[1], "v="))
		}
		_, _ = fmt.Fprintf(w, "%q %q %d", in, query, len(parts))
	}))
	defer srv.Close()
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		for _, way := range []string{"{{ .v }}", `{{ index . "v" }}`, `{{ printf "%s" .v }}`, "{{ if .v }}{{ .v }}{{ end }}", "{{ with .v }}{{ . }}{{ end }}", `{{ define "x" }}{{ .v }}{{ end }}{{ template "x" . }}`} {
			for _, v := range append([]string{"a/b", "a?b=c&d", "#top", "100%", "%41", "two words", "+", "a+b", ".", "..", "../x", "日本", "\xff", "a\nb", "'\"", "a;b,c", "{}|^`", "@:", "~_-."}, awkward...) {
				if v == "" || len(v) > 2000 {
					continue
				}
				r := attack.Request{Data: attacktest.Data([]map[string]string{{"v": v}}), Protocol: httpx.Name, Spec: &httpx.Request{Method: "GET", URL: srv.URL + "/in/" + way + "/end?v=" + strings.TrimPrefix(way, `{{ define "x" }}{{ .v }}{{ end }}`), Expect: expect.Expect{Body: "x"}}}
				if err := r.Spec.Validate(r.Data, nil).Err(); err != nil {
					t.Errorf("%s of %q: %v", way, v, err)
					continue
				}
				b, err := httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{r}})
				if err != nil {
					t.Fatal(err)
				}
				call, err := b(attack.Arrival{})
				if err != nil {
					t.Fatal(err)
				}
				reply := e.Send(t.Context(), call)
				if want := fmt.Sprintf("%q %q 2", v, v); reply.Err != nil || string(reply.Body) != want {
					t.Errorf("%s: expected %s, found %d %s: %v (%s)", way, want, reply.Status, reply.Body, reply.Err, call.URL)
				}
				call.Release()
			}
		}
	})
}
