package quantity_test

import "testing"
import "github.com/seed-1574e9de/ordeal/internal/quantity"

func TestSpelled(t *testing.T) {
	for text, want := range map[string]string{
		"20 seconds": "20s", "20sec": "20s", "1.5sec": "1.5s", "200 miliseconds": "200ms", "200 MS": "200ms", "3 min.": "3m",
		"1 Minute": "1m", "2m30": "2m30s", "1h30": "1h30m", "100rps": "100/s", "100 req/s": "100/s", "50/sec": "50/s",
		"50 per second": "50/s", "60rpm": "60/m", "0.5 percent": "0.5%", "5 %": "5%", "512 mb": "512MB", "1 GiB": "1GiB",
		"5M": "", "fast": "", "": "", "12": "", "5 parsecs": "", "ten seconds": "", "1.2.3s": "",
	} {
		if got := quantity.Spelled(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
