package quantity_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

func TestParseDuration(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		err  string // contained in the error
	}{
		{"0", 0, ""},
		{"0s", 0, ""},
		{"200ms", 200 * time.Millisecond, ""},
		{"1.5s", 1500 * time.Millisecond, ""},
		{"250µs", 250 * time.Microsecond, ""},
		{"250us", 250 * time.Microsecond, ""},
		{"1h30m", 90 * time.Minute, ""},
		{"2d", 48 * time.Hour, ""},
		{"1.5d", 36 * time.Hour, ""},
		{"1d12h", 36 * time.Hour, ""},
		{"", 0, "found nothing"},
		{"200", 0, "200ms or 200s, found the bare number 200"},
		{"1.5", 0, "bare number"},
		{"-5s", 0, "at least 0"},
		{"-1d", 0, "at least 0"},
		{"1d-5h", 0, "such as"},
		{"+5s", 0, "such as"},
		{"1e3d", 0, "such as"},
		{"NaNd", 0, "such as"},
		{"Infd", 0, "such as"},
		{"d", 0, "such as"},
		{"5md", 0, "such as"},
		{"200mss", 0, "such as"},
		{"200 ms", 0, "such as"},
		{"5/s", 0, "such as"},
		{"99999999d", 0, "below 146 years"},
		{"9999999999999h", 0, "below 146 years"},
		{"999999999h", 0, "below 146 years"},
		{"1d999999999h5s", 0, "below 146 years"},
		{"9999999999999hh", 0, "such as"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := quantity.ParseDuration(tt.in)
			check(t, got, tt.want, err, tt.err)
		})
	}
}

func TestParseNumbers(t *testing.T) {
	tests := []struct {
		name  string
		parse func(string) (float64, error)
		in    string
		want  float64
		err   string
	}{
		{"rate", quantity.ParseRate, "500/s", 500, ""},
		{"rate", quantity.ParseRate, "5k/s", 5000, ""},
		{"rate", quantity.ParseRate, "0.5/s", 0.5, ""},
		{"rate", quantity.ParseRate, "30/m", 0.5, ""},
		{"rate", quantity.ParseRate, "90/min", 1.5, ""},
		{"rate", quantity.ParseRate, "36/h", 0.01, ""},
		{"rate", quantity.ParseRate, "500", 0, "such as 50/s"},
		{"rate", quantity.ParseRate, "500/d", 0, "per /s, /m or /h"},
		{"rate", quantity.ParseRate, "-5/s", 0, "such as 50/s"},
		{"rate", quantity.ParseRate, "5s/s", 0, "such as 50/s"},
		{"rate", quantity.ParseRate, "/s", 0, "such as 50/s"},
		{"fraction", quantity.ParseFraction, "5%", 0.05, ""},
		{"fraction", quantity.ParseFraction, "0.1%", 0.001, ""},
		{"fraction", quantity.ParseFraction, "99.9%", 0.999, ""},
		{"fraction", quantity.ParseFraction, "99.99%", 0.9999, ""},
		{"fraction", quantity.ParseFraction, "110%", 1.1, ""},
		{"fraction", quantity.ParseFraction, "0.05", 0, "percentage"},
		{"fraction", quantity.ParseFraction, "-1%", 0, "percentage"},
		{"fraction", quantity.ParseFraction, "%", 0, "percentage"},
		{"fraction", quantity.ParseFraction, "1e1%", 0, "percentage"},
		{"count", quantity.ParseCount, "0", 0, ""},
		{"count", quantity.ParseCount, "100", 100, ""},
		{"count", quantity.ParseCount, "1.5", 1.5, ""},
		{"count", quantity.ParseCount, "5k", 5000, ""},
		{"count", quantity.ParseCount, "0.1M", 100000, ""},
		{"count", quantity.ParseCount, "2G", 2e9, ""},
		{"count", quantity.ParseCount, "5kk", 0, "number"},
		{"count", quantity.ParseCount, "", 0, "number"},
		{"count", quantity.ParseCount, "k", 0, "number"},
		{"count", quantity.ParseCount, "5.", 0, "number"},
		{"count", quantity.ParseCount, ".5", 0, "number"},
		{"count", quantity.ParseCount, "1.2.3", 0, "number"},
		{"count", quantity.ParseCount, "0x10", 0, "number"},
		{"count", quantity.ParseCount, "1_000", 0, "number"},
		{"count", quantity.ParseCount, "Inf", 0, "number"},
		{"count", quantity.ParseCount, strings.Repeat("9", 400), 0, "smaller number"},
		{"bytes", quantity.ParseBytes, "100B", 100, ""},
		{"bytes", quantity.ParseBytes, "512MiB", 512 << 20, ""},
		{"bytes", quantity.ParseBytes, "1.5KiB", 1536, ""},
		{"bytes", quantity.ParseBytes, "2GB", 2e9, ""},
		{"bytes", quantity.ParseBytes, "3kB", 3e3, ""},
		{"bytes", quantity.ParseBytes, "512", 0, "size"},
		{"bytes", quantity.ParseBytes, "B", 0, "size"},
		{"bytes", quantity.ParseBytes, "-1B", 0, "size"},
		{"bytes", quantity.ParseBytes, "5MiBs", 0, "size"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.in, func(t *testing.T) {
			got, err := tt.parse(tt.in)
			check(t, got, tt.want, err, tt.err)
		})
	}
}

