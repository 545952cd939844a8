package scenario_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// What the manual says of secrets, as a table: what is hidden wherever it stands, what in
// its place only, and what is not.
func TestWhatIsHiddenAndWhatIsNot(t *testing.T) {
	dir := t.TempDir()
	rows := "user,password,visitor,pin\nann-of-row,pass-of-row,visitor-of-row,pin-of-row\n"
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"TENANT": "acme-tenant", "API_TOKEN": `tok/"1" ä`, "DATABASE_URL": "postgres://ann:db-password@db/x", "REGION": "eu-central",
		"MYSQL": "root:mysql-password@tcp(db:3306)/x", "ADO": "Server=db;Password=ado-password", "SHORT_TOKEN": "abc", "AUTH": "none", "UNUSED_TOKEN": "unused-token",
	}
	const src = `
name: promise
target: http://127.0.0.1:8080
secrets: [TENANT, visitor]
attack:
  requests:
    - name: a
      get: "/search?key=electronics&token=literal-token"
      data: users.csv
      query: { all: "${API_TOKEN} ${DATABASE_URL} ${REGION} ${MYSQL} ${ADO} ${SHORT_TOKEN} ${AUTH}", code: "{{ .visitor }}" }
      headers:
        Authorization: "Basic YW5uOmhlYWRlci1wYXNzd29yZA=="
        Cookie: "sid=cookie-value; theme=dark-theme"
        X-Session: "{{ .pin }} beside-the-template"
        Referer: "http://ann:referer-password@h/"
      json: { password: literal-password }
  stages: [{ name: s, rate: 5/s, for: 10s }]
`
	p, err := scenario.Parse(filepath.Join(dir, "x.yaml"), []byte(src), func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct{ name, in, want string }{
		{"a declared variable", "of acme-tenant", "of ***"},
		{"a variable with a secret name", `x tok/"1" ä y`, "x *** y"},
		{"as JSON has it", `"tok/\"1\" ä" "tok\/\"1\" \u00e4"`, `"***" "***"`},
		{"as URLs have it", "tok%2F%221%22+%C3%A4 tok%2F%221%22%20%C3%A4 tok%2f%221%22%20%c3%a4", "*** *** ***"},
		{"as Basic has it, whoever the user is", "Basic " + basic(`a:tok/"1" ä`) + " " + basic(`ab:tok/"1" ä`), "Basic YTp*** YWI6***"},
		{"cut off", `x tok/"1…`, "x ***…"},
		{"the password of a URL", "db-password of ann", "*** of ann"},
		{"the credentials that a URL becomes", "got " + basic("ann:db-password"), "got ***"},
		{"a header's credentials", "YW5uOmhlYWRlci1wYXNzd29yZA== ann:header-password header-password", "*** *** ***"},
		{"a header's cookies", "cookie-value dark-theme", "*** ***"},
		{"beside a template in a header", "beside-the-template", "***"},
		{"a URL in a header", "referer-password", "***"},
		{"a column with a secret name", "pass-of-row", "***"},
		{"a declared column", "visitor-of-row", "***"},
		{"a column under a secret name", "pin-of-row", "***"},

		{"in its place: JSON", `{"token":"literal-token","password":7,"id":"literal-token"}`, `{"token":"***","password":***,"id":"literal-token"}`},
		{"in its place: a form, a query", "?key=electronics&q=electronics pwd=abc", "?key=***&q=electronics pwd=***"},
		{"in its place: a URL", "http://bob:pw@h/ https://ghp@h/", "http://bob:***@h/ https://***@h/"},

		{"a variable without a secret name", "eu-central", "eu-central"},
		{"a value under a secret name, elsewhere", "literal-token literal-password electronics", "literal-token literal-password electronics"},
		{"a column without a secret name", "ann-of-row", "ann-of-row"},
		{"a short value", "abc", "abc"},
		{"a word", "none", "none"},
		{"connection strings that are no URLs", "mysql-password ado-password", "mysql-password ado-password"},
		{"a variable that is not used", "unused-token", "unused-token"},
		{"everyday keys, figures", `{"key":"colour","max_tokens":2000}`, `{"key":"colour","max_tokens":2000}`},
		{"a part of it", "tok", "tok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := secret.Mask(p.Redact(c.in)); got != c.want {
				t.Errorf("%s becomes %s, want %s", c.in, got, c.want)
			}
		})
	}
}
