package run_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/run"
)

// A server that tells all that it was sent, and gives secrets away: what the run knows
// for a secret is in no file of the run and not on the screen.
func TestNoSecretOfAnAnswerIsWritten(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Session", "hidden-of-session")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "hidden-of-cookie", Path: "/"})
		if strings.HasPrefix(r.URL.Path, "/login") {
			more := ""
			if r.URL.Path == "/login/t" {
				more = `"t":"hidden/of\"login",`
			}
			_, _ = fmt.Fprintf(w, `{%s"token":"hidden-of-field","id":7,"user":{"password":"hidden-of-user"}}`, more)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		all, _ := json.Marshal(map[string]any{"url": r.URL.String(), "header": r.Header})
		_, _ = fmt.Fprintf(w, "visible electronics %s %s", all, body)
	}))
	defer srv.Close()
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	t.Setenv("PLAIN", "hidden-of-declared")
	dir := t.TempDir()
	rows := "user,word,visitor\nann-visible,hidden-of-word,hidden-of-visitor\n"
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"fast", "http"} {
		t.Run(engine, func(t *testing.T) {
			plan := load(t, fmt.Sprintf(`
name: tells all
target: %s
secrets: [PLAIN, visitor]
attack:
  engine: %s
  requests:
    - { name: text, get: /login, expect: { matches: zzz } }
    - { name: path, get: /login, expect: { json: { $.user.password: x } } }
    - { name: object, get: /login, expect: { json: { $.user: x } } }
    - { name: header, get: /login, expect: { headers: { X-Session: x } } }
    - name: literals
      post: "/all?token=hidden-of-query&key=electronics&a=${PLAIN}"
      json: { password: hidden-of-json, nested: { client_secret: hidden-of-nested } }
      headers: { Authorization: "Basic dXM6aGlkZGVuLW9mLWJhc2lj", Referer: "http://x:hidden-of-referer@h/" }
  flows:
    - name: f
      data: %s
      steps:
        - { name: login, post: /login/t, form: { user: "{{ .user }}", pass: "{{ .word }}" }, capture: { login: { json: $.t }, id: { json: $.id } } }
        - name: use
          post: "/use/{{ .login }}?w={{ .word }}&v={{ .visitor }}&id={{ .id }}"
          headers: { Authorization: 'Bearer {{ printf "x-%%s" .login }}' }
          body: "{{ .word }} {{ .login }} {{ .visitor }} {{ .user }}"
    # What a step would capture is a secret before it is captured.
    - name: g
      steps: [{ name: login, get: /login/t, capture: { token: { json: $.t } }, expect: { json: { $.t: x } } }]
  stages: [{ name: s, rate: 100/s, for: 500ms }]
verdict: [error_rate < 1%%]
`, srv.URL, engine, filepath.Join(dir, "users.csv")))
			out := filepath.Join(t.TempDir(), "run")
			var screen bytes.Buffer
			if code, err := run.Run(t.Context(), t.Context(), plan, run.Options{Out: out, Stdout: &screen, Stderr: &screen}); code != run.ExitFail || err != nil {
				t.Fatalf("exit %d, %v\n%s", code, err, screen.String())
			}
			written := map[string]string{"the screen": screen.String()}
			if err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				written[filepath.Base(path)] = string(b)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for name, text := range written {
				for _, s := range []string{"hidden", "dXM6aGlk"} {
					if i := strings.Index(text, s); i >= 0 {
						t.Errorf("%s: …%s", name, text[max(0, i-150):min(len(text), i+60)])
					}
				}
			}
			samples := written["samples.jsonl"]
			for _, s := range []string{"visible electronics", "ann-visible", `"Access-Control-Allow-Credentials":["true"]`, `key=***`, "id=7", `"kind":"json"`, `"kind":"header"`, `"kind":"body"`} {
				if !strings.Contains(samples, s) {
					t.Errorf("%s is not in samples.jsonl, which has\n%s", s, samples)
				}
			}
			for _, name := range []string{"plan.json", "summary.json", "junit.xml"} {
				if written[name] == "" {
					t.Errorf("there is no %s among %q", name, slices.Sorted(maps.Keys(written)))
				}
			}
		})
	}
}
