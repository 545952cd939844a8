package ledger

import (
	"path/filepath"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
)

// BenchmarkWatch is what a ledger costs the load for each write.
func BenchmarkWatch(b *testing.B) {
	plan := &attack.Plan{Seed: 1, Requests: []attack.Request{{Name: "order"}, {Name: "other"}}}
	book, err := Open(filepath.Join(b.TempDir(), File), plan, []Ledger{{
		Name: "orders", Write: "order", Key: Key{Template: "order-{{ seq }}"},
	}})
	if err != nil {
		b.Fatal(err)
	}
	r := attack.Result{End: attack.Done, Class: attack.Good, Code: 201}
	for _, of := range []struct {
		name    string
		request int
	}{{"write", 0}, {"other", 1}} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()
			call := attack.Call{Arrival: attack.Arrival{Request: of.request}}
			for b.Loop() {
				call.Seq++
				book.Watch(&call, &r, nil)
			}
		})
	}
	if err := book.Close(); err != nil {
		b.Fatal(err)
	}
}
