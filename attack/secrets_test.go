package attack

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// echo is a server that tells all that it was sent, and gives secrets away.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Session", "secret-of-session")
	w.Header().Set("X-Api-Key", "secret-of-answer")
	w.Header().Set("Location", "http://u:secret-of-location@h/?token=secret-of-query&page=2")
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "secret-of-cookie", Path: "/"})
	if strings.HasPrefix(r.URL.Path, "/login") {
		more := map[string]string{"/login/t": `"t":"secret-of-login",`, "/login/n": `"n":"secret-of-cookie",`}[r.URL.Path]
		_, _ = io.WriteString(w, "{"+more+`"token":"secret\/of\/\"token\"","id":7,"user":{"password":"secret-of-user"}}`)
		return
	}
	w.WriteHeader(http.StatusInternalServerError)
	all, _ := json.Marshal(map[string]any{"url": r.URL.String(), "header": r.Header, "body": string(body), "query": url.QueryEscape(string(body))})
	_, _ = fmt.Fprintf(w, "visible %s", all)
}

func TestNothingToldHoldsASecret(t *testing.T) {
	capture := func(c ...Capture) []Capture { return c }
	requests := []Request{
		{Name: "f/login", URL: "http://shop/login/t", Method: "POST", Form: []Field{{"user", "{{ .user }}"}, {"pw", "{{ .word }}"}, {"pass", "{{ .word }}"}}},
		{Name: "f/use", URL: "http://shop/use/{{ .login }}?q={{ .session }}", Headers: []Field{{"Authorization", "Bearer {{ printf \"x-%s\" .login }}"}, {"X-S", "{{ .session }} {{ .user }}"}},
			Method: "POST", Body: "w={{ .word }} s={{ .session }}"},
		{Name: "g/login", URL: "http://shop/login/t", Expect: Expect{JSON: []ExpectJSON{{"$.t", `"x"`}}}},
		{Name: "g/use", URL: "http://shop/use", Headers: []Field{{"X-Other-Key", "{{ .login }}"}}},
		{Name: "row", URL: "http://shop/row?a={{ .tok }}", Headers: []Field{{"Authorization", "Bearer {{ .tok }}"}}, Data: []map[string]string{{"tok": "secret-of-row", "other": "x"}}},
		{Name: "column", URL: "http://shop/column?a={{ .myPassword }}", Data: []map[string]string{{"myPassword": "secret-of-ä<column>"}}},
		{Name: "user info", URL: "http://us:secret-of-url@shop/"},
		{Name: "literals", URL: "http://shop/?token=secret-of-param", Method: "POST", JSON: `{"password":"secret-of-json","nested":{"client_secret":"secret-of-nested"}}`,
			Headers: []Field{{"Referer", "http://x/?api_key=secret-of-referer"}}},
		{Name: "text", URL: "http://shop/login", Expect: Expect{Matches: "zzz"}},
		{Name: "path", URL: "http://shop/login", Expect: Expect{JSON: []ExpectJSON{{"$.user.password", `"x"`}}}},
		{Name: "object", URL: "http://shop/login", Expect: Expect{JSON: []ExpectJSON{{"$.user", `"x"`}}}},
		{Name: "header", URL: "http://shop/login", Expect: Expect{Headers: []Field{{"X-Session", "x"}}}},
		{Name: "location", URL: "http://shop/login", Expect: Expect{Headers: []Field{{"Location", "http://a:secret-of-expectation@b/"}}}},
		{Name: "h/cookie", URL: "http://shop/login/n", Expect: Expect{JSON: []ExpectJSON{{"$.n", `"x"`}}}},
	}
	for i := range requests {
		if !strings.Contains(requests[i].Name, "/") {
			requests[i].Weight = 1
		}
	}
	flows := []Flow{
		{Name: "f", Weight: 2, Data: []map[string]string{{"user": "ann-visible", "word": "secret-of-data"}}, Steps: []Step{
			{Request: 0, Captures: capture(Capture{Name: "login", JSON: "$.t"}, Capture{Name: "session", Header: "X-Session"})}, {Request: 1},
		}},
		// What a step would capture is a secret before it is captured.
		{Name: "g", Weight: 2, Steps: []Step{{Request: 2, Captures: capture(Capture{Name: "login", JSON: "$.t"})}, {Request: 3}}},
		{Name: "h", Weight: 2, Steps: []Step{{Request: len(requests) - 1}}},
	}
	for _, k := range Engines() {
		t.Run(k.Name, func(t *testing.T) {
			p := holdPlan(50, 4*time.Second, 5*time.Second, 100)
			p.Requests, p.Flows = requests, flows
			_, results, whole := visit(t, k.Name, p, http.HandlerFunc(echo), nil)
			seen := make(map[string]bool)
			for _, r := range slices.Concat(results, whole) {
				b, err := json.Marshal(map[string]any{"detail": r.Detail, "sample": r.Sample})
				if err != nil {
					t.Fatal(err)
				}
				text := string(b)
				for _, s := range []string{"secret-of", "secret/of", "secret%2Fof", "dXM6c2Vj"} {
					if i := strings.Index(text, s); i >= 0 {
						t.Fatalf("%v: …%s", r.Arrival, text[max(0, i-100):min(len(text), i+60)])
					}
				}
				if r.Whole || r.Kind == "" {
					continue
				}
				seen[requests[r.Request].Name] = true
				if r.Sample != nil && r.Kind == KindStatus && !strings.Contains(r.Sample.Body, "visible") {
					t.Errorf("nothing is left of %s", r.Sample.Body)
				}
				if r.Request == 1 && r.Sample != nil && !strings.Contains(r.Sample.Body, "ann-visible") {
					t.Errorf("what is no secret was taken out of %s", r.Sample.Body)
				}
				if got := r.Sample; got != nil && got.Header.Get("Location") != "" && got.Header.Get("Location") != "http://u:***@h/?token=***&page=2" {
					t.Errorf("found Location: %s", got.Header.Get("Location"))
				}
			}
			if len(seen) != len(requests)-2 { // f/login is good, and g/use never sent
				t.Errorf("seen are only %v", slices.Sorted(maps.Keys(seen)))
			}
		})
	}
}

