package expect_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// A check of the whole body against a value holds exactly when encoding/json
// reads the same value from both, numbers being compared as the fractions that
// they are.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range [][2]string{
		{"1", "1.0"}, {"-0", "0e9"}, {`{"a":[1,"x",null]}`, ` {"a" : [1e0, "x", null]}`}, {`"\ud800"`, `"\ufffd"`},
		{"[1] 2", "[1]"}, {"", "null"}, {`{"a":1,"a":2}`, `{"a":2}`}, {"12345678901234567890", "12345678901234567891"}, {"1e-7", "0.0000001"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, body, value string) {
		want, errWant := oracle(value)
		ch, err := expect.New(expect.Expect{JSON: []expect.ExpectJSON{{"$", value}}})
		if value == "" {
			if err != nil {
				t.Fatalf("nothing expected: %v", err)
			}
			return
		}
		if (err == nil) != (errWant == nil) {
			t.Fatalf("%q as expected value: found %v, encoding/json says %v", value, err, errWant)
		}
		if err != nil {
			return
		}
		got, errGot := oracle(body)
		same := errGot == nil && oracleEqual(t, got, want)
		kind, detail := ch.Judge(&expect.Answer{Status: 200, Body: []byte(body), BytesIn: int64(len(body))}, 0, plainly)
		switch {
		case (kind == "") != same:
			t.Errorf("body %q, expected %q: found kind %q: %s", body, value, kind, detail)
		case kind != "" && (kind != timeline.KindJSON || detail == "" || len(detail) > timeline.MaxDetail):
			t.Errorf("body %q: found kind %q: %q", body, kind, detail)
		}
	})
}

func oracle(s string) (v any, err error) {
	if !json.Valid([]byte(s)) {
		return nil, io.ErrUnexpectedEOF
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	return v, d.Decode(&v)
}

func oracleEqual(t *testing.T, a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && fraction(t, a).Cmp(fraction(t, b)) == 0
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !oracleEqual(t, a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if _, ok := b[k]; !ok || !oracleEqual(t, a[k], b[k]) {
				return false
			}
		}
		return true
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// fraction gives up on exponents that would take all memory to write out.
func fraction(t *testing.T, n json.Number) *big.Rat {
	if _, e, ok := strings.Cut(strings.ToLower(string(n)), "e"); ok {
		if x, err := strconv.Atoi(e); err != nil || x > 1000 || x < -1000 {
			t.Skip("an exponent beyond 1000 would take math/big too long")
		}
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		t.Fatalf("%s is no number to math/big", n)
	}
	return r
}

// Whatever path and body: it compiles or says where it does not, it selects
// without panic, and the same twice.
func FuzzJSONPath(f *testing.F) {
	for _, s := range [][2]string{
		{"$.a[0]['b c']", `{"a":[{"b c":1}]}`}, {"$..id", `{"id":1,"a":{"id":2}}`}, {"$[?match(@.a, @.b)]", `[{"a":"x"}]`},
		{"$[?@.a < 3 && length(@.b) == 2]", `[{"a":1,"b":"xy"}]`}, {"$[::-1]", "[1,2]"}, {"$.a[", "1"}, {"$[?search(@, '[')]", `["["]`}, {"$[-1]", "[]"},
		{"$.ä", `{"ä":"\u00e4"}`}, {"$[?count(@.*) > value(@..x)]", "[[1]]"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		c, err := expect.NewTaker(expect.Capture{Name: "a", JSON: path})
		if err != nil {
			if path != "" && !strings.HasPrefix(err.Error(), "json: ") {
				t.Errorf("%q: found %v", path, err)
			}
			return
		}
		r := func() *expect.Answer {
			return &expect.Answer{Status: 200, Body: []byte(body), BytesIn: int64(len(body))}
		}
		one, errOne := c.Take(r())
		other, errOther := c.Take(r())
		if one != other || (errOne == nil) != (errOther == nil) {
			t.Errorf("%q of %q: found %q and %q", path, body, one, other)
		}
		if errOne == nil && one == "" || errOne != nil && len(errOne.Error()) > timeline.MaxDetail {
			t.Errorf("%q of %q: found %q, %v", path, body, one, errOne)
		}
	})
}
