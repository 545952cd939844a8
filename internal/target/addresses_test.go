package target_test

import (
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/target"
)

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
			got, err := target.Expand(tt.in, addr)
			if (err != nil) != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("expected the error %q, found %v", tt.wantErr, err)
			}
			if got != tt.want {
				t.Fatalf("expected %q, found %q", tt.want, got)
			}
		})
	}
}

func TestRefs(t *testing.T) {
	got := target.Refs("${b.addr} ${a.addr}", "${b.addr}", "$${c.addr} ${PORT}")
	if strings.Join(got, " ") != "b a" {
		t.Errorf("expected b and a, found %v", got)
	}
}

// FuzzExpand looks for panics, and for references that Refs and Expand do not
// agree on.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", "$", "${", "$${", "${a.addr}", "$${a.addr}${b.addr}", "${PORT}", "${.addr}", "${${a.addr}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		known := map[string]bool{}
		for _, name := range target.Refs(s) {
			known[name] = true
		}
		if _, err := target.Expand(s, func(name string) (string, bool) { return "here", known[name] }); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}