func TestSecretColumns(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  Request
		want string
	}{
		{"header", Request{Headers: []Field{{"Authorization", "Bearer {{ .a }}"}, {"X-B", "{{ .b }}"}}}, "a"},
		{"functions", Request{Headers: []Field{{"X-Key", `{{ if .a }}{{ printf "%s" .b }}{{ else }}{{ with $.c }}{{ index $ "d" }}{{ end }}{{ end }}`}}}, "abcd"},
		{"query and form", Request{Query: []Field{{"token", "{{ .a }}"}, {"q", "{{ .b }}"}}, Form: []Field{{"pass", `{{ index . "c" }}`}}}, "ac"},
		{"URL", Request{URL: "/x?token={{ .a }}&q={{ .b }}"}, "a"},
		{"body", Request{Body: "password={{ .a }}&q={{ .b }}"}, "a"},
		{"JSON", Request{JSON: `{"password":"{{ .a }}","q":"{{ .b }}","tokens":["{{ .c }}"]}`}, "ac"},
		{"URL in a header", Request{Headers: []Field{{"Referer", "http://h/?token={{ .a }}"}}}, "a"},
		{"none", Request{URL: "/{{ .a }}", Headers: []Field{{"Authorization", "Bearer {{"}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := (&Plan{Requests: []Request{tt.req}}).SecretColumns(0, false)
			var columns []string
			for c := range got {
				if len(c) == 1 {
					columns = append(columns, c)
				}
			}
			slices.Sort(columns)
			if s := strings.Join(columns, ""); s != tt.want {
				t.Errorf("expected %q, found %q", tt.want, s)
			}
		})
	}
	p := &Plan{Requests: []Request{{}, {Headers: []Field{{"Cookie", "sid={{ .sid }}"}}}}, Flows: []Flow{{Steps: []Step{
		{Request: 0, Captures: []Capture{{Name: "token", Matches: "x"}, {Name: "a", JSON: "$.auth.x"}, {Name: "b", Header: "X-Session"}, {Name: "id", JSON: "$.id"}}}, {Request: 1},
	}}}}
	if got := slices.Sorted(maps.Keys(p.SecretColumns(0, true))); !slices.Equal(got, []string{"a", "b", "sid", "token"}) {
		t.Errorf("found %q", got)
	}
}
