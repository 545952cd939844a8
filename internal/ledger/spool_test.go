package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func entriesOf(t *testing.T, text []byte) (out []entry) {
	t.Helper()
	if err := scan(bytes.NewReader(text), func(e entry) bool { out = append(out, e); return true }); err != nil {
		t.Fatal(err)
	}
	return out
}

var compareEntries = cmp.AllowUnexported(entry{})

// FuzzScan: whatever stands before and behind an entry's line, and wherever it is cut, it is read
// as it was written or not at all.
func FuzzScan(f *testing.F) {
	f.Add([]byte("00000000 a 0 1 2 \"k\"\n"), []byte(""), "key", uint8(0), uint16(9))
	f.Add([]byte("no line"), []byte("\n\n"), "line\nend \"quoted\" \xff", uint8(2), uint16(70))
	f.Add(bytes.Repeat([]byte("x"), 3*maxLine), []byte("x"), "", uint8(1), uint16(65535))
	f.Fuzz(func(t *testing.T, before, behind []byte, key string, fate uint8, cut uint16) {
		if len(key) > MaxKey {
			t.Skip()
		}
		want := entry{3, Fate(fate % uint8(fates)), 5 * time.Second, 6 * time.Second, key}
		text := want.append(append(bytes.Clone(before), '\n'))
		whole := append(bytes.Clone(text), behind...)
		found := false
		for _, e := range entriesOf(t, whole) {
			found = found || e == want
			if _, ok := parseEntry(bytes.TrimSuffix(e.append(nil), []byte("\n"))); !ok {
				t.Errorf("an entry was read that could not have been written: %+v", e)
			}
		}
		if !found {
			t.Errorf("%+v was not read", want)
		}
		at := min(int(cut), len(text)-1)
		for _, e := range entriesOf(t, text[:at]) {
			if e == want && !bytes.Contains(before, []byte(" 3 5000000000 6000000000 ")) {
				t.Errorf("the entry was read of a line that was cut off after %d of %d bytes", at, len(text))
			}
		}
	})
}

func TestScanKeepsOrder(t *testing.T) {
	var text []byte
	var want []entry
	for i := range 1000 {
		e := entry{i % 3, Fate(i % int(fates)), time.Duration(i), time.Duration(2 * i), strings.Repeat("\x00é", i%300)}
		want = append(want, e)
		text = e.append(text)
	}
	if d := cmp.Diff(want, entriesOf(t, text), compareEntries); d != "" {
		t.Errorf("read back otherwise:\n%s", d)
	}
}

// behind is how many bytes wait for the disk.
func behind(s *spool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buf)
}

// A million writes with long keys take no more memory than the buffers do, and all are on the disk.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MiB")
	}
	const writes = 1_000_000
	path := filepath.Join(t.TempDir(), File)
	plan := &attack.Plan{Seed: 1, Requests: []attack.Request{{Name: "order"}}}
	b, err := Open(path, plan, []Ledger{{
		Name: "orders", Write: "order", Key: Key{Template: "{{ seq }}-" + strings.Repeat("k", 60)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	r := attack.Result{End: attack.Done, Class: attack.Good, Code: 201}
	for i := range writes {
		call := attack.Call{Arrival: attack.Arrival{Seq: uint64(i)}}
		for behind(b.spool) > maxBuffered/2 {
			runtime.Gosched() // no load is as fast as this
		}
		b.Watch(&call, &r, nil)
		if i%100_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if more := int64(peak) - int64(before.HeapAlloc); more > 4*maxBuffered {
		t.Errorf("it took %d bytes more, of %d that the buffers may take", more, 4*maxBuffered)
	}
	if kept := b.pages[0].kept[Acknowledged]; kept != writes {
		t.Errorf("%d of %d were kept", kept, writes)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	if err := scan(f, func(entry) bool { n++; return true }); err != nil || n != writes {
		t.Errorf("%d of %d are in the file, %v", n, writes, err)
	}
}

// stuck is a disk that takes nothing until it is let go, and then fails or not.
type stuck struct {
	goOn chan struct{}
	err  error
	mu   sync.Mutex
	got  []byte
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.goOn
	if s.err != nil {
		return 0, s.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p...)
	return len(p), nil
}

// A disk that is slow, or full, never holds up who adds: what finds no room is refused, and told.
func TestSlowAndFullDisk(t *testing.T) {
	for _, full := range []error{nil, errors.New("no space left on device")} {
		f, err := os.Create(filepath.Join(t.TempDir(), File))
		if err != nil {
			t.Fatal(err)
		}
		s := &spool{file: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
		disk := &stuck{goOn: make(chan struct{}), err: full}
		go s.write(disk)
		e := entry{key: strings.Repeat("k", MaxKey)}
		size := len(e.append(nil))
		kept, refused := 0, 0
		for range 4 * maxBuffered / size {
			if s.add(&e) {
				kept++
			} else {
				refused++
			}
		}
		if kept > 2*maxBuffered/size || refused == 0 {
			t.Errorf("%d kept and %d refused, with room for %d", kept, refused, 2*maxBuffered/size)
		}
		close(disk.goOn)
		err = s.close()
		if full != nil {
			if !errors.Is(err, full) || s.add(&e) {
				t.Errorf("the full disk is told as %v", err)
			}
			continue
		}
		if n := len(entriesOf(t, disk.got)); err != nil || n != kept {
			t.Errorf("%d of %d came to the disk, %v", n, kept, err)
		}
	}
}

// What a file that cannot be made is told by.
func TestOpenFails(t *testing.T) {
	plan := &attack.Plan{Requests: []attack.Request{{Name: "order"}}}
	key := Key{Template: "{{ seq }}"}
	for _, tt := range []struct {
		path string
		l    Ledger
		want string
	}{
		{filepath.Join(t.TempDir(), "no", "folder"), Ledger{Name: "a", Write: "order", Key: key}, "no such file"},
		{filepath.Join(t.TempDir(), File), Ledger{Name: "a", Write: "other", Key: key}, `there is no request "other"`},
		{filepath.Join(t.TempDir(), File), Ledger{Name: "a", Write: "order", Key: Key{JSON: "$["}}, "JSON path"},
	} {
		if _, err := Open(tt.path, plan, []Ledger{tt.l}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.l, err, tt.want)
		}
	}
}

// A key is made of the row that the request is made of.
func TestKeyOfARow(t *testing.T) {
	data, err := payload.NewData([]map[string]string{{"id": "a"}, {"id": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	p := &page{Ledger: &Ledger{Key: Key{Template: "{{ .id }}/{{ nth }}"}}, data: data}
	if err := p.compile(1); err != nil {
		t.Fatal(err)
	}
	call := attack.Call{Arrival: attack.Arrival{Seq: 9, Nth: 3}}
	if key, err := p.key(&call, Unknown, nil); err != nil || key != "b/3" {
		t.Errorf("found %q, %v", key, err)
	}
}

func TestPartOfAKey(t *testing.T) {
	call := attack.Call{Arrival: attack.Arrival{Seq: 17}}
	for part, want := range map[string]string{`[^/]+$`: "17", `/(o)/`: "o", `x`: "", `(x?)`: "", "": "/o/17"} {
		p := &page{Ledger: &Ledger{Key: Key{Template: "/o/{{ seq }}", Part: part}}}
		if err := p.compile(1); err != nil {
			t.Fatal(err)
		}
		if key, err := p.key(&call, Acknowledged, nil); key != want || (err == nil) != (want != "") {
			t.Errorf("%s: found %q, %v, want %q", part, key, err, want)
		}
	}
}
