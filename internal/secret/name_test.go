package secret

import "testing"

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"API_TOKEN": true, "token": true, "DB_PASSWORD": true, "CLIENT_SECRET": true, "AWS_ACCESS_KEY_ID": true, "api-key": true,
		"KEY": true, "GOOGLE_CREDENTIALS": true, "PASS": true, "HOME": false, "KEYBOARD": false, "MONKEY": false, "PASSENGERS": false, "AUTHOR": false, "sku": false, "GITHUB_PAT": true, "PATH": false, "STRIPE_SK": true, "SK_LINE": false, "PASSPHRASE": true,
		"SESSION_ID": true, "session": true, "SESSIONS": false, "PHPSESSID": true, "SENTRY_DSN": true, "clientSecret": true, "userKey": true, "hotkeys": false,
		"accessKey": true, "CompassHeading": false, "sig": true, "pattern": false, "PUBLIC_URL": false, "pass word": true, "key word": true, "word of mouth": false,
	} {
		if Name(name) != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
	for name, want := range map[string]bool{
		"Authorization": true, "cookie": true, "Proxy-Authorization": true, "X-Api-Key": true, "X-Auth-Token": true, "Accept": false, "Content-Type": false, "Set-Cookie": true, "X-Session": true, "WWW-Authenticate": false, "Keep-Alive": false,
	} {
		if Header(name) != want {
			t.Errorf("%s: expected %v", name, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]bool{
		"$.token": true, "$['access_token']": true, "$.tokens[0].value": true, "$..clientSecret": true, `name="csrf-token" value="([^"]+)"`: true,
		"$.items[0].id": false, "$": false, "": false, "$.keyboard": false, "$.key": false, "$.items[0].api_key": true,
	} {
		if Path(path) != want {
			t.Errorf("%s: expected %v", path, want)
		}
	}
}
