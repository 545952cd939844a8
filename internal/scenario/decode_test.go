package scenario

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

const small = `
target: http://127.0.0.1:1
attack:
  requests: [{ name: a, get: / }]
  stages: [{ name: s, rate: 5/s, for: 1s }]
name: x
`

func parseText(t *testing.T, src string) *Plan {
	t.Helper()
	p, err := Parse("x.yaml", []byte(src), testEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mistakes(t *testing.T, src string) string {
	t.Helper()
	_, err := Parse("x.yaml", []byte(src), testEnv, Options{})
	if err == nil {
		t.Fatal("expected mistakes, found none")
	}
	return err.Error()
}

func TestDefaults(t *testing.T) {
	p := parseText(t, small)
	a := p.Attack
	want := map[string]any{
		"seed": uint64(1), "engine": "fast", "arrivals": arrivals.Uniform, "timeout": 5 * time.Second,
		"max_in_flight": 2000, "protocol": "auto", "late_budget": 50 * time.Millisecond,
		"judged": true, "weight": 1.0, "timeout of a request": 5 * time.Second,
	}
	got := map[string]any{
		"seed": p.Seed, "engine": a.Engine, "arrivals": a.Arrivals, "timeout": a.Timeout,
		"max_in_flight": a.MaxInFlight, "protocol": a.Protocol, "late_budget": a.LateBudget,
		"judged": a.Stages[0].Judged, "weight": a.Requests[0].Weight, "timeout of a request": a.Requests[0].Timeout,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestEncodings(t *testing.T) {
	want := planJSON(t, parseText(t, small))
	for name, src := range map[string]string{
		"byte order mark":  "\ufeff" + small,
		"windows lines":    strings.ReplaceAll(small, "\n", "\r\n"),
		"document markers": "---\n" + small + "...\n",
		"trailing blanks":  strings.ReplaceAll(small, "\n", "   \n"),
	} {
		if got := planJSON(t, parseText(t, src)); string(got) != string(want) {
			t.Errorf("%s: expected\n%s\nfound\n%s", name, want, got)
		}
	}
}

// Mistakes have their places in files with Windows lines too.
func TestPlacesWithWindowsLines(t *testing.T) {
	src := strings.ReplaceAll("name: x\nattack:\n  tiemout: 5s\n", "\n", "\r\n")
	if got := mistakes(t, src); !strings.Contains(got, "x.yaml:3:3: ") || strings.Contains(got, "\r") {
		t.Errorf("found %q", got)
	}
}

// Files that are made to exhaust the reader end in a mistake, soon.
func TestHostileFiles(t *testing.T) {
	bomb := "a0: &a0 [x]\n"
	for i := range 40 {
		n, m := string(rune('a'+i/26))+string(rune('a'+i%26)), "a0"
		if i > 0 {
			m = string(rune('a'+(i-1)/26)) + string(rune('a'+(i-1)%26))
		}
		bomb += n + ": &" + n + " [*" + m + ", *" + m + "]\n"
	}
	for name, tt := range map[string]struct{ src, want string }{
		"too long":      {strings.Repeat("#", strictyaml.MaxSource+1), "at most"},
		"brackets":      {strings.Repeat("[", 10_000), "nested"},
		"dashes":        {strings.Repeat("- ", 500) + "x", "nested"},
		"bomb":          {strings.Replace(small, "get: /", "post: /, json: *bn", 1) + bomb, "*bn"},
		"bomb in order": {bomb + strings.Replace(small, "get: /", "post: /, json: *bn", 1), "unfolds"},
		"itself":        {"a: &a [*a]\n", "anchor *a"},
		"not text":      {"\x00\x01\x02", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mistakes(t, tt.src); !strings.Contains(got, tt.want) {
				t.Errorf("expected %q in\n%s", tt.want, got)
			}
		})
	}
}

// A slip of a key is one mistake, not two.
func TestNoMistakeTwice(t *testing.T) {
	for src, want := range map[string]int{
		strings.Replace(small, "rate: 5/s", "rat: 5/s", 1): 1,
		strings.Replace(small, "get: /", "gett: /", 1):     1,
		strings.Replace(small, "name: a", "nmae: a", 1):    1,
		strings.Replace(small, "attack:", "atack:", 1):     1,
		strings.Replace(small, "requests:", "reqests:", 1): 1,
		small + "services: { a: { proces: {} } }\n":        1,
		small + "chaos: [{ name: f, at: 1ms, kil: {} }]\n": 1,
	} {
		_, err := Parse("x.yaml", []byte(src), testEnv, Options{})
		m, ok := err.(*strictyaml.Mistakes)
		if !ok || len(m.List) != want {
			t.Errorf("expected %d mistake in\n%s\nfound\n%v", want, src, err)
		}
	}
}

// Where the load ends is known to rules also if there are mistakes elsewhere.
func TestRulesBeyondTheLoadAreToldWithOtherMistakes(t *testing.T) {
	got := mistakes(t, small+"sed: 7\nverdict: [ 'window(2s, 5s).p99 < 1s' ]\n")
	for _, want := range []string{`a scenario has no key "sed"`, "the load"} {
		if !strings.Contains(got, want) {
			t.Errorf("expected %q in\n%s", want, got)
		}
	}
}

// All that is wrong with TLS options is told at once, where it stands.
func TestTLSMistakes(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, content := range map[string][]byte{"cert.pem": cert, "text.pem": []byte("no PEM")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		tls  string
		want []string
	}{
		{"{ ca: cert.pem }", nil},
		{"{ ca: text.pem, cert: cert.pem }", []string{"4:14: ca: text.pem holds no certificate", "4:30: a client certificate needs its key"}},
		{"{ key: text.pem }", []string{"4:15: a client key needs its certificate"}},
		{"{ ca: none.pem, cert: none.pem, key: text.pem }", []string{"4:14: ca: there is no file none.pem", "4:30: cert: there is no file none.pem"}},
		{"{ cert: text.pem, key: text.pem }", []string{"4:16: the client certificate cannot be used: failed to find any PEM data in certificate input"}},
		{"{ cert: cert.pem, key: text.pem }", []string{"4:31: the client certificate cannot be used: failed to find any PEM data in key input"}},
	} {
		src := strings.Replace(small, "attack:\n", "attack:\n  tls: "+tt.tls+"\n", 1)
		_, err := Parse(filepath.Join(dir, "x.yaml"), []byte(src), testEnv, Options{})
		var got []string
		if m, ok := errors.AsType[*strictyaml.Mistakes](err); ok {
			for _, k := range m.List {
				got = append(got, fmt.Sprintf("%d:%d: %s", k.Line, k.Col, k.Msg))
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: expected %q, found %q", tt.tls, tt.want, got)
		}
	}
}
