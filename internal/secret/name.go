// Package secret takes secrets out of what is written.
//
// A value that is known to be secret is replaced by *** wherever it stands: that is
// what a Redactor does. What stands under a secret name is replaced there, known or
// not: see Header and Mask.
package secret

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Masked stands where a secret was.
const Masked = "***"

var (
	// A name that holds one of these is that of a secret. Blanks are where a word begins or
	// ends, and a dot is the end of the name: PGPASS ends in "pass ", USER_OTP in " otp .".
	secretNames = strings.Split("token|secret|passw|passphrase|passcode|passkey|credential|"+
		"api key|private key|access key|apikey|privatekey|accesskey|accountkey|masterkey|"+
		"signingkey|encryptionkey|sshkey|session id|sessionid|sessid|"+
		"connection string|connectionstring|conn str|connstr|"+
		" key | auth | authorization | pat | jwt | cookie | signature |"+
		"pass |passwd |pwd |dsn | sk .| session .| otp .| creds .| sig .", "|")
	// These words end so and mean something else.
	otherNames = strings.Split(" compass | encompass | bypass | trespass | surpass | overpass |"+
		" underpass | impass | oldpwd ", "|")
	// A number under a name with one of these words is a figure: max_tokens, token_ttl.
	countNames = strings.Split(" tokens | count | limit | max | min | length | size | ttl | age |"+
		" expires | expiry | attempts | retries ", "|")
	// Alone, these are everyday words: {"key": "colour", "value": "red"}.
	everydayNames = []string{"key", "pat"}

	nameInPath = regexp.MustCompile(`[\w-]+`)
)

// Name says whether a variable, parameter or field of this name holds a secret.
// userToken, user-token and USER_TOKEN are the same.
func Name(name string) bool { return isSecret(words(name)) }

func isSecret(words string) bool {
	for _, other := range otherNames {
		words = strings.ReplaceAll(words, other, " _ ")
	}
	return holdsOneOf(secretNames, words)
}

func holdsOneOf(parts []string, s string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}

// Key is Name for what can have any name: keys of JSON, columns of data, captures.
// There, key and pat alone are everyday words.
func Key(name string) bool {
	return Name(name) && !slices.Contains(everydayNames, strings.ToLower(name))
}

// Field says whether the value under a name is a secret: the name says so, and the
// value is no figure, such as max_tokens=2000.
func Field(name, value string) bool { return Name(name) && !figure(name, value) }

func figure(name, value string) bool {
	_, err := strconv.ParseFloat(value, 64)
	return err == nil && holdsOneOf(countNames, words(name))
}

// Header says whether the value of a header is a secret: Authorization, Cookie,
// Set-Cookie, *-Key, *-Token and the like. Access-Control-Allow-Credentials is none.
func Header(name string) bool {
	s := words(name)
	return !strings.HasPrefix(s, " access control ") &&
		(strings.Contains(s, "session") || isSecret(s))
}

// Path says whether a JSON path, or a regular expression, speaks of a secret: one of
// the names in it is that of one.
func Path(path string) bool { return slices.ContainsFunc(nameInPath.FindAllString(path, -1), Key) }

// words is a name in small letters, with a blank around each word and a dot behind.
func words(name string) string {
	var room [64]byte // is enough for most
	out := append(room[:0], ' ')
	for i := range len(name) {
		c := name[i]
		switch {
		case strings.IndexByte("_-. []", c) >= 0:
			c = ' '
		case c >= 'A' && c <= 'Z':
			if i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
				out = append(out, ' ')
			}
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(append(bytes.TrimRight(out, " "), " ."...))
}
