// Package secret knows what must not be written to any output: by what names
// secrets go, where in headers, URLs and bodies they stand, and in which
// spellings they turn up elsewhere.
//
// It works in two ways, which complete each other. Find and InHeader return the
// values that are secret, and a Redactor replaces those wherever they appear.
// Mask hides what stands under a secret name, whatever it is, in the very place.
package secret

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Masked stands where a secret was.
const Masked = "***"

// Shortest is the length in bytes of the shortest value that is replaced wherever
// it appears: a shorter one would blacken half of every output.
const Shortest = 4

// What a name holds somewhere, or as a word, that is of a secret.
var (
	secretParts = list(
		"TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SESSION_ID", "SESSIONID", "SESSID", "PASSCODE", "PASSKEY",
		"PRIVATEKEY", "ACCESSKEY", "ACCOUNTKEY", "MASTERKEY", "SIGNINGKEY", "ENCRYPTIONKEY", "SSHKEY", "CONNECTION_STRING", "CONNECTIONSTRING", "CONN_STR", "CONNSTR",
	)
	secretWords = list("KEY", "PASS", "PWD", "AUTH", "AUTHORIZATION", "PAT", "DSN", "JWT", "COOKIE", "SIGNATURE")
	secretLast  = list("SK", "SESSION", "OTP", "CREDS")
	// Words that end like this are names grown together: PGPASS, DBPASSWD.
	secretEnds = list("PASS", "PASSWD", "PWD", "DSN")
	// Words that end so and mean something else: also the folders of a shell.
	otherEnds = list("COMPASS", "BYPASS", "TRESPASS", "SURPASS", "OVERPASS", "UNDERPASS", "ENCOMPASS", "IMPASS", "OLDPWD")

	// A number under a name with one of these is a figure: max_tokens, token_ttl.
	countWords = list("TOKENS", "COUNT", "LIMIT", "MAX", "MIN", "LENGTH", "SIZE", "TTL", "AGE", "EXPIRES", "EXPIRY", "ATTEMPTS", "RETRIES")
	// Everyday words for a key of JSON: {"key": "colour", "value": "red"}.
	everyday = list("KEY", "PAT")
)

func list(words ...string) [][]byte {
	out := make([][]byte, len(words))
	for i, w := range words {
		out[i] = []byte(w)
	}
	return out
}

// Name says whether a variable, column, parameter or key of this name holds a
// secret. userToken, user-token and USER_TOKEN are the same.
func Name(name string) bool {
	// Asked of every key in an answer, so it takes no memory.
	var room [64]byte
	up := appendWords(room[:0], name)
	for _, part := range secretParts {
		if len(part) <= len(up) && bytes.Contains(up, part) {
			return true
		}
	}
	last, found := hasWord(up, secretWords)
	return found || in(secretLast, last) || grownTogether(up) || string(up) == "SIG"
}

// hasWord says whether one of the words of a name is among these, and which is
// its last.
func hasWord(up []byte, words [][]byte) (last []byte, found bool) {
	for last = range bytes.SplitSeq(up, []byte("_")) {
		if in(words, last) {
			return last, true
		}
	}
	return last, false
}

// grownTogether says whether a word of a name ends as one of a secret.
func grownTogether(up []byte) bool {
	for word := range bytes.SplitSeq(up, []byte("_")) {
		for _, end := range secretEnds {
			if len(word) > len(end) && bytes.HasSuffix(word, end) && !in(otherEnds, word) {
				return true
			}
		}
	}
	return false
}

func in(words [][]byte, word []byte) bool {
	return slices.ContainsFunc(words, func(w []byte) bool { return bytes.Equal(w, word) })
}

// key is Name for a key of JSON. There, key alone is any key, and pat a word.
func key(name string) bool {
	var room [64]byte
	return Name(name) && !in(everyday, appendWords(room[:0], name))
}

// counts says whether a number under a secret name is none: max_tokens.
func counts(name string) bool {
	var room [64]byte
	_, found := hasWord(appendWords(room[:0], name), countWords)
	return found
}

func number(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// Field says whether a variable, column, parameter or field of a form is a secret:
// it has a secret name, and is no figure such as max_tokens=2000.
func Field(name, value string) bool { return Name(name) && !(counts(name) && number(value)) }

// Param is Field for parameters of queries and fields of forms, if their value is to
// be hidden wherever it stands, and not only there. A key alone is a word that is
// looked for as often as it is that of an API: ?key=electronics. Then the value tells.
func Param(name, value string) bool {
	return Field(name, value) && (key(name) || random(value))
}

// random says whether a value looks made up by a machine, and not by people: long,
// with letters and figures, or with letters of both cases inside a word.
func random(value string) bool {
	const shortestRandom = 16
	var digit, letter, upper, lower, other bool
	for _, c := range []byte(value) {
		switch {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z':
			lower, letter = true, true
		case c >= 'A' && c <= 'Z':
			upper, letter = true, true
		case c == ' ' || c == '+':
			other = true
		}
	}
	return len(value) >= shortestRandom && !other && letter && (digit || upper && lower)
}

// appendWords appends a name in capitals, with _ between its words.
func appendWords(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '.' || c == ' ':
			c = '_'
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z' && i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z':
			b = append(b, '_')
		}
		b = append(b, c)
	}
	return b
}

// Header says whether the value of a header of that name is a secret:
// Authorization, Cookie, Set-Cookie, *-Key, *-Token and the like.
func Header(name string) bool {
	return Name(name) || strings.Contains(strings.ToLower(name), "session")
}

// Path says whether a JSON path, or a regular expression, speaks of a secret: one
// of the names in it is that of one.
func Path(path string) bool {
	for i := 0; i < len(path); i++ {
		if !nameByte(path[i]) || path[i] == '.' {
			continue
		}
		end := i + 1
		for end < len(path) && nameByte(path[end]) && path[end] != '.' {
			end++
		}
		if key(path[i:end]) {
			return true
		}
		i = end
	}
	return false
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}
