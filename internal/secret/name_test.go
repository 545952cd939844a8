package secret_test

import (
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"API_TOKEN": true, "token": true, "DB_PASSWORD": true, "CLIENT_SECRET": true, "AWS_ACCESS_KEY_ID": true, "api-key": true,
		"KEY": true, "GOOGLE_CREDENTIALS": true, "PASS": true, "HOME": false, "KEYBOARD": false, "MONKEY": false, "PASSENGERS": false, "AUTHOR": false, "sku": false, "GITHUB_PAT": true, "PATH": false, "STRIPE_SK": true, "SK_LINE": false, "PASSPHRASE": true,
		"SESSION_ID": true, "session": true, "SESSIONS": false, "PHPSESSID": true, "SENTRY_DSN": true, "clientSecret": true, "userKey": true, "hotkeys": false,
		"PGPASS": true, "DBPASS": true, "pgPass": true, "MYSQLPWD": true, "SMTP_USERPASSWD": true, "DBDSN": true, "PGPASSFILE": false, "COMPASS": false, "BYPASS": false, "OLDPWD": false,
		"KEY_PASSPHRASE": true, "GCP_CREDENTIALS": true, "AWS_CREDS": true, "AZURE_STORAGE_CONNECTION_STRING": true, "SSHKEY": true, "DONKEY": false, "TURKEY": false,
		"accessKey": true, "CompassHeading": false, "sig": true, "pattern": false, "PUBLIC_URL": false, "pass word": true, "key word": true, "word of mouth": false,
	} {
		if secret.Name(name) != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
	for name, want := range map[string]bool{
		"Authorization": true, "cookie": true, "Proxy-Authorization": true, "X-Api-Key": true, "X-Auth-Token": true, "Accept": false, "Content-Type": false, "Set-Cookie": true, "X-Session": true, "WWW-Authenticate": false, "Keep-Alive": false,
		"Access-Control-Allow-Credentials": false, "Idempotency-Key": true,
	} {
		if secret.Header(name) != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]bool{
		"$.token": true, "$['access_token']": true, "$.tokens[0].value": true, "$..clientSecret": true, `name="csrf-token" value="([^"]+)"`: true,
		"$.items[0].id": false, "$": false, "": false, "$.keyboard": false, "$.key": false, "$.items[0].api_key": true,
	} {
		if secret.Path(path) != want {
			t.Errorf("%s: expected %v", path, want)
		}
	}
}

// Columns, captures and keys of JSON are called key as often as anything else.
func TestFields(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"key", "electronics", true}, {"token", "electronics", true}, {"max_tokens", "2000", false},
		{"max_tokens", "many", true}, {"token", "2000", true}, {"token_ttl", "60", false}, {"q", "AIzaSyD4iE2xVSpk", false},
	} {
		if got := secret.Field(c.name, c.value); got != c.want {
			t.Errorf("%s=%s: expected %v", c.name, c.value, c.want)
		}
	}
	for name, want := range map[string]bool{"key": false, "Pat": false, "api_key": true, "userKey": true, "id": false} {
		if got := secret.Key(name); got != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"Authorization": "***", "X-Session-Id": "***", "Content-Type": "abc", "Access-Control-Allow-Credentials": "abc",
		"$.token": "***", "$.user['api_key']": "***", "$.key": "abc", "$.sessions[0].id": "abc",
	} {
		if got := secret.Shown(name, "abc"); got != want {
			t.Errorf("%s: expected %s, found %s", name, want, got)
		}
	}
}
