package scenario

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"API_TOKEN": true, "token": true, "DB_PASSWORD": true, "CLIENT_SECRET": true, "AWS_ACCESS_KEY_ID": true, "api-key": true,
		"KEY": true, "GOOGLE_CREDENTIALS": true, "PASS": true, "HOME": false, "KEYBOARD": false, "MONKEY": false, "PASSENGERS": false, "AUTHOR": false, "sku": false,
	} {
		if secretName(name) != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
	for name, want := range map[string]bool{
		"Authorization": true, "cookie": true, "Proxy-Authorization": true, "X-Api-Key": true, "X-Auth-Token": true, "Accept": false, "Content-Type": false,
	} {
		if SecretHeader(name) != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	const src = `
name: hides s3cr3t-value
services:
  api: { process: { command: [./api, "--token=${API_TOKEN}"], env: { DB_PASSWORD: "quo\"ted" } } }
target: http://user:pa55word@127.0.0.1:8080
attack:
  requests:
    - name: a
      get: /x?api_key=in-the-url
      headers: { Authorization: "Bearer opaque-1", Cookie: "sid=opaque-2; x=1", X-Short-Key: abc, Accept: text/html }
      query: { token: opaque-3 }
      body: "s3cr3t-value twice: s3cr3t-value, and opaque-1"
      expect: { headers: { Set-Cookie: "sid=opaque-4; Path=/", X-Expected-Key: abd } }
  stages: [{ name: s, rate: 5/s, for: 10s }]
verdict:
  - p99 < 1s
`
	p, err := Parse("x.yaml", []byte(src), testEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := planJSON(t, p)
	var out strings.Builder
	p.Timeline(&out)
	for _, s := range []string{"s3cr3t-value", `quo\"ted`, "pa55word", "opaque-1", "opaque-2", "opaque-3", "opaque-4", "in-the-url", `"abc"`, `"abd"`} {
		if strings.Contains(string(b), s) {
			t.Errorf("plan.json holds %s", s)
		}
		if strings.Contains(out.String(), s) {
			t.Errorf("the timeline holds %s", s)
		}
	}
	if !json.Valid(b) {
		t.Errorf("the redacted plan is no JSON:\n%s", b)
	}
	if !strings.Contains(string(b), "text/html") {
		t.Error("too much is hidden")
	}
	if got := p.Redact("x s3cr3t-value y"); got != "x *** y" {
		t.Errorf("found %q", got)
	}
	if got := (&Plan{Secrets: []string{"abc", "long-secret", "long-secret-er"}}).Redact("abc long-secret-er long-secret"); got != "abc *** ***" {
		t.Errorf("found %q", got)
	}
	if p.Attack.Requests[0].Headers[0].Value != "Bearer opaque-1" {
		t.Error("printing changed the plan")
	}
}

// A secret that is also a key or a number must not break the JSON around it.
func TestRedactJSONKeepsItsForm(t *testing.T) {
	in := `{"name":"name","n":1234,"t":true,"s":"a \"name\" b","l":["1234"]}`
	out := redactJSON([]byte(in), newRedactor([]string{"name", "1234", "true"}).text)
	if want := `{"name":"***","n":1234,"t":true,"s":"a \"***\" b","l":["***"]}`; string(out) != want {
		t.Errorf("expected %s, found %s", want, out)
	}
}

// A value in quotes, as messages show what they found, or in a URL.
func TestRedactOtherSpellings(t *testing.T) {
	const secret = "a/b \"c\" <d>+e\n"
	r := newRedactor([]string{secret})
	b, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, strconv.Quote(secret), string(b), url.QueryEscape(secret), url.PathEscape(secret)} {
		if got := strings.Trim(r.text(s), `"`); got != "***" {
			t.Errorf("%s becomes %s", s, got)
		}
	}
}

// What was cut short for people or for a sample can hold a part of a secret.
func TestRedactTextsThatWereCut(t *testing.T) {
	r := newRedactor([]string{"abcdefghijkl", "xyz-long"})
	for in, want := range map[string]string{
		"found abcdefgh… and \"xyz-l…\"": "found ***… and \"***…\"",
		"abcdefghijkl…":                  "***…",
		"found abc…":                     "found abc…", // too little to tell
		"found abcdefgh":                 "found abcdefgh",
		"…abcdefgh … ":                   "…abcdefgh … ",
	} {
		if got := r.text(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
	if got := newRedactor(nil).text("a…"); got != "a…" {
		t.Errorf("without secrets: %s", got)
	}
}
