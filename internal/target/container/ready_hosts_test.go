package container

import (
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// What the journal says is asked where the run was allowed to ask: healing has no scenario.
func TestJournalledChecksMayBeAsked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		check ready.Check
		hosts bool
	}{
		{"http", ready.Check{HTTP: "http://db.example.com:8080/health"}, true},
		{"tcp", ready.Check{TCP: "db.example.com:5432"}, true},
		{"command", ready.Check{Command: []string{"pg_isready"}}, false},
		{"not a URL", ready.Check{HTTP: "http://%"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := asJournalled(tt.check) != nil; got != tt.hosts {
				t.Errorf("hosts are known: %v, want %v", got, tt.hosts)
			}
		})
	}
}
