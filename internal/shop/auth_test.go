package shop

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
)

// ask returns the status and the body that a handler answers.
func ask(h http.Handler, method, path, token, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func login(t *testing.T, h http.Handler) (token string) {
	t.Helper()
	status, body := ask(h, "POST", "/login", "", `{"user":"admin","password":"earl-grey"}`)
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusCreated {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	return got.Token
}

func TestLogin(t *testing.T) {
	auth := newAuth(time.Minute, time.Now)
	for body, want := range map[string]int{
		`{"user":"admin","password":"earl-grey"}`: 201,
		`{"user":"admin","password":"oolong"}`:    401,
		`{"user":"root","password":"earl-grey"}`:  401,
		`{}`:                                      401,
		`admin`:                                   400,
	} {
		if got, answer := ask(auth, "POST", "/login", "", body); got != want {
			t.Errorf("%s: %d %s, expected %d", body, got, answer, want)
		}
	}
}

func TestTokens(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	clock := func() time.Time { return now }
	token := login(t, newAuth(time.Minute, clock))
	check := func(token string) int {
		status, _ := ask(newAuth(time.Hour, clock), "GET", "/check", token, "")
		return status
	}
	if got := check(token); got != http.StatusOK {
		t.Errorf("%d from another process, expected 200", got)
	}
	later := strings.Replace(token, "1", "2", 1)
	for _, bad := range []string{"", "x", token + "0", later, "." + sign("")} {
		if got := check(bad); got != http.StatusUnauthorized {
			t.Errorf("%q: %d, expected 401", bad, got)
		}
	}
	now = now.Add(time.Minute)
	if got := check(token); got != http.StatusUnauthorized {
		t.Errorf("%d when its life is over, expected 401", got)
	}
}

func TestAdmin(t *testing.T) {
	auth := newReplica(t, newAuth(time.Minute, time.Now).ServeHTTP)
	broken := newReplica(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	tests := []struct {
		name, auth string
		failOpen   bool
		token      bool
		want       int
	}{
		{"without a token", auth, false, false, 401},
		{"with a token", auth, false, true, 200},
		{"no auth service", porttest.Refused(t), false, false, 503},
		{"no auth service, even with a token", porttest.Refused(t), false, true, 503},
		{"a broken auth service", broken, false, true, 503},
		{"fail open, without a token", auth, true, false, 401},
		{"fail open, no auth service", porttest.Refused(t), true, false, 200},
		{"fail open, a broken auth service", broken, true, false, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, g := newTestGateway(t, func(c *gatewayCommand) {
				c.auth, c.failOpen = tt.auth, tt.failOpen
			}, newReplica(t, say("well")))
			token := ""
			if tt.token {
				token = login(t, newAuth(time.Minute, time.Now))
			}
			if got, body := ask(g, "GET", "/admin", token, ""); got != tt.want {
				t.Errorf("%d %s, expected %d", got, body, tt.want)
			}
		})
	}
	t.Run("login goes to the auth service", func(t *testing.T) {
		_, g := newTestGateway(t, func(c *gatewayCommand) { c.auth = auth }, newReplica(t, say("well")))
		if got, body := ask(g, "GET", "/admin", login(t, g), ""); got != http.StatusOK {
			t.Errorf("%d %s, expected 200", got, body)
		}
	})
}
