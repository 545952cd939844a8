package scenario

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

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
	for _, s := range []string{"s3cr3t-value", `quo\"ted`, "pa55word", "opaque-1", "opaque-2", "opaque-3", "opaque-4", "in-the-url", `"abc"`, `"abd"`} {
		if strings.Contains(string(b), s) {
			t.Errorf("plan.json holds %s", s)
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
	if got := new(Plan).Redact("no secrets"); got != "no secrets" {
		t.Errorf("found %q", got)
	}
	if httpOf(t, &p.Attack, 0).Headers[0].Value != "Bearer opaque-1" {
		t.Error("printing changed the plan")
	}
}

// A secret that is also a key or a number must not break the JSON around it.
func TestRedactJSONKeepsItsForm(t *testing.T) {
	in := `{"name":"name","n":1234,"t":true,"s":"a \"name\" b","l":["1234"]}`
	out := redactJSON([]byte(in), secret.NewRedactor([]string{"name", "1234", "true"}).Text)
	if want := `{"name":"***","n":1234,"t":true,"s":"a \"***\" b","l":["***"]}`; string(out) != want {
		t.Errorf("expected %s, found %s", want, out)
	}
}

// Secrets that stand in a scenario without a field of their own.
func TestNoLiteralSecretIsPrinted(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"users.csv":    "user,tok,shortPassword\nann,hidden-of-row,abc\n",
		"targets.json": `{"method":"POST","url":"http://127.0.0.1:8080/?token=hidden-of-target","body":"` + base64.StdEncoding.EncodeToString([]byte(`{"password":"hidden-of-target-body"}`)) + `"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const src = `
name: hides
services:
  api: { process: { command: [./api, "--password=hidden-of-argument"], env: { PLAIN: "http://u:hidden-of-env@h/" } } }
attack:
  requests:
    - { name: json, post: "http://127.0.0.1:8080/", json: { password: hidden-of-json, nested: { client_secret: hidden-of-nested, pin: 12 }, user: ann } }
    - { name: body, post: "http://127.0.0.1:8080/", body: "user=x&password=hidden-of-body" }
    - { name: url, get: "http://us:hidden-of-user@127.0.0.1:8080/", headers: { Referer: "http://a:hidden-of-referer@b/?token=hidden-of-query" } }
    - { name: row, get: "http://127.0.0.1:8080/{{ .user }}", data: users.csv, headers: { Authorization: "Bearer {{ .tok }}" } }
    - { name: expect, get: "http://127.0.0.1:8080/", expect: { body: "token=hidden-of-expected-body", json: { $.token: hidden-of-expected-json, $.password: abc, $.id: 7 } } }
    - { name: variables, get: "http://127.0.0.1:8080/", headers: { X-All: "${DATABASE_URL} ${BROKEN_URL} ${GITHUB_PAT} ${STRIPE_SK} ${SESSION_ID} ${PASSPHRASE} ${SENTRY_DSN} ${JDBC}" } }
    - { name: targets, targets: { file: targets.json, format: json } }
  stages: [{ name: s, rate: 5/s, for: 10s }]
verdict:
  - p99 < 1s
`
	env := func(name string) (string, bool) {
		v, ok := map[string]string{
			"DATABASE_URL": "postgres://ann:hidden-of-database@db/x", "BROKEN_URL": "amqp://ann:hidden-of-#broken@mq", "GITHUB_PAT": "hidden-of-pat", "STRIPE_SK": "hidden-of-sk",
			"SESSION_ID": "hidden-of-session", "PASSPHRASE": "hidden-of-phrase", "SENTRY_DSN": "https://hidden-of-dsn@s/1", "JDBC": "jdbc:postgresql://db/x?user=u&password=hidden-of-jdbc",
		}[name]
		return v, ok
	}
	p, err := Parse(filepath.Join(dir, "x.yaml"), []byte(src), env, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := string(planJSON(t, p))
	for _, s := range []string{"hidden", base64.StdEncoding.EncodeToString([]byte("us:hidden-of-user")), base64.StdEncoding.EncodeToString([]byte(`{"password":"hid`)), `"abc"`, `\"abc\"`} {
		if i := strings.Index(b, s); i >= 0 {
			t.Errorf("plan.json holds %s", b[max(0, i-60):min(len(b), i+40)])
		}
	}
	for _, s := range []string{"postgres://ann:***@db/x", "user=x&password=***", "http://us:***@127.0.0.1:8080/", "jdbc:postgresql://db/x?user=u&password=***"} {
		if !strings.Contains(b, s) {
			t.Errorf("plan.json does not hold %s", s)
		}
	}
	if got := p.Redact("echoed: Basic " + base64.StdEncoding.EncodeToString([]byte("us:hidden-of-user")) + " hidden-of-row"); got != "echoed: Basic *** ***" {
		t.Errorf("found %s", got)
	}
}

// A file of a million rows must not become a set of as many secrets.
func TestRowsAreNotAllSecrets(t *testing.T) {
	rows := make([]map[string]string, 2*maxSecretRows)
	for i := range rows {
		rows[i] = map[string]string{"token": fmt.Sprintf("token-%d", i)}
	}
	secrets := secretSet{}
	secrets.columns(&attack.Plan{Requests: []attack.Request{{Data: dataOf(t, rows)}}})
	if n := len(secrets); n != maxSecretRows {
		t.Errorf("expected %d, found %d", maxSecretRows, n)
	}
}

// A value with the ends of other spellings in it, behind a secret name in a text.
func TestSecretsAreHiddenWhole(t *testing.T) {
	const src = `
name: hides
target: http://127.0.0.1:8080
attack:
  requests:
    - { name: a, get: "/p?password=${DB_PASSWORD}&z=1", headers: { X-A: "password=${DB_PASSWORD}" }, body: "password=${DB_PASSWORD}&x=1" }
    - { name: b, post: /p, json: { x: "password=${DB_PASSWORD}", y: "https://u:${DB_PASSWORD}@h/x" }, expect: { body: "password=${DB_PASSWORD}", matches: "token=${DB_PASSWORD}" } }
    - { name: c, post: /p, form: { q: "token=${DB_PASSWORD}" }, query: { q: "token=${DB_PASSWORD}" } }
  stages: [{ name: s, rate: 5/s, for: 10s }]
`
	for _, word := range []string{`correct horse&battery"staple`, "correct#battery<staple", `correct\battery staple`, "correct'battery\\staple"} {
		p, err := Parse("x.yaml", []byte(src), func(string) (string, bool) { return word, true }, Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := string(planJSON(t, p))
		for _, part := range []string{"correct", "horse", "battery", "staple"} {
			if i := strings.Index(b, part); i >= 0 {
				t.Errorf("%s: plan.json holds %s", word, b[max(0, i-60):min(len(b), i+40)])
			}
		}
	}
}

// What a body calls a key or a pass may be anything.
func TestWordsAndFiguresAreNoSecrets(t *testing.T) {
	const src = `
name: words
target: http://127.0.0.1:8080
services: { checkout-service: { builtin: api } }
attack:
  max_in_flight: 2000
  requests:
    - { name: checkout, post: "/?token=2000&page_key=2001", body: '{"max_tokens": 2000, "filter": [{"key": "checkout"}, {"key": 2000}], "pass": "steady", "pin_token": 12345678, "auth": "checkout-service"}' }
    - { name: expects, post: /, form: { max_tokens: 2000, pass: steady, secret: form-secret }, expect: { json: { $.max_tokens: 2000, $.token: 12345678, $.auth: steady, $.secret: expected-secret } } }
  stages: [{ name: steady, rate: 50/s, for: 2s }]
`
	p, err := Parse("x.yaml", []byte(src), testEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Secrets) > 0 {
		t.Errorf("found %q", p.Secrets)
	}
	b := string(planJSON(t, p))
	for _, s := range []string{`\"pass\": \"***\"`, `\"pin_token\": ***`, `\"auth\": \"***\"`, `\"max_tokens\": 2000`, `{\"key\": \"checkout\"}`, `"name": "steady"`, "token=***&page_key=***"} {
		if !strings.Contains(b, s) {
			t.Errorf("plan.json does not hold %s:\n%s", s, b)
		}
	}
}

// Names are what folders are called by; what is called like a password by chance may be.
func TestNamesHoldNoSecrets(t *testing.T) {
	for name, want := range map[string]string{
		`n ${MY_TOKEN}`: "${MY_TOKEN}", `${DATABASE}`: "${DATABASE}", `${MY_TOKEN:-x}`: "${MY_TOKEN}", `$${MY_TOKEN}`: "", `${PLAIN}`: "", `${UNSET_TOKEN:-x}`: "", `s3cr3t`: "",
	} {
		for _, format := range []string{
			"name: %q\ntarget: http://h\nattack: { requests: [{ name: r, get: / }], stages: [{ name: s, rate: 5/s, for: 10s }] }",
			"name: n\ntarget: http://h\nattack: { requests: [{ name: %q, get: / }], stages: [{ name: s, rate: 5/s, for: 10s }] }",
			"name: n\ntarget: http://h\nattack: { requests: [{ name: r, get: / }], stages: [{ name: %q, rate: 5/s, for: 10s }] }",
			"name: n\ntarget: http://h\nattack: { flows: [{ name: f, steps: [{ name: %q, get: / }] }], stages: [{ name: s, rate: 5/s, for: 10s }] }",
			"name: n\ntarget: http://h\nattack: { requests: [{ name: r, get: / }], stages: [{ name: s, rate: 5/s, for: 10s }] }\nverdict: [{ kpi: p99 < 1s, name: %q }]",
		} {
			_, err := Parse("x.yaml", fmt.Appendf(nil, format, name), func(name string) (string, bool) {
				v, ok := map[string]string{"MY_TOKEN": "s3cr3t", "DATABASE": "x://u:s3cr3t@h", "PLAIN": "ok"}[name]
				return v, ok
			}, Options{})
			switch {
			case want == "" && err != nil && !strings.Contains(err.Error(), "allow_hosts"):
				t.Errorf(format+": %s", name, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), "a name cannot hold a secret, such as "+want) || strings.Contains(err.Error(), "s3cr3t")):
				t.Errorf(format+": found %v", name, err)
			}
		}
	}
}

