package fast_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// What was captured from JSON is sent as what it was, and so is a flow's data.
func TestCapturedValuesInJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte(`{"n":1,"s":"2"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := payload.LoadData(path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := ""
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Id", "5")
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"n":12345678901234567890,"s":"7","o":{"a":[1]},"zip":"01234"}`)
			return
		}
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = string(b)
		mu.Unlock()
	})
	p := attacktest.HoldPlan(20, 50*time.Millisecond, time.Second, 5)
	p.Requests = []attack.Request{
		{Name: "a", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop/"}},
		{Name: "b", Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: "http://shop/", JSON: `[{{ .cn }},{{ .cs }},{{ .co }},{{ .zip }},{{ .h }},{{ .m }},{{ .n }},{{ .s }},"{{ .cn }}"]`}},
	}
	p.Flows = []attack.Flow{{Name: "f", Weight: 1, Data: data, Steps: []attack.Step{{Request: 0, Captures: []expect.Capture{
		{Name: "cn", JSON: "$.n"}, {Name: "cs", JSON: "$.s"}, {Name: "co", JSON: "$.o"}, {Name: "zip", JSON: "$.zip"},
		{Name: "h", JSON: "$.s"}, {Name: "h", Header: "X-Id"}, // anew, and by another way
		{Name: "m", Matches: `"n":(\d{3})`},
	}}, {Request: 1}}}}
	for _, k := range engines() {
		_, requests, _ := visit(t, k.Name, p, shop, nil)
		for _, r := range requests {
			if r.Kind != "" {
				t.Errorf("%s: %s: %s", k.Name, r.Kind, r.Detail)
			}
		}
		if want := `[12345678901234567890,"7",{"a":[1]},"01234",5,123,1,"2","12345678901234567890"]`; got != want {
			t.Errorf("%s: expected %s, found %s", k.Name, want, got)
		}
	}
}
