package attack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
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
		{Name: "row", URL: "http://shop/row?a={{ .tok }}", Headers: []Field{{"Authorization", "Bearer {{ .tok }}"}}, Data: dataOf([]map[string]string{{"tok": "secret-of-row", "other": "x"}})},
		{Name: "column", URL: "http://shop/column?a={{ .myPassword }}", Data: dataOf([]map[string]string{{"myPassword": "secret-of-ä<column>"}})},
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
		{Name: "f", Weight: 2, Data: dataOf([]map[string]string{{"user": "ann-visible", "word": "secret-of-data"}}), Steps: []Step{
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

// answers is an engine that gives these.
type answers func() Reply

func (f answers) Send(context.Context, *Call) Reply {
	r := f()
	r.Sent, r.Done = time.Now(), time.Now()
	return r
}

func (f answers) Close() error { return nil }

// A secret can hold the ends of other spellings, and part of it be known beforehand.
func TestSecretsAreHiddenWhole(t *testing.T) {
	const row, known = `correct horse&battery"staple`, `other#word<of>the plan`
	hide := func(s string) string { return strings.ReplaceAll(s, known, "***") }
	for _, form := range []string{"password=%s", `a {"x":"password=%s`, "see http://u:%s@h/?token=%[1]s", "<a key='%s'>"} {
		for _, e := range []Expect{{}, {Status: []int{5}, Body: "zzz"}, {Status: []int{5}, Headers: []Field{{"X-Echo", "x"}}}, {Status: []int{5}, JSON: []ExpectJSON{{"$.a", "1"}}}} {
			p := holdPlan(50, time.Second, 5*time.Second, 100)
			p.Requests = []Request{{Name: "a", Weight: 1, Method: "POST", URL: "http://shop/", Body: "{{ .pw }}\n" + known + " {{ .myToken }}", Expect: e, Headers: []Field{{"Authorization", "Bearer {{ .pw }}-" + known}},
				Data: dataOf([]map[string]string{{"pw": row, "myToken": "a+b/" + row}})}}
			c := new(collector)
			engine := answers(func() Reply {
				echo := fmt.Sprintf(form, row) + "\n" + fmt.Sprintf(form, known) + "\n" + fmt.Sprintf(form, row+"-"+known) + "\n" + fmt.Sprintf(form, "a b/"+row)
				return Reply{Status: 500, Body: []byte(echo), BytesIn: int64(len(echo)), Header: http.Header{"X-Echo": {strings.ReplaceAll(echo, "\n", "; ")}}}
			})
			bubble(t, func(t *testing.T, start time.Time) {
				_, c = run(t, t.Context(), p, RunOptions{Engine: engine, Start: start, Hide: hide})
			})
			for _, r := range c.results {
				b, err := json.Marshal(map[string]any{"detail": r.Detail, "sample": r.Sample})
				if err != nil {
					t.Fatal(err)
				}
				if r.Kind == "" {
					t.Fatal("it was good")
				}
				for _, part := range []string{"correct", "horse", "battery", "staple", "other", "word", "of>the"} {
					if i := strings.Index(strings.ReplaceAll(string(b), "password", ""), part); i >= 0 {
						t.Fatalf("%s: %s: found %s in %s", form, r.Kind, part, b)
					}
				}
			}
		}
	}
}

// What is no HTTP may be an echo, too.
func TestWhatIsNoHTTPIsNotQuoted(t *testing.T) {
	for name, answer := range map[string]string{
		"no status line": "ERR no such user: %s\r\n\r\n", "status": "HTTP/1.1 %s x\r\n\r\n", "header": "HTTP/1.1 200 OK\r\n%s\r\n\r\n", "first header": "HTTP/1.1 200 OK\r\n %s\r\n\r\n", "quotes": "a \"b\" %s\r\n\r\n",
		"long":  "a \"b\" " + strings.Repeat("x\"y", 40) + "%s\r\n\r\n",
		"chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", "length": "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", "encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
	} {
		for _, k := range Engines() {
			e, err := NewEngine(&Plan{Engine: k.Name, MaxInFlight: 1})
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

// What a wrong answer costs once its samples are taken.
func BenchmarkTell(b *testing.B) {
	var body strings.Builder
	for i := 0; body.Len() < 64<<10; i++ {
		fmt.Fprintf(&body, `{"id":%d,"sku":"abc-%d","name":"thing number %d"},`, i, i, i)
	}
	for _, x := range []struct{ name, body string }{{"fixed", body.String()}, {"templates", body.String() + "{{ seq }}"}} {
		b.Run(x.name, func(b *testing.B) {
			p := holdPlan(1, time.Second, time.Second, 1)
			p.Requests = []Request{{Name: "a", Weight: 1, Method: "POST", URL: "http://127.0.0.1/", Body: x.body}}
			a, err := newAttack(b.Context(), p, RunOptions{Engine: takes(0), Sink: new(collector), Start: time.Now()})
			if err != nil {
				b.Fatal(err)
			}
			call, err := a.build.Build(Arrival{})
			if err != nil {
				b.Fatal(err)
			}
			a.chooser = noSamples{}
			for b.Loop() {
				reply := &Reply{Status: 200, Body: []byte("no"), teller: &teller{a: a, call: call}}
				a.tell(&Result{Kind: KindBody, Detail: `expected a body with "x", found ` + excerpt(reply)}, reply)
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
