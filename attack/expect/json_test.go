package expect

import (
	"testing"
)

// From inside the package, so that a parser and a comparison are held against others by
// themselves; jsonpath_test.go asks what checks and captures make of them.

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

// A body is read as JSON once, whoever asks for how many paths, and not at all
// for nobody.
func TestJSONIsReadOnce(t *testing.T) {
	r := &Answer{Status: 200, Body: []byte(`{"a":1}`)}
	plain, _ := New(Expect{Body: "a"})
	if kind, _ := plain.Judge(r, 0, nil); kind != "" || r.doc != nil {
		t.Errorf("nobody asked for JSON, but it was read (%s)", kind)
	}
	one, _ := New(Expect{JSON: []ExpectJSON{{"$.a", "1"}}})
	if kind, detail := one.Judge(r, 0, nil); kind != "" || r.doc != nil {
		t.Errorf("a straight path needs no tree (%s)", detail)
	}
	many, _ := New(Expect{JSON: []ExpectJSON{{"$.*", "1"}, {"$..a", ""}}})
	if kind, detail := many.Judge(r, 0, nil); kind != "" || r.doc == nil {
		t.Fatal(detail)
	}
	first := r.doc
	taker, err := NewTaker(Capture{Name: "a", JSON: "$.*"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := taker.Take(r); err != nil || r.doc != first {
		t.Errorf("read again (%v)", err)
	}
}
