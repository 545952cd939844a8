package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// number is the n of the key kN.
func number(key string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(key, "k"))
	if err != nil {
		panic(err)
	}
	return n
}

// planted loses each 10th acknowledged write, keeps one in 25 twice, refuses those that end in
// 3 and keeps one in 100 all the same, and does not answer those that end in 7, half of which are
// kept.
func planted(key string) (times, status int) {
	switch n := number(key); {
	case n%100 == 53:
		return 1, 422
	case n%10 == 3:
		return 0, 422
	case n%20 == 7:
		return 1, 0
	case n%10 == 7:
		return 0, 503
	case n%10 == 0:
		return 0, 201
	case n%25 == 1:
		return 2, 201
	}
	return 1, 201
}

func account(t *testing.T, ctx context.Context, l ledger.Ledger, s *store, n int) ledger.Account {
	t.Helper()
	p := writes()
	b, err := ledger.Open(filepath.Join(t.TempDir(), ledger.File), p, []ledger.Ledger{l})
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, b, p, s, n)
	all, err := b.ReadBack(ctx, asking(t, p, s, l))
	if err != nil || len(all) != 1 {
		t.Fatalf("found %d accounts, %v", len(all), err)
	}
	return all[0]
}

var figures = cmpopts.IgnoreFields(ledger.Account{}, "Findings")

// What is planted is found, to the write.
func TestReadBackFindsWhatIsPlanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := orders()
		a := account(t, t.Context(), l, &store{write: planted}, 1000)
		want := ledger.Account{
			Name: "orders", Acknowledged: 800, Refused: 100, Unknown: 100, Read: 1000, Landed: 50,
			Lost: ledger.Count{N: 100}, Phantom: &ledger.Count{N: 10}, Duplicated: &ledger.Count{N: 40},
		}
		if d := cmp.Diff(want, a, figures); d != "" {
			t.Errorf("expected and found:\n%s", d)
		}
		byWhat := map[ledger.What]int{}
		for _, f := range a.Findings {
			byWhat[f.What]++
		}
		if d := cmp.Diff(map[ledger.What]int{ledger.Lost: 100, ledger.Phantom: 10, ledger.Duplicated: 40}, byWhat); d != "" {
			t.Errorf("findings:\n%s", d)
		}
		first := ledger.Finding{Ledger: "orders", What: ledger.Lost, Key: "k0", Fate: "acknowledged", Over: time.Millisecond}
		if d := cmp.Diff(first, a.Findings[0]); d != "" {
			t.Errorf("the first lost one:\n%s", d)
		}
		second := a.Findings[1]
		if second.Key != "k10" || second.Over != 101*time.Millisecond {
			t.Errorf("the second lost one is %+v", second)
		}
	})
}

// A key in the answer is taken from it; what was refused has none, and cannot be a phantom.
func TestReadBackByTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := orders()
		l.Key, l.Duplicates = ledger.Key{JSON: "$.id"}, ""
		a := account(t, t.Context(), l, &store{write: planted}, 1000)
		want := ledger.Account{
			Name: "orders", Acknowledged: 800, Refused: 100, Unknown: 100, Read: 800,
			Lost: ledger.Count{N: 100},
		}
		if d := cmp.Diff(want, a, figures); d != "" {
			t.Errorf("expected and found:\n%s", d)
		}
	})
}

// A refused write whose key another one was acknowledged for is no phantom.
func TestPhantomsAreHeldAgainstOtherWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := orders()
		l.Key = ledger.Key{Template: "k{{ if ge seq 50 }}{{ printf \"%d\" 5 }}{{ else }}{{ seq }}{{ end }}"}
		l.Duplicates = ""
		s := &store{write: func(key string) (int, int) {
			if number(key) >= 50 {
				return 0, 409
			}
			return 1, 201
		}}
		a := account(t, t.Context(), l, s, 60)
		want := ledger.Account{
			Name: "orders", Acknowledged: 50, Refused: 10, Read: 60, Phantom: &ledger.Count{},
		}
		if d := cmp.Diff(want, a, figures); d != "" {
			t.Errorf("expected and found:\n%s", d)
		}
	})
}

