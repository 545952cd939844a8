package scenario

import (
	"strings"
	"testing"
)

// read decodes one scalar as a field that allows names of the run.
func read(t *testing.T, value string, names runNames, env Env) (string, error) {
	t.Helper()
	c := newCollector("x.yaml", []byte(value))
	d := &decoder{collector: c, env: env, secrets: map[string]bool{}, variables: map[string]bool{}, places: map[any]*node{}, broken: map[any]bool{}}
	x, _ := d.expand(&node{kind: textNode, span: span{1, 1, 1}, text: value}, names)
	return x.text, c.result(nil)
}

func TestExpandVariables(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "1", "EMPTY": "", "TRICK": "${x.addr}", "DOLLAR": "$"}[name]
		return v, ok
	}
	for _, tt := range []struct {
		name, in string
		names    runNames
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
		{"escaped for the run", "$${A}", addresses, "$${A}", ""},
		{"address stays", "http://${x.addr}/", addresses, "http://${x.addr}/", ""},
		{"port stays", "${PORT}", addressesAnd, "${PORT}", ""},
		{"value is no reference", "${TRICK}", addresses, "$${x.addr}", ""},
		{"last dollar", "a$", noRunNames, "a$", ""},
		{"missing", "${NO}", noRunNames, "", "the variable NO is not set"},
		{"open", "${A", noRunNames, "", "never closed"},
		{"bad name", "${1}", noRunNames, "", "expected the name of a variable"},
		{"nothing", "${}", noRunNames, "", "expected the name of a variable"},
		{"address where none is known", "${x.addr}", noRunNames, "", "not known here"},
		{"port elsewhere", "${PORT}", addresses, "", "the variable PORT is not set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(t, tt.in, tt.names, env)
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

func TestExpand(t *testing.T) {
	addr := func(name string) (string, bool) {
		v, ok := map[string]string{"api": "127.0.0.1:1", "PORT": "99"}[name]
		return v, ok
	}
	for _, tt := range []struct{ name, in, want, wantErr string }{
		{"nothing", "a $ b", "a $ b", ""},
		{"address", "http://${api.addr}/x", "http://127.0.0.1:1/x", ""},
		{"twice", "${api.addr},${api.addr}", "127.0.0.1:1,127.0.0.1:1", ""},
		{"port", "--port=${PORT}", "--port=99", ""},
		{"escaped", "$${api.addr} and $${PORT}", "${api.addr} and ${PORT}", ""},
		{"other names stay", "${HOME}", "${HOME}", ""},
		{"open", "${api.addr", "${api.addr", ""},
		{"unknown", "${db.addr}", "", "db has no address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Expand(tt.in, addr)
			if (err != nil) != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("expected the error %q, found %v", tt.wantErr, err)
			}
			if got != tt.want {
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
		planned, err := read(t, in, addresses, env)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Expand(planned, addr); err != nil || got != want {
			t.Errorf("%q: expected %q, found %q (planned as %q): %v", in, want, got, planned, err)
		}
	}
}

func TestRefs(t *testing.T) {
	got := Refs("${b.addr} ${a.addr}", "${b.addr}", "$${c.addr} ${PORT}")
	if strings.Join(got, " ") != "b a" {
		t.Errorf("expected b and a, found %v", got)
	}
}
