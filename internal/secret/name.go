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
	// A name that holds one of these is that of a secret, whatever separates its words.
	secretParts = strings.Fields("token secret passw passphrase passcode passkey credential " +
		"apikey privatekey accesskey accountkey masterkey signingkey encryptionkey sshkey " +
		"sessionid sessid connectionstring connstr")
	// So is one with one of these words, with one that ends so (PGPASS, DBPASSWD), or with
	// one of these as its last.
	secretWords = strings.Fields("key auth authorization pat jwt cookie signature")
	secretEnds  = strings.Fields("pass passwd pwd dsn")
	secretLast  = strings.Fields("sk session otp creds sig")
	// These end so and mean something else.
	otherWords = strings.Fields(
		"compass bypass trespass surpass overpass underpass encompass impass oldpwd")
	// A number under a name with one of these words is a figure: max_tokens, token_ttl.
	countWords = strings.Fields(
		"tokens count limit max min length size ttl age expires expiry attempts retries")
	// Alone, these are everyday words: {"key": "colour", "value": "red"}.
	everydayNames = []string{"key", "pat"}

	nameInPath = regexp.MustCompile(`[\w-]+`)
)

// Name says whether a variable, parameter or field of this name holds a secret.
// userToken, user-token and USER_TOKEN are the same.
func Name(name string) bool {
	words := wordsOf(name)
	whole := strings.Join(words, "")
	holds := func(part string) bool { return strings.Contains(whole, part) }
	return slices.ContainsFunc(secretParts, holds) || slices.ContainsFunc(words, secretWord) ||
		slices.Contains(secretLast, words[len(words)-1])
}

func secretWord(word string) bool {
	ends := func(end string) bool { return strings.HasSuffix(word, end) }
	return slices.Contains(secretWords, word) ||
		slices.ContainsFunc(secretEnds, ends) && !slices.Contains(otherWords, word)
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
	counts := func(word string) bool { return slices.Contains(countWords, word) }
	return err == nil && slices.ContainsFunc(wordsOf(name), counts)
}

// Header says whether the value of a header is a secret: Authorization, Cookie,
// Set-Cookie, *-Key, *-Token and the like. Access-Control-Allow-Credentials is none.
func Header(name string) bool {
	low := strings.ToLower(name)
	return !strings.HasPrefix(low, "access-control-") &&
		(strings.Contains(low, "session") || Name(name))
}

// Path says whether a JSON path, or a regular expression, speaks of a secret: one of
// the names in it is that of one.
func Path(path string) bool { return slices.ContainsFunc(nameInPath.FindAllString(path, -1), Key) }

// wordsOf returns the words of a name in small letters; at least one, which may be empty.
func wordsOf(name string) []string {
	var b strings.Builder
	for i, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' && i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
			b.WriteByte(' ')
		}
		b.WriteByte(c)
	}
	words := strings.FieldsFunc(strings.ToLower(b.String()), func(c rune) bool {
		return strings.ContainsRune("_-. []", c)
	})
	return append(words, "")[:max(1, len(words))]
}