// What was not read leaves in doubt what it could change, and nothing else. The reasons are told.
func TestUnread(t *testing.T) {
	good := func(string) (int, int) { return 1, 201 }
	for _, tt := range []struct {
		name   string
		change func(*ledger.Ledger, *store)
		cancel time.Duration // after which the run is interrupted; 0: never
		writes int
		want   ledger.Account
	}{
		{
			"an answer that tells nothing", func(_ *ledger.Ledger, s *store) {
				s.read = func(key string, _ int) int {
					if key == "k4" || key == "k13" {
						return 500
					}
					return 0
				}
			}, 0, 20,
			ledger.Account{Acknowledged: 16, Refused: 2, Unknown: 2, Landed: 1, Read: 18, Unread: 2, Lost: ledger.Count{N: 2, Open: true}, Phantom: &ledger.Count{Open: true},
				Duplicated: &ledger.Count{N: 1, Open: true}, Why: "2 writes were not read back, first: status: expected status 2xx, found 500"},
		},
		{
			"only refused ones", func(_ *ledger.Ledger, s *store) {
				s.read = func(key string, _ int) int {
					if key == "k13" {
						return 429
					}
					return 0
				}
			}, 0, 20,
			ledger.Account{Acknowledged: 16, Refused: 2, Unknown: 2, Landed: 1, Read: 19, Unread: 1, Lost: ledger.Count{N: 2}, Phantom: &ledger.Count{Open: true},
				Duplicated: &ledger.Count{N: 1, Open: true}, Why: "1 write was not read back, first: status: expected status 2xx, found 429"},
		},
		{
			"one that is tried again", func(_ *ledger.Ledger, s *store) {
				s.read = func(_ string, nth int) int {
					if nth%3 != 0 {
						return 503
					}
					return 0
				}
				s.write = good
			}, 0, 1,
			ledger.Account{Acknowledged: 1, Read: 1, Phantom: &ledger.Count{}, Duplicated: &ledger.Count{}},
		},
		{
			"the deadline", func(l *ledger.Ledger, s *store) {
				l.Rate, l.Deadline, s.write = 10, 1050*time.Millisecond, good
			}, 0, 100,
			ledger.Account{Acknowledged: 100, Read: 11, Unread: 89, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{Open: true}, Why: "89 writes were not read back, first: the deadline had passed"},
		},
		{
			"an interruption", func(l *ledger.Ledger, s *store) {
				l.Rate, s.write = 10, good
			}, 2*time.Second + 550*time.Millisecond, 100,
			ledger.Account{Acknowledged: 100, Read: 6, Unread: 94, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{Open: true}, Why: "94 writes were not read back, first: the run was interrupted"},
		},
		{
			"an interruption while it settles", func(_ *ledger.Ledger, s *store) { s.write = good }, time.Second, 3,
			ledger.Account{Acknowledged: 3, Unread: 3, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{Open: true}, Why: "3 writes were not read back, first: the run was interrupted"},
		},
		{
			"a target that hangs", func(l *ledger.Ledger, s *store) {
				s.takes, s.write, l.Deadline = time.Hour, good, 10*time.Second
			}, 0, 3,
			ledger.Account{Acknowledged: 3, Unread: 3, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{Open: true}, Why: "3 writes were not read back, first: timeout: no complete answer before the timeout"},
		},
		{
			"keys that are too long", func(l *ledger.Ledger, s *store) {
				l.Key.Template, s.write = "{{ seq }}"+strings.Repeat("x", ledger.MaxKey), good
			}, 0, 2,
			ledger.Account{Acknowledged: 2, Unread: 2, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{Open: true}, Why: "2 writes were acknowledged without a key: its key has more than 1024 bytes"},
		},
		{
			"a key that the answer lacks", func(l *ledger.Ledger, s *store) {
				l.Key, s.write = ledger.Key{JSON: "$.number"}, good
			}, 0, 2,
			ledger.Account{Acknowledged: 2, Unread: 2, Lost: ledger.Count{Open: true},
				Duplicated: &ledger.Count{Open: true}, Why: "2 writes were acknowledged without a key: capture key: expected $.number, found none"},
		},
		{
			"nothing that was acknowledged", func(_ *ledger.Ledger, s *store) {
				s.write = func(string) (int, int) { return 0, 400 }
			}, 0, 4,
			ledger.Account{Refused: 4, Read: 4, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{}, Why: "no write was acknowledged"},
		},
		{
			"a count that is none", func(l *ledger.Ledger, s *store) {
				l.Duplicates, s.write = "$.hits", good
			}, 0, 1,
			ledger.Account{Acknowledged: 1, Unread: 1, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
				Duplicated: &ledger.Count{Open: true}, Why: "1 write was not read back, first: capture duplicates: expected $.hits, found none"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := orders(), &store{write: planted}
				tt.change(&l, s)
				ctx := t.Context()
				if tt.cancel > 0 {
					var stop context.CancelFunc
					ctx, stop = context.WithTimeout(ctx, tt.cancel)
					defer stop()
				}
				tt.want.Name = "orders"
				a := account(t, ctx, l, s, tt.writes)
				if d := cmp.Diff(tt.want, a, figures); d != "" {
					t.Errorf("expected and found:\n%s", d)
				}
				n := 0
				for _, f := range a.Findings {
					if f.What == ledger.Unread {
						n++
					}
				}
				if strings.Contains(a.Why, "not read back") && n == 0 {
					t.Error("no finding says what was not read")
				}
			})
		})
	}
}

