package run_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/run"
)

// forgetful is a store over HTTP that does wrong in known ways: of the order o-N it loses every
// tenth that it acknowledges, keeps those twice that end in 5, and refuses those that end in 3, of
// which it keeps o-53. Those that end in 7 are answered with 503, and o-27 is kept all the same.
type forgetful struct {
	mu   sync.Mutex
	kept map[string]int
}

func (f *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept == nil {
		f.kept = map[string]int{}
	}
	id := strings.TrimPrefix(r.URL.Path, "/orders/")
	if r.Method == http.MethodGet {
		if f.kept[id] == 0 {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"id":%q,"times":%d}`, id, f.kept[id])
		return
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(id, "o-")) // the scenario makes them
	times, status := 1, http.StatusCreated
	switch {
	case n == 53:
		status = http.StatusConflict
	case n%10 == 3:
		times, status = 0, http.StatusUnprocessableEntity
	case n == 27:
		status = http.StatusServiceUnavailable
	case n%10 == 7:
		times, status = 0, http.StatusServiceUnavailable
	case n%10 == 0:
		times = 0
	case n%10 == 5:
		times = 2
	}
	f.kept[id] += times
	w.Header().Set("Location", "/orders/"+id)
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"number":%q}`, id)
}

// What is planted is found to the write, with each engine, and the same again from the files. Keys
// of the request, in a header and in the body agree.
func TestLedgersFindWhatIsPlanted(t *testing.T) {
	for _, engine := range []string{"fast", "http", "vegeta"} {
		t.Run(engine, func(t *testing.T) {
			server := httptest.NewServer(&forgetful{})
			defer server.Close()
			plan := load(t, fmt.Sprintf(`
name: planted
target: %s
attack:
  engine: %s
  late_budget: 10m
  timeout: 20s
  requests: [{ name: order, post: "/orders/o-{{ seq }}", expect: { status: 201 } }]
  stages: [{ name: s, rate: 100/s, for: 1s }]
ledger:
  - { name: asked, write: order, key: { template: "o-{{ seq }}" }, read: { get: "/orders/{{ .key }}" }, duplicates: $.times, settle: 0s, rate: 2000/s }
  - { name: header, write: order, key: { header: Location, part: "[^/]+$" }, read: { get: "/orders/{{ .key }}" }, settle: 0s, rate: 2000/s }
  - { name: body, write: order, key: { matches: '"number":"([^"]+)' }, read: { get: "/orders/{{ .key }}" }, settle: 0s, rate: 2000/s }
verdict:
  - ledger("asked").acknowledged == 80
  - ledger("asked").refused == 10
  - ledger("asked").unknown == 10
  - ledger("asked").read == 100
  - ledger("asked").lost == 10
  - ledger("asked").phantom == 1
  - ledger("asked").duplicated == 10
  - ledger("asked").unread == 0
  - ledger("header").lost == 10
  - ledger("body").lost == 10
  - ledger("body").read == 80
  - ledger("asked").lost < 0.13 * ledger("asked").acknowledged
  - count == 100
`, server.URL, engine))
			dir := filepath.Join(t.TempDir(), "run")
			code, err := run.Run(t.Context(), t.Context(), plan, run.Options{Out: dir, Stdout: io.Discard, Stderr: io.Discard})
			wantEnd(t, run.ExitPass, "pass", code, err, readSummary(t, dir))
			out := filepath.Join(t.TempDir(), "again")
			code, screen, err := again(t, run.Again{Dir: dir, Out: out})
			if code != run.ExitPass || err != nil {
				t.Errorf("judged again: %d, %v\n%s", code, err, screen)
			}
			want := read(t, dir, "summary.json")
			got := strings.Replace(read(t, out, "summary.json"), "  \"judged_again\": true,\n", "", 1)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("the summary differs:\n%s", d)
			}
			what := map[string]int{}
			for lines := bufio.NewScanner(strings.NewReader(read(t, dir, "ledger.jsonl"))); lines.Scan(); {
				var f struct{ Ledger, What, Key string }
				if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
					t.Fatal(err)
				}
				what[f.Ledger+" "+f.What]++
				if f.What == "phantom" && f.Key != "o-53" {
					t.Errorf("a phantom is %q", f.Key)
				}
			}
			wantWhat := map[string]int{"asked lost": 10, "asked phantom": 1, "asked duplicated": 10, "header lost": 10, "body lost": 10}
			if d := cmp.Diff(wantWhat, what); d != "" {
				t.Errorf("findings:\n%s", d)
			}
		})
	}
}

// A ledger of a protocol without statuses: what is there is told by the answer's text.
func TestLedgerOverTCP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var mu sync.Mutex
	kept := map[string]bool{}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					op, key, _ := strings.Cut(lines.Text(), " ")
					mu.Lock()
					switch {
					case op == "SET":
						kept[key] = !strings.HasSuffix(key, "4") // it forgets
						fmt.Fprint(c, "+OK\r\n")
					case kept[key]:
						fmt.Fprint(c, ":1\r\n")
					case key == "k9":
						fmt.Fprint(c, "-LOADING\r\n")
					default:
						fmt.Fprint(c, ":0\r\n")
					}
					mu.Unlock()
				}
			}()
		}
	}()
	plan := load(t, fmt.Sprintf(`
name: cache
target: tcp://%s
attack:
  late_budget: 10m
  timeout: 20s
  requests: [{ name: set, tcp: { send: "SET k{{ seq }}\r\n", expect: "+OK" } }]
  stages: [{ name: s, rate: 20/s, for: 1s }]
ledger:
  - { name: cache, write: set, key: { template: "k{{ seq }}" }, read: { tcp: { send: "EXISTS {{ .key }}\r\n", expect: ":1" }, missing: { body: ":0" } }, settle: 0s, rate: 2000/s }
verdict:
  - ledger("cache").lost == 2
  - ledger("cache").read == 20
`, ln.Addr()))
	dir := filepath.Join(t.TempDir(), "run")
	code, err := run.Run(t.Context(), t.Context(), plan, run.Options{Out: dir, Stdout: io.Discard, Stderr: io.Discard})
	wantEnd(t, run.ExitPass, "pass", code, err, readSummary(t, dir))
}
