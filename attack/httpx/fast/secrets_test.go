package fast_test

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// What an error comes with says what is secret of the arrival: of its row, of its flow,
// of its credentials; and of an answer what the flow would have captured.
func TestErrorsComeWithTheirSecrets(t *testing.T) {
	capture := func(c ...expect.Capture) []expect.Capture { return c }
	requests := []attack.Request{
		{Name: "f/login", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/login", Method: "POST", JSON: `{"user":"{{ .user }}","password":"{{ .word }}"}`, Headers: []payload.Field{{Name: "X-Plain", Value: "{{ .declared }}"}}}},
		{Name: "f/use", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/use", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer x-{{ .login }}"}}}},
		{Name: "g/login", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/login", Expect: expect.Expect{JSON: []expect.ExpectJSON{{Path: "$.t", Value: `"x"`}}}}},
		{Name: "row", Weight: 1, Data: attacktest.Data([]map[string]string{{"tok": "row-tok", "other": "row-other", "key": "row-key", "apiKey": "row-apikey"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/row", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer {{ .tok }}"}}}},
	}
	flows := []attack.Flow{
		{
			Name: "f", Weight: 1, Data: attacktest.Data([]map[string]string{{"user": "ann", "word": "pw-of-data", "declared": "of-declared"}}),
			Steps: []attack.Step{{Request: 0, Captures: capture(expect.Capture{Name: "login", JSON: "$.t"})}, {Request: 1}},
		},
		// What a step would capture is a secret before it is captured.
		{Name: "g", Weight: 1, Steps: []attack.Step{{Request: 2, Captures: capture(expect.Capture{Name: "token", JSON: "$.t"})}}},
	}
	want := map[string][]string{
		"f/use":   {"Bearer x-login-t", "login-t", "of-declared", "of-session", "pw-of-data", "sid=of-session", "x-login-t"},
		"g/login": {"login-t", "of-session", "sid=of-session"},
		"row":     {"Bearer row-tok", "of-session", "row-apikey", "row-tok", "sid=of-session"},
	}
	for _, k := range engines() {
		t.Run(k.Name, func(t *testing.T) {
			p := attacktest.HoldPlan(50, time.Second, 5*time.Second, 100)
			p.Requests, p.Flows, p.SecretNames = requests, flows, []string{"declared"}
			_, results, _ := visit(t, k.Name, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "sid", Value: "of-session", Path: "/"})
				if r.URL.Path != "/login" {
					w.WriteHeader(http.StatusInternalServerError)
				}
				_, _ = io.WriteString(w, `{"t":"login-t","id":"7"}`)
			}), nil)
			seen := make(map[string]bool)
			for _, r := range results {
				name := requests[r.Request].Name
				got := slices.Compact(slices.Sorted(slices.Values(r.Secrets)))
				if r.Kind == "" && len(got) > 0 {
					t.Fatalf("%s was good, and comes with %q", name, got)
				}
				if seen[name] || r.Kind == "" {
					continue
				}
				seen[name] = true
				if diff := cmp.Diff(want[name], got); diff != "" {
					t.Errorf("%s: -want +got\n%s", name, diff)
				}
			}
			if len(seen) != len(want) {
				t.Errorf("seen are only %v", slices.Sorted(maps.Keys(seen)))
			}
		})
	}
}

// What is no HTTP may be an echo, too.
func TestWhatIsNoHTTPIsNotQuoted(t *testing.T) {
	for name, answer := range map[string]string{
		"no status line": "ERR no such user: %s\r\n\r\n", "status": "HTTP/1.1 %s x\r\n\r\n", "header": "HTTP/1.1 200 OK\r\n%s\r\n\r\n", "first header": "HTTP/1.1 200 OK\r\n %s\r\n\r\n", "quotes": "a \"b\" %s\r\n\r\n",
		"long":  "a \"b\" " + strings.Repeat("x\"y", 40) + "%s\r\n\r\n",
		"chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", "length": "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", "encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
	} {
		for _, k := range engines() {
			e, wrong := httpx.NewEngine(&attack.Plan{Engine: k.Name, MaxInFlight: 1}, engines())
			if wrong != nil {
				t.Fatal(wrong)
			}
			url := attacktest.Requests(t, func(c net.Conn, req *http.Request) bool {
				_, _ = fmt.Fprintf(c, answer, req.Header.Get("Authorization"))
				return false
			})
			r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: url + "/", Header: []payload.Field{{Name: "Authorization", Value: "s3cr3t-of-request"}}})
			if r.Err != nil {
				if kind, detail := httpx.Classify(r.Err); strings.Contains(detail, "s3cr") {
					t.Errorf("%s: %s: %s: %s", k.Name, name, kind, detail)
				}
			}
			_ = e.Close()
		}
	}
}
