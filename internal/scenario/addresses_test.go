package scenario

import (
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// read decodes one scalar as a field that allows names of the run.
func read(t *testing.T, value, vars string, env Env) (string, error) {
	t.Helper()
	source := grammar.Source("x.yaml", value)
	d := source.Decoder(newVariables(source, env, secretSet{}).resolve)
	x, _ := d.Expand(&strictyaml.Node{Kind: strictyaml.Text, Span: strictyaml.Span{Line: 1, Col: 1, Len: 1}, Text: value}, vars)
	return x.Text, source.Err(nil)
}

func TestExpandVariables(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "1", "EMPTY": "", "TRICK": "${x.addr}", "DOLLAR": "$"}[name]
		return v, ok
	}
	for _, tt := range []struct {
		name, in string
		vars     string
		want     string
		wantErr  string
	}{
		{"plain", "abc", noRunNames, "abc", ""},
		{"one", "${A}", noRunNames, "1", ""},
		{"inside", "a${A}b${A}", noRunNames, "a1b1", ""},
		{"default unused", "${A:-2}", noRunNames, "1", ""},
		{"default", "${B:-2}", noRunNames, "2", ""},
		{"empty default", "${B:-}", noRunNames, "", ""},
		{"empty is set", "${EMPTY}", noRunNames, "", ""},
		{"empty takes the default", "${EMPTY:-x}", noRunNames, "x", ""},
		{"dollar", "costs $5 or $$5", noRunNames, "costs $5 or $5", ""},
		{"escaped", "$${A}", noRunNames, "${A}", ""},
		{"escaped for the run", "$${A}", "addr", "$${A}", ""},
		{"address stays", "http://${x.addr}/", "addr", "http://${x.addr}/", ""},
		{"port stays", "${PORT}", addressesAnd, "${PORT}", ""},
		{"value is no reference", "${TRICK}", "addr", "$${x.addr}", ""},
		{"last dollar", "a$", noRunNames, "a$", ""},
		{"missing", "${NO}", noRunNames, "", "the variable NO is not set"},
		{"open", "${A", noRunNames, "", "never closed"},
		{"bad name", "${1}", noRunNames, "", "expected the name of a variable"},
		{"nothing", "${}", noRunNames, "", "expected the name of a variable"},
		{"address where none is known", "${x.addr}", noRunNames, "", "not known here"},
		{"port elsewhere", "${PORT}", "addr", "", "the variable PORT is not set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(t, tt.in, tt.vars, env)
			switch {
			case tt.wantErr == "" && err != nil:
				t.Fatalf("expected no mistake, found %v", err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Fatalf("expected the mistake %q, found %v", tt.wantErr, err)
			case tt.wantErr == "" && got != tt.want:
				t.Fatalf("expected %q, found %q", tt.want, got)
			}
		})
	}
}

// What the file says reaches the run as it is meant, through both expansions.
func TestExpansionsTogether(t *testing.T) {
	env := func(string) (string, bool) { return "${api.addr}", true }
	addr := func(string) (string, bool) { return "here", true }
	for in, want := range map[string]string{
		"$${api.addr}":      "${api.addr}",
		"${api.addr}":       "here",
		"${VAR}":            "${api.addr}",
		"$${VAR} ${VAR} $$": "${VAR} ${api.addr} $",
	} {
		planned, err := read(t, in, "addr", env)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := target.Expand(planned, addr); err != nil || got != want {
			t.Errorf("%q: expected %q, found %q (planned as %q): %v", in, want, got, planned, err)
		}
	}
}
