package run

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"checkout survives a crash": "checkout-survives-a-crash",
		"../../etc/passwd":          "etc-passwd",
		"  Über/Straße\n":           "über-straße",
		"":                          "run",
		"///":                       "run",
		strings.Repeat("x", 100):    strings.Repeat("x", 41),
	} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNewRunDir(t *testing.T) {
	t.Chdir(t.TempDir())
	now := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	first, err := newRunDir("", "my shop", now)
	if err != nil || first != filepath.Join("runs", "20261123-150405-my-shop") {
		t.Fatalf("%q, %v", first, err)
	}
	second, err := newRunDir("", "my shop", now)
	if err != nil || second != first+"-2" {
		t.Errorf("a second run in the same second got %q, %v", second, err)
	}
	if dir, err := newRunDir("empty/nested", "x", now); err != nil || dir != "empty/nested" {
		t.Errorf("%q, %v", dir, err)
	}
	if err := os.WriteFile("empty/nested/summary.json", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := newRunDir("empty/nested", "x", now); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a directory in use was taken: %v", err)
	}
	if _, err := newRunDir("empty/nested/summary.json", "x", now); err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		outcome     verdict.Outcome
		interrupted bool
		broken      bool
		want        ExitCode
	}{
		{verdict.Pass, false, false, ExitPass},
		{verdict.Warn, false, false, ExitPass},
		{verdict.Fail, false, false, ExitFail},
		{verdict.Inconclusive, false, false, ExitInconclusive},
		{verdict.Fail, true, false, ExitInterrupted},
		{verdict.Pass, false, true, ExitBroken},
		{verdict.Pass, true, true, ExitBroken},
	} {
		if got := exitCode(tt.outcome, tt.interrupted, tt.broken); got != tt.want {
			t.Errorf("exitCode(%s, interrupted %v, broken %v) = %d, want %d", tt.outcome, tt.interrupted, tt.broken, got, tt.want)
		}
	}
}

func TestHosts(t *testing.T) {
	p := &attack.Plan{Requests: []attack.Request{
		{URL: "http://127.0.0.1:8080/a"},
		{URL: "http://127.0.0.1:8080/b"},
		{URL: "https://localhost/x"},
		{URL: "http://[::1]/x"},
		{Targets: []attack.Target{{URL: "http://127.0.0.1:9/"}, {URL: "http://localhost/"}}},
	}}
	want := []string{"127.0.0.1:8080", "localhost:443", "[::1]:80", "127.0.0.1:9", "localhost:80"}
	if got := hosts(p); !slices.Equal(got, want) {
		t.Errorf("hosts = %v, want %v", got, want)
	}
}

func TestReachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := &attack.Plan{Requests: []attack.Request{{URL: "http://" + ln.Addr().String() + "/"}}}
	if err := reachable(t.Context(), p, t.Logf); err != nil {
		t.Error(err)
	}
}
