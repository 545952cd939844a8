package expect

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func plainly(_, value string) string { return value }

// What is told of the value of a header, or of one in JSON, is what the caller shows of it.
func TestValuesAreShownByTheCaller(t *testing.T) {
	show := func(name, value string) string { return "<" + name + ">" }
	for _, c := range []struct {
		name   string
		expect Expect
		detail string
	}{
		{"header", Expect{Headers: []payload.Field{{Name: "x-key", Value: "k1"}}}, "expected header x-key: <x-key>, found <x-key>"},
		{"part", Expect{HeaderParts: []HeaderPart{{Name: "x-key", Contains: "k9", Matches: "^k8"}}},
			`expected a header x-key that contains "<x-key>" and matches <x-key>, found <x-key>`},
		{"no header", Expect{HeaderParts: []HeaderPart{{Name: "x-none", Contains: "k9"}}}, "expected header x-none, found none"},
		{"JSON", Expect{JSON: []ExpectJSON{{"$.token", `"k1"`}}}, "expected $.token to be <$.token>, found <$.token>"},
		{"JSON not there", Expect{JSON: []ExpectJSON{{"$.pass", `"k1"`}}}, "expected $.pass to be <$.pass>, found none"},
		{"JSON null", Expect{JSON: []ExpectJSON{{"$.null", `"k1"`}}}, "expected $.null to be <$.null>, found null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := New(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			r := &Answer{Status: 200, Header: http.Header{"X-Key": {"k2"}}, Body: []byte(`{"token":"k2","null":null}`)}
			if _, detail := ch.Judge(r, 0, show); detail != c.detail {
				t.Errorf("expected %s, found %s", c.detail, detail)
			}
			if kind, detail := ch.Judge(r, 0, nil); kind == "" || detail != "" {
				t.Errorf("without words: found %q, %q", kind, detail)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	header := http.Header{"Content-Type": {"text/plain"}, "X-Long": {strings.Repeat("x", 500)}, "X-Two": {"a", "b"}, "X-Empty": {""}, "X-Session-Key": {"k2"}}
	reply := func(status int, body string) Answer {
		return Answer{Status: status, Header: header, Body: []byte(body), BytesIn: int64(len(body))}
	}
	for _, c := range []struct {
		name         string
		expect       Expect
		reply        Answer
		kind, detail string
	}{
		{"any good status", Expect{}, reply(204, ""), "", ""},
		{"a redirect is an answer", Expect{}, reply(302, ""), "", ""},
		{"bad status", Expect{}, reply(503, ""), timeline.KindStatus, "expected status 200 to 399, found 503"},
		{"own status", Expect{Status: []int{401, 403, 404}}, reply(200, ""), timeline.KindStatus, "expected status 401, 403 or 404, found 200"},
		{"own status met", Expect{Status: []int{401, 403}}, reply(403, ""), "", ""},
		{"status comes first", Expect{Body: "x"}, reply(500, ""), timeline.KindStatus, "expected status 200 to 399, found 500"},
		{"body", Expect{Body: "ok"}, reply(200, "all ok"), "", ""},
		{"bad body", Expect{Body: "ok"}, reply(200, "n\xffo"), timeline.KindBody, `expected a body with "ok", found "n�o"`},
		{"empty body", Expect{Body: "ok"}, reply(200, ""), timeline.KindBody, `expected a body with "ok", found an empty one`},
		{"matches", Expect{Matches: "^a+$"}, reply(200, "aaa"), "", ""},
		{"does not match", Expect{Matches: "^a+$"}, reply(200, "aab"), timeline.KindBody, `expected a body that matches ^a+$, found "aab"`},
		{"header", Expect{Headers: []payload.Field{{Name: "content-type", Value: "text/plain"}, {Name: "X-Long", Value: ""}}}, reply(200, ""), "", ""},
		{"no header", Expect{Headers: []payload.Field{{Name: "X-No", Value: ""}}}, reply(200, ""), timeline.KindHeader, "expected header X-No, found none"},
		{"other header", Expect{Headers: []payload.Field{{Name: "Content-Type", Value: "a/b"}}}, reply(200, ""), timeline.KindHeader, "expected header Content-Type: a/b, found text/plain"},
		{"class", Expect{Status: []int{2, 404}}, reply(299, ""), "", ""},
		{"class or status", Expect{Status: []int{2, 404}}, reply(404, ""), "", ""},
		{"neither", Expect{Status: []int{2, 404}}, reply(302, ""), timeline.KindStatus, "expected status 2xx or 404, found 302"},
		{"one of several lines", Expect{Headers: []payload.Field{{Name: "x-two", Value: "b"}}}, reply(200, ""), "", ""},
		{"none of several lines", Expect{Headers: []payload.Field{{Name: "x-two", Value: "c"}}}, reply(200, ""), timeline.KindHeader, "expected header x-two: c, found a"},
		{"part of a header", Expect{HeaderParts: []HeaderPart{{Name: "content-type", Contains: "plain"}, {Name: "X-Two", Matches: "^b$"}}}, reply(200, ""), "", ""},
		{"other part", Expect{HeaderParts: []HeaderPart{{Name: "Content-Type", Contains: "json"}}}, reply(200, ""), timeline.KindHeader,
			`expected a header Content-Type that contains "json", found text/plain`},
		{"both parts", Expect{HeaderParts: []HeaderPart{{Name: "Content-Type", Contains: "plain", Matches: "^application/"}}}, reply(200, ""), timeline.KindHeader,
			`expected a header Content-Type that contains "plain" and matches ^application/, found text/plain`},
		{"part of none", Expect{HeaderParts: []HeaderPart{{Name: "X-No", Contains: "a"}}}, reply(200, ""), timeline.KindHeader, "expected header X-No, found none"},
		{"empty header", Expect{Headers: []payload.Field{{Name: "X-Empty", Value: ""}}}, reply(200, ""), timeline.KindHeader, "expected header X-Empty, found none"},

		{"size", Expect{MinSize: 3, MaxSize: 3}, reply(200, "abc"), "", ""},
		{"too short", Expect{MinSize: 3}, reply(200, "ab"), timeline.KindSize, "expected a body of at least 3 bytes, found 2"},
		{"too long", Expect{MaxSize: 3}, reply(200, "abcd"), timeline.KindSize, "expected a body of at most 3 bytes, found 4"},
		{"not between", Expect{MinSize: 2, MaxSize: 3}, reply(200, ""), timeline.KindSize, "expected a body of 2 to 3 bytes, found 0"},
		{"size without the body", Expect{MinSize: 1 << 30}, Answer{Status: 200, BytesIn: 1 << 30}, "", ""},

		{"json", Expect{JSON: []ExpectJSON{{"$.status", `"ok"`}, {"$.items[0].id", "7"}, {"$.items", ""}}}, reply(200, `{"status":"ok","items":[{"id":7.0}]}`), "", ""},
		{"json not there", Expect{JSON: []ExpectJSON{{"$.id", ""}}}, reply(200, `{"di":1}`), timeline.KindJSON, "expected $.id, found none"},
		{"json value not there", Expect{JSON: []ExpectJSON{{"$.id", "1"}}}, reply(200, `[]`), timeline.KindJSON, "expected $.id to be 1, found none"},
		{"json other value", Expect{JSON: []ExpectJSON{{"$.id", `"<1>"`}}}, reply(200, `{"id":1}`), timeline.KindJSON, `expected $.id to be "<1>", found 1`},
		{"json null is a value", Expect{JSON: []ExpectJSON{{"$.id", "null"}, {"$.id", ""}}}, reply(200, `{"id":null}`), "", ""},
		{"json null is no other", Expect{JSON: []ExpectJSON{{"$.id", "null"}}}, reply(200, `{"id":false}`), timeline.KindJSON, "expected $.id to be null, found false"},
		{"json one of several", Expect{JSON: []ExpectJSON{{"$[*].id", "2"}}}, reply(200, `[{"id":1},{"id":2}]`), "", ""},
		{"json none of several", Expect{JSON: []ExpectJSON{{"$[*].id", "3"}}}, reply(200, `[{"id":1},{"id":2},{}]`), timeline.KindJSON, "expected $[*].id to be 3, found 1 and 1 more"},
		{"json whole", Expect{JSON: []ExpectJSON{{"$", `{"a":[1,{}],"b":""}`}}}, reply(200, ` {"b":"", "a":[1,{}]} `), "", ""},
		{"json long number", Expect{JSON: []ExpectJSON{{"$.id", "12345678901234567890"}}}, reply(200, `{"id":12345678901234567891}`), timeline.KindJSON, "expected $.id to be 12345678901234567890, found 12345678901234567891"},
		{"no json", Expect{JSON: []ExpectJSON{{"$.id", ""}}}, reply(200, `<html>`), timeline.KindJSON, `expected JSON, found "<html>"`},
		{"json and more", Expect{JSON: []ExpectJSON{{"$", ""}}}, reply(200, `1 2`), timeline.KindJSON, `expected JSON, found "1 2"`},
		{"json, empty", Expect{JSON: []ExpectJSON{{"$", ""}}}, reply(200, ``), timeline.KindJSON, "expected JSON, found an empty one"},
		{"json of a stranger", Expect{JSON: []ExpectJSON{{"$[?match(@.a, @.b)]", ""}}}, reply(200, `[{"a":"x"}]`), timeline.KindJSON, "$[?match(@.a, @.b)] cannot be told of this answer"},
		{"json cut off", Expect{JSON: []ExpectJSON{{"$", ""}}}, Answer{Status: 200, Body: []byte("[1"), BytesIn: MaxBody + 1}, timeline.KindJSON, `expected JSON, found "[1" (only the first 1048576 bytes are looked at)`},
		{"body before json", Expect{Body: "x", JSON: []ExpectJSON{{"$", ""}}}, reply(200, ``), timeline.KindBody, `expected a body with "x", found an empty one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := New(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			if kind, detail := ch.Judge(&c.reply, 0, plainly); kind != c.kind || detail != c.detail {
				t.Errorf("expected %q: %q, found %q: %q", c.kind, c.detail, kind, detail)
			}
		})
	}
}

// The response time is looked at last: what is wrong says more than what is late.
func TestCheckWithin(t *testing.T) {
	ch, err := New(Expect{Within: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status   int
		response time.Duration
		kind     string
	}{
		{200, 0, ""},
		{200, 300 * time.Millisecond, ""},
		{200, 300*time.Millisecond + 1, timeline.KindSlow},
		{500, time.Second, timeline.KindStatus},
	} {
		kind, detail := ch.Judge(&Answer{Status: c.status}, c.response, plainly)
		if kind != c.kind || c.kind == timeline.KindSlow && detail != "expected an answer within 300ms" {
			t.Errorf("%d after %s: expected %q, found %q: %s", c.status, c.response, c.kind, kind, detail)
		}
	}
	// Details are counted by their text: it does not differ from answer to answer.
	_, one := ch.Judge(&Answer{Status: 200}, time.Second, plainly)
	if _, other := ch.Judge(&Answer{Status: 200}, time.Minute, plainly); one != other {
		t.Errorf("expected one text, found %q and %q", one, other)
	}
}

func TestExpectRefuses(t *testing.T) {
	for _, c := range []struct {
		expect Expect
		want   string
	}{
		{Expect{Status: []int{6}}, "status: expected 100 to 599, or 1 to 5 for a class, found 6"},
		{Expect{Matches: "a(b"}, "matches: expected a regular expression: missing closing ): `a(b`"},
		{Expect{Headers: []payload.Field{{Name: "", Value: "x"}}}, "headers: expected a name, found none"},
		{Expect{HeaderParts: []HeaderPart{{Name: "X", Matches: "("}}}, "headers: X: matches: expected a regular expression: missing closing ): `(`"},
		{Expect{JSON: []ExpectJSON{{"$.a.", ""}}}, "json: expected a JSON path such as $.items[0].id: unexpected eof at character 5"},
		{Expect{JSON: []ExpectJSON{{"", ""}}}, "json: expected a JSON path such as $.items[0].id: unexpected end of input at character 1"},
		{Expect{JSON: []ExpectJSON{{"$.a", "ok"}}}, `json: expected the value of $.a as JSON, found "ok"`},
		{Expect{MinSize: -1}, "size: min: expected at least 0, found -1"},
		{Expect{MaxSize: -1}, "size: max: expected at least 0, found -1"},
		{Expect{MinSize: 2, MaxSize: 1}, "size: expected min to be at most max, found 2 above 1 bytes"},
		{Expect{Within: -1}, "within: expected at least 0, found -1ns"},
	} {
		if err := c.expect.Validate().Err(); err == nil || err.Error() != c.want {
			t.Errorf("%+v:\nexpected %s\nfound    %v", c.expect, c.want, err)
		}
	}
}

// A body is read as JSON once, whoever asks for how many paths, and not at all
// for nobody.
func TestJSONIsReadOnce(t *testing.T) {
	r := &Answer{Status: 200, Body: []byte(`{"a":1}`)}
	plain, _ := New(Expect{Body: "a"})
	if kind, _ := plain.Judge(r, 0, plainly); kind != "" || r.doc != nil {
		t.Errorf("nobody asked for JSON, but it was read (%s)", kind)
	}
	one, _ := New(Expect{JSON: []ExpectJSON{{"$.a", "1"}}})
	if kind, detail := one.Judge(r, 0, plainly); kind != "" || r.doc != nil {
		t.Errorf("a straight path needs no tree (%s)", detail)
	}
	many, _ := New(Expect{JSON: []ExpectJSON{{"$.*", "1"}, {"$..a", ""}}})
	if kind, detail := many.Judge(r, 0, plainly); kind != "" || r.doc == nil {
		t.Fatal(detail)
	}
	first := r.doc
	if _, err := mustCapture(t, Capture{Name: "a", JSON: "$.*"}).Take(r); err != nil || r.doc != first {
		t.Errorf("read again (%v)", err)
	}
}

type checkToMeasure struct {
	name   string
	expect Expect
	allocs bool
}

var checksToMeasure = []checkToMeasure{
	{"nothing asked", Expect{}, false},
	{"status", Expect{Status: []int{201, 200}}, false},
	{"header", Expect{Headers: []payload.Field{{Name: "content-type", Value: "application/json"}}}, false},
	{"body", Expect{Body: `"last":true`}, false},
	{"size and within", Expect{MinSize: 10, MaxSize: 10 << 10, Within: time.Second}, false},
	{"regexp", Expect{Matches: `"last":(true|false)`}, false},
	{"one JSON path", Expect{JSON: []ExpectJSON{{"$.items[3].id", "4"}}}, false},
	{"four JSON paths", Expect{JSON: []ExpectJSON{{"$.items[3].id", "4"}, {"$.items[4].sku", `"SKU-5"`}, {"$.last", "true"}, {"$.items", ""}}}, false},
	{"JSON path to many", Expect{JSON: []ExpectJSON{{"$.items[*].id", "9"}}}, true},
}

// prepare gives an answer of about 1 KiB.
func (c checkToMeasure) prepare(tb testing.TB) (*Check, *Answer) {
	tb.Helper()
	ch, err := New(c.expect)
	if err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := 1; i <= 10; i++ {
		fmt.Fprintf(&b, `{"id":%d,"sku":"SKU-%d","name":"a thing of some length","price":12.50,"tags":["new","sale"]},`, i, i)
	}
	b.Truncate(b.Len() - 1)
	b.WriteString(`],"last":true}`)
	return ch, &Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: b.Bytes(), BytesIn: int64(b.Len())}
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range checksToMeasure {
		b.Run(c.name, func(b *testing.B) {
			ch, r := c.prepare(b)
			b.ReportAllocs()
			for b.Loop() {
				r.doc, r.looked = nil, false // as it comes from an engine
				if kind, detail := ch.Judge(r, time.Millisecond, plainly); kind != "" {
					b.Fatal(detail)
				}
			}
		})
	}
}

func TestClip(t *testing.T) {
	s := "aä€😀\xff😀€äa"
	for n := 3; n <= len(s)+1; n++ {
		got := plaintext.Clip(s, n)
		if len(got) > n {
			t.Errorf("%d: %q has %d bytes", n, got, len(got))
		}
		if n > len(s) && got != s {
			t.Errorf("%d: expected all, found %q", n, got)
		}
		if strings.Count(got, "�") > 0 || utf8.ValidString(strings.TrimSuffix(got, "…")) != !strings.Contains(got, "\xff") {
			t.Errorf("%d: a character was cut in two: %q", n, got)
		}
	}
}
