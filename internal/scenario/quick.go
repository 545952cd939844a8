package scenario

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// Quick is a scenario for one URL, from the command line.
type Quick struct {
	URL        string
	Rate, For  string   // of its one stage; "" is what QuickRate and QuickFor say
	Rules      []string // none only measures
	AllowHosts []string
}

// What a Quick sends if it does not say.
const (
	QuickRate = "50/s"
	QuickFor  = "30s"
)

// QuickFlag is the name of the URL's flag, which stands for the file's name in
// messages.
const QuickFlag = "--url"

// LoadQuick makes a plan for one URL, by the same rules as one from a file. The
// error is *strictyaml.Mistakes, with positions in the flags' texts.
func LoadQuick(q Quick, env Env, opt Options) (*Plan, error) {
	var b strings.Builder
	fmt.Fprintf(
		&b,
		"name: %s\nattack:\n  requests: [{ name: url, get: / }]\n  stages: [{ name: steady, rate: %s, for: %s }]\n",
		quickName(q.URL),
		QuickRate,
		QuickFor,
	)
	// Places for what the flags put there.
	list := func(key string, n int) {
		if n > 0 {
			fmt.Fprintf(&b, "%s: [%s]\n", key, strings.TrimSuffix(strings.Repeat("x, ", n), ", "))
		}
	}
	list("verdict", len(q.Rules))
	list("allow_hosts", len(q.AllowHosts))
	set := []strictyaml.Override{
		{Flag: QuickFlag, Text: q.URL, Path: []string{"attack", "requests", "0", "get"}},
	}
	if q.Rate != "" {
		set = append(
			set,
			strictyaml.Override{
				Flag: "--rate",
				Text: q.Rate,
				Path: []string{"attack", "stages", "0", "rate"},
			},
		)
	}
	if q.For != "" {
		set = append(
			set,
			strictyaml.Override{
				Flag: "--for",
				Text: q.For,
				Path: []string{"attack", "stages", "0", "for"},
			},
		)
	}
	for i, rule := range q.Rules {
		set = append(
			set,
			strictyaml.Override{
				Flag: "--rule",
				Text: rule,
				Path: []string{"verdict", fmt.Sprint(i)},
			},
		)
	}
	for i, host := range q.AllowHosts {
		set = append(
			set,
			strictyaml.Override{
				Flag: "--allow-host",
				Text: host,
				Path: []string{"allow_hosts", fmt.Sprint(i)},
			},
		)
	}
	opt.Set = append(set, opt.Set...)
	opt.allowHint = func(host string) string {
		return "if it is yours, add --allow-host " + strings.Trim(host, "[]")
	}
	plan, err := Parse(QuickFlag, []byte(b.String()), env, opt)
	if m, ok := errors.AsType[*strictyaml.Mistakes](err); ok && q.URL != "" &&
		!strings.Contains(q.URL, "://") {
		for i := range m.List {
			if m.List[i].File == QuickFlag {
				m.List[i].Hint = "write http://" + strings.TrimLeft(m.List[i].Source, "/")
			}
		}
	}
	return plan, err
}

// quickName is a scenario's name made of a URL's host and path: letters, digits
// and dashes, so that nothing in it is read as anything else.
func quickName(raw string) string {
	text := "url"
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		text = "url " + u.Host
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z',
			r >= 'A' && r <= 'Z',
			r >= '0' && r <= '9',
			r == '.',
			r == ' ',
			r == '-':
			return r
		}
		return '-'
	}, text)
}
