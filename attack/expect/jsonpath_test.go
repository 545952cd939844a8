package expect

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestEqualJSON(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1", "1.0", true},
		{"1", "10e-1", true},
		{"100", "1E+2", true},
		{"0", "-0.00e5", true},
		{"0.001", "1e-3", true},
		{"1", "-1", false},
		{"1", "10", false},
		{"0.1", "0.01", false},
		{"12345678901234567890", "12345678901234567891", false},
		{"1e400", "1e401", false},
		{"1e999999999999999999999", "1e999999999999999999999", true},
		{"1e999999999999999999999", "1e-999999999999999999999", false},
		{"1", `"1"`, false},
		{"1", "true", false},
		{`"a"`, `"\u0061"`, true},
		{`"é"`, `"e\u0301"`, false}, // exactly: no normal form is made
		{"null", "null", true},
		{"null", "false", false},
		{"[1,2]", "[1.0, 2]", true},
		{"[1,2]", "[2,1]", false},
		{"[1]", "[1,1]", false},
		{"[]", "{}", false},
		{`{"a":1,"b":[{}]}`, `{"b":[{}],"a":1e0}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":null}`, `{"b":null}`, false},
	} {
		a, errA := parseJSON([]byte(c.a))
		b, errB := parseJSON([]byte(c.b))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if equalJSON(a, b) != c.want || equalJSON(b, a) != c.want {
			t.Errorf("%s and %s: expected %t", c.a, c.b, c.want)
		}
	}
}

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
		ch, err := New(Expect{JSON: []ExpectJSON{{"$", value}}})
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
		kind, detail := ch.Judge(&Answer{Status: 200, Body: []byte(body), BytesIn: int64(len(body))}, 0, plainly)
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

func TestWalk(t *testing.T) {
	for _, c := range []struct{ body, path, want string }{
		{` {"a" : 1 , "b":[ 2 , {"c":"]}\\\""} ] } `, "$.b[1].c", `"]}\\\""`},
		{` {"a" : 1 } `, "$.a", "1"},
		{` {"a" : 1 } `, "$", `{"a" : 1 }`},
		{" 7 ", "$", "7"},
		{"7", "$.a", ""},
		{"[1,2]", "$[1]", "2"},
		{"[1,2]", "$[2]", ""},
		{"[]", "$[0]", ""},
		{"{}", "$.a", ""},
		{"[1]", "$.a", ""},
		{`{"0":1}`, "$[0]", ""},
		{`{"a":1,"b":0,"a":2}`, "$.a", "2"}, // the last, as encoding/json has it
		{`{"a":{"x":1},"a":{"y":2}}`, "$.a.x", ""},
		{`{"\u0061":1}`, "$.a", "1"},
		{`{"aa":1,"a":{"a":3}}`, "$.a.a", "3"},
		{`{"":1}`, "$['']", "1"},
	} {
		p, err := newJSONPath(c.path)
		if err != nil || !p.straight {
			t.Fatalf("%s: straight %t, %v", c.path, p.straight, err)
		}
		if got := walkJSON([]byte(c.body), p.steps); string(got) != c.want {
			t.Errorf("%s of %s: expected %s, found %s", c.path, c.body, c.want, got)
		}
	}
	for _, path := range []string{"$[-1]", "$.*", "$..a", "$[0,1]", "$[0:1]", "$[?@]"} {
		if p, err := newJSONPath(path); err != nil || p.straight {
			t.Errorf("%s: straight, or %v", path, err)
		}
	}
}

// Walking finds what the library finds in the tree that encoding/json makes.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{`{"a":[{"b":1}]}`, ` { "b" : "\\" , "a" : [ 1 , [ ] ] } `, `{"a":1,"a":{"b":2}}`, `["]",{"a":"}"}]`, "{\"\xff\":1}", `{"\ud800":1}`, "-0e1"} {
		f.Add(s, uint8(1))
	}
	paths := []string{"$", "$.a", "$[0]", "$.a.b", "$.a[0]", "$[1].a", "$.a[0].b", "$['\ufffd']", "$['']", "$[0][0]"}
	f.Fuzz(func(t *testing.T, body string, n uint8) {
		p, err := newJSONPath(paths[int(n)%len(paths)])
		if err != nil || !p.straight {
			t.Fatal(p, err)
		}
		r := &Answer{Body: []byte(body)}
		doc, err := parseJSON(r.Body)
		if r.isJSON() != (err == nil) {
			t.Fatalf("%q: valid %t, %v", body, r.isJSON(), err)
		}
		if err != nil {
			return
		}
		nodes, err := p.find(doc)
		if err != nil {
			t.Fatal(err)
		}
		text := walkJSON(r.Body, p.steps)
		if (text != nil) != (len(nodes) == 1) {
			t.Fatalf("%s of %q: walked to %q, the library found %v", p.text, body, text, nodes)
		}
		if text == nil {
			return
		}
		found, err := parseJSON(text)
		if err != nil || compactJSON(found) != compactJSON(nodes[0]) || !isValue(text, nodes[0]) {
			t.Errorf("%s of %q: walked to %q (%v), the library found %s", p.text, body, text, err, compactJSON(nodes[0]))
		}
	})
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
		c, err := NewTaker(Capture{Name: "a", JSON: path})
		if err != nil {
			if path != "" && !strings.HasPrefix(err.Error(), "json: ") {
				t.Errorf("%q: found %v", path, err)
			}
			return
		}
		r := func() *Answer { return &Answer{Status: 200, Body: []byte(body), BytesIn: int64(len(body))} }
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
