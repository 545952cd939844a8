package baseline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// past is what is kept of a made-up run: so many scopes, with blocks.
func past(scopes, blocks int) *verdict.Past {
	r := rand.New(rand.NewPCG(1, 2))
	p := &verdict.Past{ID: "id"}
	for i := range scopes {
		s := verdict.PastScope{
			PastKey: verdict.PastKey{Kind: verdict.PastRequest, Index: i}, Name: fmt.Sprint("r", i),
			Seconds: 60, Stats: timeline.NewStats(nil),
		}
		for range blocks {
			var sum timeline.CoarseSum
			b := timeline.NewStats(nil)
			for range 300 {
				took := time.Duration(r.ExpFloat64() * float64(20*time.Millisecond))
				b.Done++
				if r.IntN(50) == 0 {
					b.Failed++
					b.Err.Record(took)
				} else {
					b.OK.Record(took)
				}
				b.Service.Record(took)
			}
			sum.Add(&b.OK)
			sum.Add(&b.Err)
			s.Blocks = append(s.Blocks, verdict.PastBlock{
				Judged: b.Judged(), Errors: b.Errors(), Response: sum.Take(),
			})
			s.Stats.Merge(b)
		}
		p.Scopes = append(p.Scopes, s)
	}
	return p
}

func accepted(t testing.TB, id string, p *verdict.Past) *Run {
	t.Helper()
	r := &Run{Schema: schema, ID: id, Name: "nightly", Started: time.Unix(1000, 0).UTC()}
	if err := r.SetPast(p); err != nil {
		t.Fatal(err)
	}
	return r
}

// figures are some of a scope, in seconds where they are times.
func figures(s *verdict.PastScope) []float64 {
	out := []float64{float64(s.Stats.Errors()), float64(s.Stats.Judged()), s.Seconds, float64(s.Index)}
	for _, d := range kept(s.Stats) {
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 0.999} {
			v, _ := d.Quantile(q)
			out = append(out, v.Seconds())
		}
		out = append(out, float64(d.Count()))
	}
	return out
}

// What is read from the folder is what was put into it, to the bucket.
func TestFolderKeepsWhatMatters(t *testing.T) {
	want := past(3, 12)
	f := Folder(filepath.Join(t.TempDir(), "deep", "baselines"))
	if err := f.Add(accepted(t, "a", want)); err != nil {
		t.Fatal(err)
	}
	r, err := f.Find("a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Past()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Scopes {
		was, is := figures(&want.Scopes[i]), figures(&got.Scopes[i])
		if diff := cmp.Diff(was, is, cmpopts.EquateApprox(0.01, 0)); diff != "" {
			t.Errorf("scope %d: -put +read\n%s", i, diff)
		}
		for k := range want.Scopes[i].Blocks {
			put, read := &want.Scopes[i].Blocks[k], &got.Scopes[i].Blocks[k]
			if put.Judged != read.Judged || put.Errors != read.Errors ||
				put.Response.Count() != read.Response.Count() {
				t.Errorf("block %d of scope %d: %v, want %v", k, i, read, put)
			}
		}
	}
}

// An hour with ten requests, three stages and five faults takes some tens of KiB.
func TestFilesAreCompact(t *testing.T) {
	p := past(29, 60)
	text, err := json.Marshal(accepted(t, "a", p))
	if err != nil {
		t.Fatal(err)
	}
	if kib := len(text) >> 10; kib > 150 {
		t.Errorf("the file has %d KiB", kib)
	} else {
		t.Logf("%d KiB", kib)
	}
	for _, s := range p.Scopes {
		if n := len(fewer(s.Blocks)); n > maxBlocks || n < maxBlocks/2 {
			t.Errorf("%d blocks are kept", n)
		}
	}
}

