package ledger

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// nobody is a client that is never asked.
type nobody struct{ t *testing.T }

func (n nobody) Call(context.Context, *attack.Call, *attack.Outcome) { n.t.Error("it was asked") }
func (nobody) Renew()                                                {}
func (nobody) Close() error                                          { return nil }

// A disk that takes nothing leaves all in doubt, and is named.
func TestNothingIsKeptOnABrokenDisk(t *testing.T) {
	load := &attack.Plan{Seed: 1, Requests: []attack.Request{{Name: "order"}}}
	ledgers := []Ledger{{
		Name: "orders", Write: "order", Key: Key{Template: "{{ seq }}"}, Rate: 1000, Deadline: time.Minute,
		Read: attack.Request{Protocol: httpx.Name, Spec: &httpx.Request{}},
	}}
	b, err := Open(filepath.Join(t.TempDir(), File), load, ledgers)
	if err != nil {
		t.Fatal(err)
	}
	b.spool.file.Close() // what is written from now on fails
	r := attack.Result{End: attack.Done, Class: attack.Good, Code: 201}
	for i := range 10 {
		b.Watch(&attack.Call{Arrival: attack.Arrival{Seq: uint64(i)}}, &r, nil)
	}
	reads := ReadPlan(*load, ledgers)
	all, err := b.ReadBack(t.Context(), Asking{Plan: &reads, Clients: attack.Clients{httpx.Name: nobody{t}}})
	if err != nil {
		t.Fatal(err)
	}
	a := all[0]
	if a.Acknowledged != 10 || a.Unread != 10 || a.Lost != (Count{Open: true}) {
		t.Errorf("found %+v", a)
	}
	const want = "10 acknowledged writes were not kept: the disk: write "
	if !strings.HasPrefix(a.Why, want) || !strings.Contains(a.Why, "file already closed") {
		t.Errorf("the reason is %q, want %q", a.Why, want)
	}
	if _, err := b.ReadBack(t.Context(), Asking{Plan: &reads}); err == nil {
		t.Error("without a client it went on")
	}
}
