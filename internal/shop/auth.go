package shop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// The one who may open /admin, and the key that tokens are signed with. They are no secrets: all
// of this is a demo.
const (
	adminUser     = "admin"
	adminPassword = "earl-grey"
	tokenKey      = "the key of the built-in shop"
)

type authCommand struct{ life time.Duration }

func (c *authCommand) flags(fs *pflag.FlagSet) {
	fs.DurationVar(&c.life, "token-life", 15*time.Minute, "how long a token is good for")
}

func (c *authCommand) validate() error {
	if c.life < time.Second {
		return fmt.Errorf("expected --token-life of at least 1s, found %s", c.life)
	}
	return nil
}

func (c *authCommand) run(ctx context.Context, ln net.Listener, stdout, _ io.Writer) error {
	fmt.Fprintf(stdout, "auth listens on http://%s\n", ln.Addr())
	return serve(ctx, ln, newAuth(c.life, time.Now))
}

// newAuth returns the auth service. It keeps nothing: a token says for how long it is good, and
// is signed, so that tokens outlive a crash.
func newAuth(life time.Duration, now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var who struct{ User, Password string }
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&who)
		switch {
		case err != nil:
			answer(w, http.StatusBadRequest, map[string]string{
				"error": fmt.Sprintf(`expected {"user": "admin", "password": "…"}: %v`, err),
			})
		case who.User != adminUser || who.Password != adminPassword:
			answer(w, http.StatusUnauthorized, map[string]string{"error": "no such user and password"})
		default:
			answer(w, http.StatusCreated, map[string]any{
				"token": newToken(now().Add(life)), "expires_in": life.Seconds(),
			})
		}
	})
	mux.HandleFunc("GET /check", func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if err := checkToken(token, now()); err != nil {
			answer(w, http.StatusUnauthorized, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]string{"user": adminUser})
	})
	return mux
}

// newToken returns a token that is good until an instant: its Unix time in milliseconds, and the
// signature of that.
func newToken(until time.Time) string {
	text := strconv.FormatInt(until.UnixMilli(), 10)
	return text + "." + sign(text)
}

func sign(text string) string {
	h := hmac.New(sha256.New, []byte(tokenKey))
	io.WriteString(h, text) // never fails
	return hex.EncodeToString(h.Sum(nil))
}

func checkToken(token string, now time.Time) error {
	text, signature, _ := strings.Cut(token, ".")
	until, err := strconv.ParseInt(text, 10, 64)
	switch {
	case token == "":
		return errors.New("expected a token in Authorization: Bearer, found none; POST /login gives one")
	case err != nil || !hmac.Equal([]byte(signature), []byte(sign(text))):
		return errors.New("the token is none of this shop")
	case !now.Before(time.UnixMilli(until)):
		return errors.New("the token is over")
	}
	return nil
}