// A message about a template in a secret header shows what stands beside it.
func TestMistakesInSecretTemplates(t *testing.T) {
	const src = `
name: hides
target: http://127.0.0.1:8080
attack:
  requests: [{ name: r, get: /, headers: { Authorization: "Bearer hidden-literal {{ .x" } }]
  stages: [{ name: s, rate: 5/s, for: 10s }]
`
	_, err := Parse("x.yaml", []byte(src), testEnv, Options{})
	if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "Bearer ***") {
		t.Errorf("found %v", err)
	}
}

// What secrets: names is hidden wherever it stands: a variable whose name says nothing, a
// column, a capture. Of the last two, the run knows.
func TestDeclaredSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte("user,visitor\nann,hidden-of-row\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parse := func(secrets string) (*Plan, error) {
		return Parse(filepath.Join(dir, "x.yaml"), fmt.Appendf(nil, `
name: hides
target: http://127.0.0.1:8080
secrets: %s
attack:
  flows:
    - name: f
      data: users.csv
      steps:
        - { name: login, get: "/{{ .visitor }}/${PLAIN}", capture: { ticket: { json: $.t } } }
        - { name: use, get: "/?a=${PLAIN}&b=${GIVEN:-given}" }
  stages: [{ name: s, rate: 5/s, for: 10s }]
`, secrets), func(name string) (string, bool) {
			v, ok := map[string]string{"PLAIN": "hidden-of-plain", "UNUSED": "hidden-of-unused"}[name]
			return v, ok
		}, Options{})
	}
	p, err := parse("[PLAIN, UNUSED, GIVEN, visitor, ticket]")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"hidden-of-plain", "hidden-of-row", "hidden-of-unused"}; !slices.Equal(p.Secrets, want) {
		t.Errorf("expected %q, found %q", want, p.Secrets)
	}
	row := maps.All(map[string]string{"ticket": "t", "visitor": "v", "user": "u"})
	if got := slices.Sorted(slices.Values(attack.NewSecrets(&p.Attack).Row(0, row))); !slices.Equal(got, []string{"t", "v"}) {
		t.Errorf("expected those of ticket and visitor, found %q", got)
	}
	if s := string(planJSON(t, p)); strings.Contains(s, "hidden") || !strings.Contains(s, "/?a=***&b=given") {
		t.Errorf("found %s", s)
	}
	if got := p.Redactor.With([]string{"ticket-7"}).Text("a ticket-7 hidden-of-plain"); got != "a *** ***" {
		t.Errorf("found %s", got)
	}
	if _, err = parse("[visiter]"); err == nil || !strings.Contains(err.Error(), `found "visiter"`) || !strings.Contains(err.Error(), `did you mean "visitor"?`) {
		t.Errorf("found %v", err)
	}
	if p, err = parse("[]"); err != nil || len(p.Secrets) > 0 {
		t.Errorf("nothing is declared: found %v, %v", p.Secrets, err)
	}
}

// A word that stands under a name such as key is hidden there, and nowhere else.
func TestOrdinaryWordsAreShown(t *testing.T) {
	p, err := Parse("x.yaml", []byte(`
name: electronics
target: http://127.0.0.1:8080
attack:
  requests:
    - { name: search, get: "/search?key=electronics", query: { token: garden-furniture } }
    - { name: electronics, get: /garden-furniture/electronics, expect: { headers: { Access-Control-Allow-Credentials: "true" } } }
  stages: [{ name: s, rate: 5/s, for: 10s }]
`), testEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := string(planJSON(t, p)); !strings.Contains(s, "/garden-furniture/electronics") || strings.Contains(s, "key=electronics") {
		t.Errorf("found %s", s)
	}
	if b := string(planJSON(t, p)); !strings.Contains(b, `"value": "true"`) {
		t.Errorf("found %s", b)
	}
}

func dataOf(t testing.TB, rows []map[string]string) *payload.Data {
	t.Helper()
	d, err := payload.NewData(rows)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