// Jobs that accept runs at the same time do not lose any, and see whole files alone.
func TestFolderIsSafeForManyJobs(t *testing.T) {
	f := Folder(t.TempDir())
	p := past(1, 1)
	var wg sync.WaitGroup
	const jobs = 16
	twice := make(chan error, jobs)
	for i := range jobs {
		r, same := accepted(t, fmt.Sprint("run-", i), p), accepted(t, "same", p)
		wg.Go(func() {
			if err := f.Add(r); err != nil {
				t.Error(err)
			}
			twice <- f.Add(same)
			if _, errs := f.List(); len(errs) > 0 {
				t.Error(errs)
			}
		})
	}
	wg.Wait()
	close(twice)
	added := 0
	for err := range twice {
		if err == nil {
			added++
		}
	}
	if added != 1 {
		t.Errorf("one run was accepted %d times", added)
	}
	runs, errs := f.List()
	if len(runs) != jobs+1 || len(errs) > 0 {
		t.Errorf("%d runs and %v, want %d", len(runs), errs, jobs+1)
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != jobs+1 {
		t.Errorf("%d files are left, want %d", len(entries), jobs+1)
	}
}

// Where there are no links, a file is claimed by its name.
func TestClaim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	if err := claim(path, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := claim(path, []byte("[]")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("claimed twice: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "{}\n" {
		t.Errorf("found %q, %v", text, err)
	}
}

func TestFolderWithOtherFiles(t *testing.T) {
	f := Folder(t.TempDir())
	if runs, errs := Folder(filepath.Join(string(f), "none")).List(); len(runs)+len(errs) > 0 {
		t.Errorf("a folder that is not there has %v, %v", runs, errs)
	}
	if err := f.Add(accepted(t, "good", past(1, 1))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"half.json": `{"schema":1,"id":"x"`, "later.json": `{"schema":2}`, "other.json": `{"schema":1}`,
		"README.md": "hello",
	} {
		if err := os.WriteFile(filepath.Join(string(f), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runs, errs := f.List()
	if len(runs) != 1 || len(errs) != 3 {
		t.Errorf("%d runs and %v, want one and three mistakes", len(runs), errs)
	}
	if _, err := f.Find("b"); err == nil || !strings.Contains(err.Error(), `no accepted run "b"`) {
		t.Errorf("found %v", err)
	}
	if err := f.Drop(runs[0]); err != nil {
		t.Error(err)
	}
	if runs, _ := f.List(); len(runs) != 0 {
		t.Errorf("%d runs are left", len(runs))
	}
}

const plan = `{
	"name": "nightly", "services": [{"name": "api"}, {"name": "db"}], "target": "http://127.0.0.1:4000",
	"setup": [{"name": "fill", "command": ["./seed.sh", "100"]}, {"name": "login", "request": {"name": "login", "url": "/login"}}],
	"attack": {"seed": 1, "engine_why": "x",
		"stages": [{"name": "steady", "for": 60, "shape": {"rate": 5}}],
		"requests": [{"name": "home", "url": "http://127.0.0.1:4000/", "data": {"file": "a.csv", "sha256": "12"}}],
		"flows": [{"name": "buy", "steps": [{"name": "pay"}]}]},
	"arrivals": {"count": 300, "sha256": "ab"},
	"chaos": [{"name": "kill", "kind": "kill", "at": 9, "services": ["db"]}],
	"verdict": [{"kpi": "p99 < 1s"}]}`

func TestDigests(t *testing.T) {
	load, faults, err := Digests([]byte(plan))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		from, to     string
		load, faults bool // is another
	}{
		{`"nightly"`, `"daily"`, false, false},
		{`"steady"`, `"plateau"`, false, false},
		{`"home"`, `"start"`, false, false},
		{`"buy"`, `"shop"`, false, false},
		{`"pay"`, `"charge"`, false, false},
		{`p99 < 1s`, `p99 < 2s`, false, false},
		{`:4000/`, `:43211/`, false, false},
		{`"kill", "kind"`, `"crash", "kind"`, false, false},
		{`a.csv`, `b.csv`, false, false},
		{`"engine_why": "x"`, `"engine_why": "y"`, false, false},
		{`"name": "db"`, `"name": "store"`, false, true}, // it is not a service of the fault then
		{`["db"]`, `["api"]`, false, true},
		{`"at": 9`, `"at": 10`, false, true},
		{`"rate": 5`, `"rate": 6`, true, false},
		{`"for": 60`, `"for": 61`, true, false},
		{`:4000/"`, `:4000/cart"`, true, false},
		{`http://127.0.0.1:4000/"`, `http://shop.example/"`, true, false},
		{`"sha256": "12"`, `"sha256": "13"`, true, false},
		{`"sha256": "ab"`, `"sha256": "ac"`, true, false},
		{`"name": "fill"`, `"name": "seed"`, false, false},
		{`{"name": "login", "url"`, `{"name": "enter", "url"`, false, false},
		{`"100"`, `"1000"`, true, false}, // the load meets other data
		{`"setup": [`, `"other": [`, true, false},
		{`"seed": 1`, `"seed": 2`, true, false},
	} {
		changed := strings.Replace(plan, tt.from, tt.to, 1)
		if changed == plan {
			t.Fatalf("%s is not in the plan", tt.from)
		}
		l, f, err := Digests([]byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		if l != load != tt.load || f != faults != tt.faults {
			t.Errorf("%s → %s: another load %v, other faults %v; want %v, %v",
				tt.from, tt.to, l != load, f != faults, tt.load, tt.faults)
		}
	}
	for _, bad := range []string{"", "[]", "{}", `{"attack": 1}`} {
		if _, _, err := Digests([]byte(bad)); err == nil {
			t.Errorf("%q has digests", bad)
		}
	}
}

func TestRenamedServiceIsTheSame(t *testing.T) {
	_, faults, err := Digests([]byte(plan))
	if err != nil {
		t.Fatal(err)
	}
	renamed := strings.NewReplacer(`"name": "db"`, `"name": "store"`, `["db"]`, `["store"]`).Replace(plan)
	if _, f, err := Digests([]byte(renamed)); err != nil || f != faults {
		t.Errorf("another digest, %v", err)
	}
}

func TestChoose(t *testing.T) {
	kind := Kind{"load", "faults", Machine{"amd64", 2, 8 << 30}}
	at := func(day int, change func(*Run)) *Run {
		r := accepted(t, fmt.Sprint("day-", day), past(1, 1))
		r.Kind, r.Started = kind, time.Unix(int64(day)*86400, 0)
		if change != nil {
			change(r)
		}
		return r
	}
	pin := func(r *Run) { r.Pinned = true }
	otherLoad := func(r *Run) { r.Load = "other" }
	for _, tt := range []struct {
		name     string
		runs     []*Run // the latest first
		baseline string
		lacking  string
		accepted string
		tooFew   string
	}{
		{"none", nil, "", `no run of "nightly" was accepted`, "", "ordeal baseline accept"},
		{"the latest", []*Run{at(3, nil), at(2, nil), at(1, nil)}, "day-3", "", "day-3 day-2", ""},
		{"the pinned one", []*Run{at(3, nil), at(2, pin), at(1, pin)}, "day-2", "", "day-3 day-2", ""},
		{"another load", []*Run{at(2, otherLoad)}, "", "day-2 does not fit: it had another load",
			"", "1 do not fit, as it had another load"},
		{"the pinned one does not fit", []*Run{at(3, nil), at(2, func(r *Run) { pin(r); otherLoad(r) })},
			"", "the pinned run day-2 does not fit: it had another load", "day-3", "another load"},
		{"one that fits behind one that does not", []*Run{at(3, otherLoad), at(2, nil)}, "day-2", "",
			"day-2", "1 do not fit"},
		{"other faults", []*Run{at(1, func(r *Run) { r.Faults = "other" })}, "", "other faults", "", ""},
		{"another machine", []*Run{at(1, func(r *Run) { r.Machine.Cores = 1.5 })}, "",
			"another class of machine, 1.5 cores of amd64, 8GiB of memory, and not on 2 cores", "", ""},
		{"less memory", []*Run{at(1, func(r *Run) { r.Machine.Memory = 7 << 30 })}, "",
			"another class of machine", "", ""},
		{"almost as much memory", []*Run{at(1, func(r *Run) { r.Machine.Memory -= 100 << 20 })},
			"day-1", "", "day-1", ""},
		{"a generator that was not well", []*Run{at(1, func(r *Run) { r.Unhealthy = "it was late" })},
			"", "its generator was not well: it was late", "", ""},
		{"renamed", []*Run{at(1, func(r *Run) { r.Name = "daily" })}, "day-1", "", "day-1", ""},
		{"another scenario", []*Run{at(1, func(r *Run) { otherLoad(r); r.Name = "daily" })}, "",
			"no run of", "", ""},
		{"itself", []*Run{at(1, func(r *Run) { r.ID = "self" })}, "", "no run of", "", ""},
		{"damaged", []*Run{at(1, func(r *Run) { r.Scopes[0].Times = []byte("x") })}, "", "damaged", "", "damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, used := Choose(tt.runs, &Wanted{
				Kind: kind, Name: "nightly", ID: "self", Baseline: true, History: 2,
			})
			base, list := "", []string{}
			if e.Baseline != nil {
				base = e.Baseline.ID
			}
			for _, p := range e.Accepted {
				list = append(list, p.ID)
			}
			if base != tt.baseline || strings.Join(list, " ") != tt.accepted {
				t.Errorf("baseline %q, accepted %v; want %q, %s", base, list, tt.baseline, tt.accepted)
			}
			if !strings.Contains(e.Lacking, tt.lacking) || tt.lacking == "" && e.Lacking != "" {
				t.Errorf("lacking %q, want %q", e.Lacking, tt.lacking)
			}
			if !strings.Contains(e.TooFew, tt.tooFew) {
				t.Errorf("too few: %q, want %q", e.TooFew, tt.tooFew)
			}
			for _, r := range used {
				if r.ID != base && !strings.Contains(tt.accepted, r.ID) {
					t.Errorf("%s was used for nothing", r.ID)
				}
			}
		})
	}
}

// Whatever is in a file is read, or is a mistake.
func FuzzRun(f *testing.F) {
	text, err := json.Marshal(accepted(f, "a", past(1, 2)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema":1,"id":"a","started":"2026-01-02T03:04:05Z","scopes":[{"kind":"totals"}]}`))
	f.Add([]byte(`{"schema":1,"id":"a","started":"2026-01-02T03:04:05Z","scopes":[{"counts":{},"times":"A/8="}]}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if r, err := parse(text); err == nil {
			_, _ = r.Past()
		}
	})
}