func check[T comparable](t *testing.T, got, want T, err error, wantErr string) {
	t.Helper()
	switch {
	case wantErr == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)):
		t.Errorf("error %v, want one with %q", err, wantErr)
	case got != want:
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFormat(t *testing.T) {
	duration := func(d time.Duration) string { return quantity.FormatDuration(d) }
	tests := []struct{ got, want string }{
		{duration(0), "0s"},
		{duration(5), "5ns"},
		{duration(850 * time.Microsecond), "850µs"},
		{duration(999_400), "999µs"},
		{duration(999_600), "1ms"},
		{duration(12_345_678), "12.3ms"},
		{duration(200 * time.Millisecond), "200ms"},
		{duration(199_950 * time.Microsecond), "200ms"},
		{duration(1204 * time.Millisecond), "1.2s"},
		{duration(-1500 * time.Millisecond), "-1.5s"},
		{duration(59_970 * time.Millisecond), "1m"},
		{duration(59_900 * time.Millisecond), "59.9s"},
		{duration(123 * time.Second), "2m3s"},
		{duration(2 * time.Hour), "2h"},
		{duration(90 * time.Minute), "1h30m"},
		{duration(10 * time.Minute), "10m"},
		{duration(math.MinInt64), "-2562047h47m16.854775807s"},
		{quantity.FormatFraction(0), "0%"},
		{quantity.FormatFraction(0.05), "5%"},
		{quantity.FormatFraction(0.001), "0.1%"},
		{quantity.FormatFraction(0.00001), "0.001%"},
		{quantity.FormatFraction(1e-9), "0.0000001%"},
		{quantity.FormatFraction(0.9999), "99.99%"},
		{quantity.FormatFraction(0.99999), "99.999%"},
		{quantity.FormatFraction(0.9999999), "99.99999%"},
		{quantity.FormatFraction(1), "100%"},
		{quantity.FormatFraction(0.12345), "12.35%"},
		{quantity.FormatRate(500), "500/s"},
		{quantity.FormatRate(499.96), "500/s"},
		{quantity.FormatRate(0.5), "0.5/s"},
		{quantity.FormatRate(0), "0/s"},
		{quantity.FormatRate(1.0 / 240), "15/h"},
		{quantity.FormatRate(1.7 / 86400), "1.7/d"},
		{quantity.FormatRate(0.1 / 86400), "0.1/d"},
		{quantity.FormatRate(1e-12), "0/d"},
		{quantity.FormatCount(1000), "1000"},
		{quantity.FormatCount(12.04), "12"},
		{quantity.FormatCount(3.14159), "3.14"},
		{quantity.FormatWhole(0), "0"},
		{quantity.FormatWhole(999), "999"},
		{quantity.FormatWhole(1000), "1,000"},
		{quantity.FormatWhole(1234567), "1,234,567"},
		{quantity.FormatPercent(0.956), "96%"},
		{quantity.FormatPercent(1.02), "100%"},
		{quantity.FormatBytes(100), "100B"},
		{quantity.FormatBytes(512 << 20), "512MiB"},
		{quantity.FormatBytes(1536), "1.5KiB"},
		{quantity.FormatBytes(1 << 40), "1TiB"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0", "200ms", "1h30m", "1.5d", "500/s", "5k/s", "0.1%", "512MiB", "-5s", "1d-5h", "5 %", "NaN", "9e99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := quantity.ParseDuration(s); err == nil && d < 0 {
			t.Errorf("ParseDuration(%q) = %v", s, d)
		}
		for name, parse := range map[string]func(string) (float64, error){
			"rate": quantity.ParseRate, "fraction": quantity.ParseFraction, "count": quantity.ParseCount, "bytes": quantity.ParseBytes,
		} {
			v, err := parse(s)
			if err == nil && (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Errorf("%s of %q = %v", name, s, v)
			}
			if err != nil && v != 0 {
				t.Errorf("%s of %q = %v beside an error", name, s, v)
			}
		}
	})
}

// What is printed as a duration can be read again, and means about the same.
func FuzzFormatDuration(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(59_970_000_000))
	f.Add(int64(math.MaxInt64 / 4))
	f.Fuzz(func(t *testing.T, n int64) {
		d := time.Duration(n)
		if d < 0 || d > math.MaxInt64/4 {
			return
		}
		got, err := quantity.ParseDuration(quantity.FormatDuration(d))
		if err != nil {
			t.Fatalf("%d prints as %s: %v", n, quantity.FormatDuration(d), err)
		}
		if diff := math.Abs(float64(got - d)); diff > 0.01*float64(d) {
			t.Errorf("%v prints as %s", d, quantity.FormatDuration(d))
		}
	})
}
