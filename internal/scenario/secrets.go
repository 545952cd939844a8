package scenario

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// minSecret is the shortest value that is treated as a secret wherever it
// appears: a shorter one would blacken half of every output.
const minSecret = 4

const masked = "***"

// secretName says whether a variable, column or parameter of this name holds a
// secret.
func secretName(name string) bool {
	up := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	for _, part := range []string{"TOKEN", "SECRET", "PASSW", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY"} {
		if strings.Contains(up, part) {
			return true
		}
	}
	for word := range strings.SplitSeq(up, "_") {
		switch word {
		case "KEY", "PASS", "PWD", "AUTH", "AUTHORIZATION":
			return true
		}
	}
	return false
}

// secretHeader says whether a header's value must not be shown.
func secretHeader(name string) bool {
	switch low := strings.ToLower(name); {
	case low == "authorization", low == "proxy-authorization", low == "cookie", low == "set-cookie":
		return true
	case strings.HasSuffix(low, "-key"), strings.HasSuffix(low, "-token"):
		return true
	}
	return secretName(name)
}

// headerSecrets returns what of a secret header's value must not reach any
// output: all of it, and the credentials inside it, which can appear alone.
func headerSecrets(value string) []string {
	out := []string{value}
	if _, credentials, ok := strings.Cut(value, " "); ok {
		out = append(out, strings.TrimSpace(credentials))
	}
	for cookie := range strings.SplitSeq(value, ";") {
		if _, v, ok := strings.Cut(cookie, "="); ok {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

// redactor puts *** in place of secrets.
type redactor struct {
	secrets  []string
	replacer *strings.Replacer
}

func newRedactor(secrets []string) *redactor {
	var kept []string
	for _, s := range secrets {
		if len(s) >= minSecret {
			kept = append(append(kept, s), spellings(s)...)
		}
	}
	// Longest first, so that a secret that holds another one is covered whole.
	slices.SortFunc(kept, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	kept = slices.Compact(kept)
	pairs := make([]string, 0, 2*len(kept))
	for _, s := range kept {
		pairs = append(pairs, s, masked)
	}
	return &redactor{kept, strings.NewReplacer(pairs...)}
}

// spellings are how a secret stands in quotes, in JSON and in a URL.
func spellings(secret string) []string {
	quoted := strconv.Quote(secret)
	asJSON, err := json.Marshal(secret)
	if err != nil {
		panic("scenario: a string did not become JSON: " + err.Error())
	}
	return []string{quoted[1 : len(quoted)-1], string(asJSON[1 : len(asJSON)-1]), url.QueryEscape(secret), url.PathEscape(secret)}
}

func (r *redactor) text(s string) string { return r.replacer.Replace(s) }

// sameWidth blackens secrets without moving what stands after them, so that a
// caret below stays in its place.
func (r *redactor) sameWidth(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, strings.Repeat("*", len([]rune(secret))))
	}
	return s
}

// Redact returns s with every secret of the plan replaced by ***.
func (p *Plan) Redact(s string) string {
	if p.redactor == nil {
		return newRedactor(p.Secrets).text(s)
	}
	return p.redactor.text(s)
}
