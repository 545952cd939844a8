// Package secret takes secrets out of what is written.
//
// A value that is known to be secret is replaced by *** wherever it stands: that is
// what a Redactor does. What stands under a secret name is replaced there, known or
// not: see Header and Mask.
package secret

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Masked stands where a secret was.
const Masked = "***"

var (
	// A name that holds one of these is that of a secret.
	secretParts = []string{
		"TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY",
		"SESSION_ID", "SESSIONID", "SESSID", "PASSCODE", "PASSKEY", "PRIVATEKEY", "ACCESSKEY", "ACCOUNTKEY",
		"MASTERKEY", "SIGNINGKEY", "ENCRYPTIONKEY", "SSHKEY", "CONNECTION_STRING", "CONNECTIONSTRING", "CONN_STR",
		"CONNSTR",
	}
	// So is one with one of these words, or with one of these as its last.
	secretWords = []string{
		"KEY", "PASS", "PWD", "AUTH", "AUTHORIZATION", "PAT", "DSN", "JWT", "COOKIE", "SIGNATURE",
	}
	secretLast = []string{"SK", "SESSION", "OTP", "CREDS"}
	// Words that end so are names grown together: PGPASS, DBPASSWD.
	secretEnds = []string{"PASS", "PASSWD", "PWD", "DSN"}
	// These end so and mean something else.
	otherEnds = []string{
		"COMPASS", "BYPASS", "TRESPASS", "SURPASS", "OVERPASS", "UNDERPASS", "ENCOMPASS", "IMPASS", "OLDPWD",
	}
	// A number under a name with one of these words is a figure: max_tokens, token_ttl.
	countWords = []string{
		"TOKENS", "COUNT", "LIMIT", "MAX", "MIN", "LENGTH", "SIZE", "TTL", "AGE", "EXPIRES", "EXPIRY", "ATTEMPTS",
		"RETRIES",
	}
	// Alone, these are everyday words: {"key": "colour", "value": "red"}.
	everyday = []string{"KEY", "PAT"}
)

// Name says whether a variable, parameter or field of this name holds a secret.
// userToken, user-token and USER_TOKEN are the same.
func Name(name string) bool {
	up := capitals(name)
	holds := func(part string) bool { return strings.Contains(up, part) }
	if slices.ContainsFunc(secretParts, holds) || up == "SIG" {
		return true
	}
	words := strings.Split(up, "_")
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains(secretWords, word) ||
			slices.ContainsFunc(secretEnds, func(end string) bool {
				return strings.HasSuffix(word, end) && !slices.Contains(otherEnds, word)
			})
	}) || slices.Contains(secretLast, words[len(words)-1])
}

// Key is Name for what can have any name: keys of JSON, columns of data, captures.
// There, key and pat alone are everyday words.
func Key(name string) bool { return Name(name) && !slices.Contains(everyday, capitals(name)) }

// Field says whether the value under a name is a secret: the name says so, and the
// value is no figure, such as max_tokens=2000.
func Field(name, value string) bool { return Name(name) && !figure(name, value) }

func figure(name, value string) bool {
	if _, err := strconv.ParseFloat(value, 64); err != nil {
		return false
	}
	counts := func(word string) bool { return slices.Contains(countWords, word) }
	return slices.ContainsFunc(strings.Split(capitals(name), "_"), counts)
}

// Header says whether the value of a header is a secret: Authorization, Cookie,
// Set-Cookie, *-Key, *-Token and the like. Access-Control-Allow-Credentials is none.
func Header(name string) bool {
	low := strings.ToLower(name)
	return !strings.HasPrefix(low, "access-control-") &&
		(Name(name) || strings.Contains(low, "session"))
}

var nameInPath = regexp.MustCompile(`[\w-]+`)

// Path says whether a JSON path, or a regular expression, speaks of a secret: one of
// the names in it is that of one.
func Path(path string) bool { return slices.ContainsFunc(nameInPath.FindAllString(path, -1), Key) }

// capitals is a name in capitals, with _ between its words.
func capitals(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '.' || c == ' ' || c == '[' || c == ']':
			c = '_'
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z' && i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z':
			b.WriteByte('_')
		}
		b.WriteByte(c)
	}
	return strings.Trim(b.String(), "_")
}