// A sample is of as many as was said, the same for the same seed, and from all of the run.
func TestSample(t *testing.T) {
	drawn := func(seed uint64) (keys []string) {
		synctest.Test(t, func(t *testing.T) {
			l, p := orders(), writes()
			l.Sample, p.Seed = 50, seed
			s := &store{write: func(string) (int, int) { return 0, 201 }}
			b, err := ledger.Open(filepath.Join(t.TempDir(), ledger.File), p, []ledger.Ledger{l})
			if err != nil {
				t.Fatal(err)
			}
			sendAll(t, b, p, s, 1000)
			all, err := b.ReadBack(t.Context(), asking(t, p, s, l))
			if err != nil {
				t.Fatal(err)
			}
			a := all[0]
			got := fmt.Sprint(a.Sample, a.Keys, a.Read, a.Lost, a.Unread)
			if want := "50 1000 50 {50 false} 0"; got != want {
				t.Errorf("sample, keys, read, lost, unread: %s, want %s", got, want)
			}
			for _, f := range a.Findings {
				keys = append(keys, f.Key)
			}
		})
		return keys
	}
	first := drawn(7)
	if d := cmp.Diff(first, drawn(7)); d != "" {
		t.Errorf("the same seed drew others:\n%s", d)
	}
	if cmp.Equal(first, drawn(8)) {
		t.Error("another seed drew the same")
	}
	early, late := 0, 0
	for _, key := range first {
		if number(key) < 500 {
			early++
		} else {
			late++
		}
	}
	if early < 10 || late < 10 {
		t.Errorf("of 50, %d are of the first half and %d of the second", early, late)
	}
}

// What the disk lost is counted, whatever is left.
func TestDamagedSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := orders(), writes()
		s := &store{write: func(string) (int, int) { return 1, 201 }}
		path := filepath.Join(t.TempDir(), ledger.File)
		b, err := ledger.Open(path, p, []ledger.Ledger{l})
		if err != nil {
			t.Fatal(err)
		}
		sendAll(t, b, p, s, 100)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		lines[10] = strings.Replace(lines[10], "k1", "k2", 1)
		lines[20] = lines[20][:12]
		text = []byte(strings.Join(lines[:90], ""))
		if err := os.WriteFile(path, text[:len(text)-4], 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := b.ReadBack(t.Context(), asking(t, p, s, l))
		if err != nil {
			t.Fatal(err)
		}
		// Line 20 took 21 with it, the last one is cut off, and ten are not there.
		want := ledger.Account{
			Name: "orders", Acknowledged: 100, Read: 86, Unread: 14, Lost: ledger.Count{Open: true}, Phantom: &ledger.Count{},
			Duplicated: &ledger.Count{Open: true}, Why: "14 acknowledged writes were not kept: ledger.spool is damaged",
		}
		if d := cmp.Diff(want, all[0], figures); d != "" {
			t.Errorf("expected and found:\n%s", d)
		}
	})
}

// The spool is its owner's alone, and gone when it is discarded.
func TestSpoolIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), ledger.File)
	b, err := ledger.Open(path, writes(), []ledger.Ledger{orders()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("found %v, %v", info.Mode(), err)
	}
	if err := errors.Join(b.Discard(), b.Discard()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// Readings say what is known, and of what is missing no more than that.
func TestReadings(t *testing.T) {
	a := ledger.Account{
		Name: "orders", Acknowledged: 10, Refused: 2, Unknown: 1, Read: 9, Unread: 4, Lost: ledger.Count{N: 3, Open: true},
		Phantom: &ledger.Count{N: 1}, Why: "the deadline had passed",
	}
	got := a.Readings(time.Minute)
	if len(got) != 2 {
		t.Fatalf("expected two readings, found %+v", got)
	}
	sums := map[string]float64{}
	for i := range got {
		if err := got[i].Validate(); err != nil {
			t.Error(err)
		}
		for f, v := range got[i].Values.All() {
			sums[f.String()] += v
		}
	}
	want := map[string]float64{"acknowledged": 10, "refused": 2, "unknown": 1, "read": 9, "unread": 4, "lost": 3, "phantom": 1}
	if d := cmp.Diff(want, sums); d != "" {
		t.Errorf("the sums of both differ:\n%s", d)
	}
	if _, known := got[1].Values.Get(timeline.LedgerLost); known || got[1].Missing != a.Why {
		t.Errorf("the second does not say that lost is missing: %+v", got[1])
	}
	a.Lost.Open = false
	if got := a.Readings(time.Minute); len(got) != 1 || got[0].Missing != "" {
		t.Errorf("expected one reading of what is all known, found %+v", got)
	}
}
