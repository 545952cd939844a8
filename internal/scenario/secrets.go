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

// SecretHeader says whether the value of a header of that name must not be
// written to any output: Authorization, Cookie, Set-Cookie, *-Key, *-Token and
// the like.
func SecretHeader(name string) bool {
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
	secrets  []string // the longest first
	sorted   []string
	longest  int
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
	r := &redactor{secrets: kept, sorted: slices.Sorted(slices.Values(kept)), replacer: strings.NewReplacer(pairs...)}
	if len(kept) > 0 {
		r.longest = len(kept[0])
	}
	return r
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

// cutMark ends a text that was cut short.
const cutMark = "…"

func (r *redactor) text(s string) string {
	s = r.replacer.Replace(s)
	if !strings.Contains(s, cutMark) {
		return s
	}
	// Before a mark there may be the beginning of a secret, the rest of which was
	// cut off.
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, cutMark)
		if !ok {
			return b.String() + s
		}
		for i := max(0, len(head)-r.longest+1); i <= len(head)-minSecret; i++ {
			if r.begins(head[i:]) {
				head = head[:i] + masked
				break
			}
		}
		b.WriteString(head + cutMark)
		s = rest
	}
}

// begins says whether part is the beginning of a secret, and not all of it. Data
// files can bring secrets by the thousand, so none is looked for on its own.
func (r *redactor) begins(part string) bool {
	i, found := slices.BinarySearch(r.sorted, part)
	if found {
		i++
	}
	return i < len(r.sorted) && strings.HasPrefix(r.sorted[i], part)
}

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
