package shop

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// crash leaves the orders as a kill would: nothing more goes to the disk.
func crash(o *orders) {
	o.file.Close()
	close(o.stop)
	<-o.done
}

// What was acknowledged is there after a crash. A line that the crash cut off was not.
func TestOrdersSurviveACrash(t *testing.T) {
	dir := t.TempDir()
	kept, err := openOrders(dir, "1", false)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		all.Go(func() {
			if err := kept.add(id, order{"tea-1", len(id)}); err != nil {
				t.Error(err)
			}
			if _, ok := kept.get(id); !ok {
				t.Errorf("%s was acknowledged, and is not there", id)
			}
		})
	}
	all.Wait()
	crash(kept)
	path := filepath.Join(dir, "orders-1.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"d","sku":"te`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	again, err := openOrders(dir, "1", false)
	if err != nil {
		t.Fatal(err)
	}
	defer again.close()
	for _, id := range []string{"a", "b", "c"} {
		if got, ok := again.get(id); !ok || got != (order{"tea-1", 1}) {
			t.Errorf("%s is %+v, %t", id, got, ok)
		}
	}
	if _, ok := again.get("d"); ok {
		t.Error("an order is there whose line was cut off")
	}
	if err := again.add("d", order{"tea-2", 2}); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); !strings.HasSuffix(string(b), "}\n{\"id\":\"d\",\"sku\":\"tea-2\",\"qty\":2}\n") {
		t.Errorf("the file ends wrongly:\n%s", b)
	}
}

// What is acknowledged early is lost with a crash in the next moment, and not with a good end.
func TestEarlyOrdersAreLost(t *testing.T) {
	for _, ends := range []struct {
		how  func(*orders)
		lost bool
	}{{crash, true}, {(*orders).close, false}} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			kept, err := openOrders(dir, "1", true)
			if err != nil {
				t.Fatal(err)
			}
			if err := kept.add("a", order{"tea-1", 1}); err != nil {
				t.Fatal(err)
			}
			if _, ok := kept.get("a"); !ok {
				t.Error("it was acknowledged, and is not there")
			}
			ends.how(kept)
			again, err := openOrders(dir, "1", true)
			if err != nil {
				t.Fatal(err)
			}
			defer again.close()
			if _, ok := again.get("a"); ok == ends.lost {
				t.Errorf("after the end it is there: %t", ok)
			}
		})
	}
}

func TestOrdersOverHTTP(t *testing.T) {
	kept, err := openOrders(t.TempDir(), "1", false)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.close()
	api := newAPI(1, kept)
	post := func(key, body string) (int, string) {
		req := httptest.NewRequest("POST", "/orders", strings.NewReader(body))
		req.Header.Set(keyHeader, key)
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, req)
		var made struct{ ID string }
		_ = json.Unmarshal(rec.Body.Bytes(), &made) // an error has no id
		return rec.Code, made.ID
	}
	status := func(id string) int {
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest("GET", "/orders/"+id, nil))
		return rec.Code
	}
	code, id := post("k", `{"sku":"tea-1","qty":1}`)
	if code != http.StatusCreated || status(id) != http.StatusOK {
		t.Errorf("an order is answered with %d, and found with %d", code, status(id))
	}
	if code, again := post("k", `{"sku":"tea-1","qty":1}`); code != http.StatusCreated || again != id {
		t.Errorf("sent again it is answered with %d and %q, want %q", code, again, id)
	}
	if code, _ := post("k", `{"sku":"tea-1","qty":2}`); code != http.StatusConflict {
		t.Errorf("another order under its key is answered with %d", code)
	}
	if code, _ := post("x", `{"sku":"none","qty":2}`); code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong order is answered with %d", code)
	}
	if got := status("o-1"); got != http.StatusNotFound {
		t.Errorf("an order that is not there is answered with %d", got)
	}
	rec := httptest.NewRecorder()
	newAPI(1, nil).ServeHTTP(rec, httptest.NewRequest("POST", "/orders", strings.NewReader("{}")))
	if rec.Code != http.StatusNotFound {
		t.Errorf("without a folder there are orders: %d", rec.Code)
	}
}

// A disk that fails acknowledges nothing.
func TestOrdersWithoutADisk(t *testing.T) {
	kept, err := openOrders(t.TempDir(), "1", false)
	if err != nil {
		t.Fatal(err)
	}
	kept.file.Close()
	if err := kept.add("a", order{"tea-1", 1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("found %v", err)
	}
	if _, ok := kept.get("a"); ok {
		t.Error("it is there")
	}
	kept.close()
	for _, text := range []string{"no order\n", "{\"id\":\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "orders-1.jsonl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := openOrders(dir, "1", false); err == nil || !strings.Contains(err.Error(), "expected an order a line") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
