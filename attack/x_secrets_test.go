package attack

import (
	"bufio"
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
)

// What an error comes with says what is secret of the arrival: of its row, of its flow,
// of its credentials; and of an answer what the flow would have captured.
func TestErrorsComeWithTheirSecrets(t *testing.T) {
	capture := func(c ...Capture) []Capture { return c }
	requests := []Request{
		{
			Name: "f/login", URL: "http://shop/login", Method: "POST", JSON: `{"user":"{{ .user }}","password":"{{ .word }}"}`,
			Headers: []Field{{"X-Plain", "{{ .declared }}"}},
		},
		{Name: "f/use", URL: "http://shop/use", Headers: []Field{{"Authorization", "Bearer x-{{ .login }}"}}},
		{Name: "g/login", URL: "http://shop/login", Expect: Expect{JSON: []ExpectJSON{{"$.t", `"x"`}}}},
		{
			Name: "row", URL: "http://shop/row", Headers: []Field{{"Authorization", "Bearer {{ .tok }}"}}, Weight: 1,
			Data: xdataOf([]map[string]string{{"tok": "row-tok", "other": "row-other", "key": "row-key", "apiKey": "row-apikey"}}),
		},
	}
	flows := []Flow{
		{
			Name: "f", Weight: 1, Data: xdataOf([]map[string]string{{"user": "ann", "word": "pw-of-data", "declared": "of-declared"}}),
			Steps: []Step{{Request: 0, Captures: capture(Capture{Name: "login", JSON: "$.t"})}, {Request: 1}},
		},
		// What a step would capture is a secret before it is captured.
		{Name: "g", Weight: 1, Steps: []Step{{Request: 2, Captures: capture(Capture{Name: "token", JSON: "$.t"})}}},
	}
	want := map[string][]string{
		"f/use":   {"Bearer x-login-t", "login-t", "of-declared", "of-session", "pw-of-data", "sid=of-session", "sid=of-session; Path=/", "x-login-t"},
		"g/login": {"login-t", "of-session", "sid=of-session", "sid=of-session; Path=/"},
		"row":     {"Bearer row-tok", "of-session", "row-apikey", "row-tok", "sid=of-session; Path=/"},
	}
	for _, k := range xEngines() {
		t.Run(k.Name, func(t *testing.T) {
			p := xholdPlan(50, time.Second, 5*time.Second, 100)
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
		for _, k := range xEngines() {
			e, err := NewEngine(&Plan{Engine: k.Name, MaxInFlight: 1}, xEngines())
			if err != nil {
				t.Fatal(err)
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						_, _ = fmt.Fprintf(c, answer, req.Header.Get("Authorization"))
					}
					_ = c.Close()
				}
			}()
			r := e.Send(t.Context(), &Call{Method: "GET", URL: "http://" + ln.Addr().String() + "/", Header: []Field{{"Authorization", "s3cr3t-of-request"}}})
			if r.Err != nil {
				if kind, detail := classify(r.Err); strings.Contains(detail, "s3cr") {
					t.Errorf("%s: %s: %s: %s", k.Name, name, kind, detail)
				}
			}
			_ = e.Close()
			_ = ln.Close()
			<-done
		}
	}
}
