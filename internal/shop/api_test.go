package shop

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProducts(t *testing.T) {
	rec := httptest.NewRecorder()
	newAPI(1, nil).ServeHTTP(rec, httptest.NewRequest("GET", "/products", nil))
	var got []Product
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if rec.Code != http.StatusOK || !slices.Equal(got, Products()) {
		t.Errorf("%d %v", rec.Code, got)
	}
}

func TestCheckout(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		says       string
	}{
		{"good", `{"sku":"tea-1","qty":3}`, 201, `"total":2070`},
		{"most", `{"sku":"tea-1","qty":100}`, 201, `"order":"o-`},
		{"unknown sku", `{"sku":"tee","qty":1}`, 422, `\"tee\"; GET /products lists them`},
		{"no qty", `{"sku":"tea-1"}`, 422, "from 1 to 100, found 0"},
		{"negative qty", `{"sku":"tea-1","qty":-1}`, 422, "found -1"},
		{"too many", `{"sku":"tea-1","qty":101}`, 422, "found 101"},
		{"not JSON", `sku=tea-1`, 400, "invalid character"},
		{"empty", ``, 400, "EOF"},
		{"wrong type", `{"sku":"tea-1","qty":"one"}`, 400, "qty"},
		{"unknown field", `{"sku":"tea-1","qty":1,"gift":true}`, 400, "gift"},
		{"huge", `{"sku":"` + strings.Repeat("x", maxBody) + `"}`, 413, "at most 1 MiB"},
	}
	api := newAPI(1, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, httptest.NewRequest("POST", "/checkout", strings.NewReader(tt.body)))
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.says) {
				t.Errorf("%d %s, expected %d with %q", rec.Code, rec.Body, tt.status, tt.says)
			}
		})
	}
}

func TestUnknownRoutes(t *testing.T) {
	api := newAPI(1, nil)
	for route, status := range map[string]int{"GET /": 404, "POST /products": 405, "GET /checkout": 405, "GET /healthz": 200} {
		method, path, _ := strings.Cut(route, " ")
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
		if rec.Code != status {
			t.Errorf("%s: %d, expected %d", route, rec.Code, status)
		}
	}
}

// An order sent twice, even to two replicas, is one order.
func TestIdempotencyKey(t *testing.T) {
	order := func(api http.Handler, key string) string {
		req := httptest.NewRequest("POST", "/checkout", strings.NewReader(`{"sku":"cup-1","qty":1}`))
		if key != "" {
			req.Header.Set(keyHeader, key)
		}
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, req)
		var got struct{ Order string }
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return got.Order
	}
	a, b := newAPI(1, nil), newAPI(2, nil)
	if x, y := order(a, "k1"), order(b, "k1"); x != y {
		t.Errorf("one key gave the orders %s and %s", x, y)
	}
	if x, y := order(a, "k1"), order(a, "k2"); x == y {
		t.Errorf("two keys gave one order %s", x)
	}
	if x, y := order(a, ""), order(a, ""); x == y {
		t.Errorf("no key gave one order %s twice", x)
	}
}

func TestWorkIsSeededAndBounded(t *testing.T) {
	draw := func(seed uint64) []time.Duration {
		w := newWork(seed)
		var ds []time.Duration
		for range 1000 {
			ds = append(ds, w.next())
		}
		return ds
	}
	a := draw(7)
	if !slices.Equal(a, draw(7)) {
		t.Error("one seed gave two sequences")
	}
	if slices.Equal(a, draw(8)) {
		t.Error("two seeds gave one sequence")
	}
	if lo, hi := slices.Min(a), slices.Max(a); lo < time.Millisecond || hi > 15*time.Millisecond {
		t.Errorf("work from %s to %s, expected 1ms to 15ms", lo, hi)
	}
}
