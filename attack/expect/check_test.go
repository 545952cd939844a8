package expect_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack/expect"
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
		expect expect.Expect
		detail string
	}{
		{"header", expect.Expect{Headers: []payload.Field{{Name: "x-key", Value: "k1"}}}, "expected header x-key: <x-key>, found <x-key>"},
		{"part", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "x-key", Contains: "k9", Matches: "^k8"}}},
			`expected a header x-key that contains "<x-key>" and matches <x-key>, found <x-key>`},
		{"no header", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "x-none", Contains: "k9"}}}, "expected header x-none, found none"},
		{"JSON", expect.Expect{JSON: []expect.ExpectJSON{{"$.token", `"k1"`}}}, "expected $.token to be <$.token>, found <$.token>"},
		{"JSON not there", expect.Expect{JSON: []expect.ExpectJSON{{"$.pass", `"k1"`}}}, "expected $.pass to be <$.pass>, found none"},
		{"JSON null", expect.Expect{JSON: []expect.ExpectJSON{{"$.null", `"k1"`}}}, "expected $.null to be <$.null>, found null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := expect.New(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			r := &expect.Answer{Status: 200, Header: http.Header{"X-Key": {"k2"}}, Body: []byte(`{"token":"k2","null":null}`)}
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
	reply := func(status int, body string) expect.Answer {
		return expect.Answer{Status: status, Header: header, Body: []byte(body), BytesIn: int64(len(body))}
	}
	for _, c := range []struct {
		name         string
		expect       expect.Expect
		reply        expect.Answer
		kind, detail string
	}{
		{"any good status", expect.Expect{}, reply(204, ""), "", ""},
		{"a redirect is an answer", expect.Expect{}, reply(302, ""), "", ""},
		{"bad status", expect.Expect{}, reply(503, ""), timeline.KindStatus, "expected status 200 to 399, found 503"},
		{"own status", expect.Expect{Status: []int{401, 403, 404}}, reply(200, ""), timeline.KindStatus, "expected status 401, 403 or 404, found 200"},
		{"own status met", expect.Expect{Status: []int{401, 403}}, reply(403, ""), "", ""},
		{"status comes first", expect.Expect{Body: "x"}, reply(500, ""), timeline.KindStatus, "expected status 200 to 399, found 500"},
		{"body", expect.Expect{Body: "ok"}, reply(200, "all ok"), "", ""},
		{"bad body", expect.Expect{Body: "ok"}, reply(200, "n\xffo"), timeline.KindBody, `expected a body with "ok", found "n�o"`},
		{"empty body", expect.Expect{Body: "ok"}, reply(200, ""), timeline.KindBody, `expected a body with "ok", found an empty one`},
		{"matches", expect.Expect{Matches: "^a+$"}, reply(200, "aaa"), "", ""},
		{"does not match", expect.Expect{Matches: "^a+$"}, reply(200, "aab"), timeline.KindBody, `expected a body that matches ^a+$, found "aab"`},
		{"header", expect.Expect{Headers: []payload.Field{{Name: "content-type", Value: "text/plain"}, {Name: "X-Long", Value: ""}}}, reply(200, ""), "", ""},
		{"no header", expect.Expect{Headers: []payload.Field{{Name: "X-No", Value: ""}}}, reply(200, ""), timeline.KindHeader, "expected header X-No, found none"},
		{"other header", expect.Expect{Headers: []payload.Field{{Name: "Content-Type", Value: "a/b"}}}, reply(200, ""), timeline.KindHeader, "expected header Content-Type: a/b, found text/plain"},
		{"class", expect.Expect{Status: []int{2, 404}}, reply(299, ""), "", ""},
		{"class or status", expect.Expect{Status: []int{2, 404}}, reply(404, ""), "", ""},
		{"neither", expect.Expect{Status: []int{2, 404}}, reply(302, ""), timeline.KindStatus, "expected status 2xx or 404, found 302"},
		{"one of several lines", expect.Expect{Headers: []payload.Field{{Name: "x-two", Value: "b"}}}, reply(200, ""), "", ""},
		{"none of several lines", expect.Expect{Headers: []payload.Field{{Name: "x-two", Value: "c"}}}, reply(200, ""), timeline.KindHeader, "expected header x-two: c, found a"},
		{"part of a header", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "content-type", Contains: "plain"}, {Name: "X-Two", Matches: "^b$"}}}, reply(200, ""), "", ""},
		{"other part", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "Content-Type", Contains: "json"}}}, reply(200, ""), timeline.KindHeader,
			`expected a header Content-Type that contains "json", found text/plain`},
		{"both parts", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "Content-Type", Contains: "plain", Matches: "^application/"}}}, reply(200, ""), timeline.KindHeader,
			`expected a header Content-Type that contains "plain" and matches ^application/, found text/plain`},
		{"part of none", expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "X-No", Contains: "a"}}}, reply(200, ""), timeline.KindHeader, "expected header X-No, found none"},
		{"empty header", expect.Expect{Headers: []payload.Field{{Name: "X-Empty", Value: ""}}}, reply(200, ""), timeline.KindHeader, "expected header X-Empty, found none"},

		{"size", expect.Expect{MinSize: 3, MaxSize: 3}, reply(200, "abc"), "", ""},
		{"too short", expect.Expect{MinSize: 3}, reply(200, "ab"), timeline.KindSize, "expected a body of at least 3 bytes, found 2"},
		{"too long", expect.Expect{MaxSize: 3}, reply(200, "abcd"), timeline.KindSize, "expected a body of at most 3 bytes, found 4"},
		{"not between", expect.Expect{MinSize: 2, MaxSize: 3}, reply(200, ""), timeline.KindSize, "expected a body of 2 to 3 bytes, found 0"},
		{"size without the body", expect.Expect{MinSize: 1 << 30}, expect.Answer{Status: 200, BytesIn: 1 << 30}, "", ""},

		{"json", expect.Expect{JSON: []expect.ExpectJSON{{"$.status", `"ok"`}, {"$.items[0].id", "7"}, {"$.items", ""}}}, reply(200, `{"status":"ok","items":[{"id":7.0}]}`), "", ""},
		{"json not there", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", ""}}}, reply(200, `{"di":1}`), timeline.KindJSON, "expected $.id, found none"},
		{"json value not there", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", "1"}}}, reply(200, `[]`), timeline.KindJSON, "expected $.id to be 1, found none"},
		{"json other value", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", `"<1>"`}}}, reply(200, `{"id":1}`), timeline.KindJSON, `expected $.id to be "<1>", found 1`},
		{"json null is a value", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", "null"}, {"$.id", ""}}}, reply(200, `{"id":null}`), "", ""},
		{"json null is no other", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", "null"}}}, reply(200, `{"id":false}`), timeline.KindJSON, "expected $.id to be null, found false"},
		{"json one of several", expect.Expect{JSON: []expect.ExpectJSON{{"$[*].id", "2"}}}, reply(200, `[{"id":1},{"id":2}]`), "", ""},
		{"json none of several", expect.Expect{JSON: []expect.ExpectJSON{{"$[*].id", "3"}}}, reply(200, `[{"id":1},{"id":2},{}]`), timeline.KindJSON, "expected $[*].id to be 3, found 1 and 1 more"},
		{"json whole", expect.Expect{JSON: []expect.ExpectJSON{{"$", `{"a":[1,{}],"b":""}`}}}, reply(200, ` {"b":"", "a":[1,{}]} `), "", ""},
		{"json long number", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", "12345678901234567890"}}}, reply(200, `{"id":12345678901234567891}`), timeline.KindJSON, "expected $.id to be 12345678901234567890, found 12345678901234567891"},
		{"no json", expect.Expect{JSON: []expect.ExpectJSON{{"$.id", ""}}}, reply(200, `<html>`), timeline.KindJSON, `expected JSON, found "<html>"`},
		{"json and more", expect.Expect{JSON: []expect.ExpectJSON{{"$", ""}}}, reply(200, `1 2`), timeline.KindJSON, `expected JSON, found "1 2"`},
		{"json, empty", expect.Expect{JSON: []expect.ExpectJSON{{"$", ""}}}, reply(200, ``), timeline.KindJSON, "expected JSON, found an empty one"},
		{"json of a stranger", expect.Expect{JSON: []expect.ExpectJSON{{"$[?match(@.a, @.b)]", ""}}}, reply(200, `[{"a":"x"}]`), timeline.KindJSON, "$[?match(@.a, @.b)] cannot be told of this answer"},
		{"json cut off", expect.Expect{JSON: []expect.ExpectJSON{{"$", ""}}}, expect.Answer{Status: 200, Body: []byte("[1"), BytesIn: expect.MaxBody + 1}, timeline.KindJSON, `expected JSON, found "[1" (only the first 1048576 bytes are looked at)`},
		{"body before json", expect.Expect{Body: "x", JSON: []expect.ExpectJSON{{"$", ""}}}, reply(200, ``), timeline.KindBody, `expected a body with "x", found an empty one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := expect.New(c.expect)
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
	ch, err := expect.New(expect.Expect{Within: 300 * time.Millisecond})
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
		kind, detail := ch.Judge(&expect.Answer{Status: c.status}, c.response, plainly)
		if kind != c.kind || c.kind == timeline.KindSlow && detail != "expected an answer within 300ms" {
			t.Errorf("%d after %s: expected %q, found %q: %s", c.status, c.response, c.kind, kind, detail)
		}
	}
	// Details are counted by their text: it does not differ from answer to answer.
	_, one := ch.Judge(&expect.Answer{Status: 200}, time.Second, plainly)
	if _, other := ch.Judge(&expect.Answer{Status: 200}, time.Minute, plainly); one != other {
		t.Errorf("expected one text, found %q and %q", one, other)
	}
}

func TestExpectRefuses(t *testing.T) {
	for _, c := range []struct {
		expect expect.Expect
		want   string
	}{
		{expect.Expect{Status: []int{6}}, "status: expected 100 to 599, or 1 to 5 for a class, found 6"},
		{expect.Expect{Matches: "a(b"}, "matches: expected a regular expression: missing closing ): `a(b`"},
		{expect.Expect{Headers: []payload.Field{{Name: "", Value: "x"}}}, "headers: expected a name, found none"},
		{expect.Expect{HeaderParts: []expect.HeaderPart{{Name: "X", Matches: "("}}}, "headers: X: matches: expected a regular expression: missing closing ): `(`"},
		{expect.Expect{JSON: []expect.ExpectJSON{{"$.a.", ""}}}, "json: expected a JSON path such as $.items[0].id: unexpected eof at character 5"},
		{expect.Expect{JSON: []expect.ExpectJSON{{"", ""}}}, "json: expected a JSON path such as $.items[0].id: unexpected end of input at character 1"},
		{expect.Expect{JSON: []expect.ExpectJSON{{"$.a", "ok"}}}, `json: expected the value of $.a as JSON, found "ok"`},
		{expect.Expect{MinSize: -1}, "size: min: expected at least 0, found -1"},
		{expect.Expect{MaxSize: -1}, "size: max: expected at least 0, found -1"},
		{expect.Expect{MinSize: 2, MaxSize: 1}, "size: expected min to be at most max, found 2B above 1B"},
		{expect.Expect{Within: -1}, "within: expected at least 0, found -1ns"},
	} {
		if err := c.expect.Validate().Err(); err == nil || err.Error() != c.want {
			t.Errorf("%+v:\nexpected %s\nfound    %v", c.expect, c.want, err)
		}
	}
}

type checkToMeasure struct {
	name   string
	expect expect.Expect
	allocs bool
}

var checksToMeasure = []checkToMeasure{
	{"nothing asked", expect.Expect{}, false},
	{"status", expect.Expect{Status: []int{201, 200}}, false},
	{"header", expect.Expect{Headers: []payload.Field{{Name: "content-type", Value: "application/json"}}}, false},
	{"body", expect.Expect{Body: `"last":true`}, false},
	{"size and within", expect.Expect{MinSize: 10, MaxSize: 10 << 10, Within: time.Second}, false},
	{"regexp", expect.Expect{Matches: `"last":(true|false)`}, false},
	{"one JSON path", expect.Expect{JSON: []expect.ExpectJSON{{"$.items[3].id", "4"}}}, false},
	{"four JSON paths", expect.Expect{JSON: []expect.ExpectJSON{{"$.items[3].id", "4"}, {"$.items[4].sku", `"SKU-5"`}, {"$.last", "true"}, {"$.items", ""}}}, false},
	{"JSON path to many", expect.Expect{JSON: []expect.ExpectJSON{{"$.items[*].id", "9"}}}, true},
}

// prepare gives an answer of about 1 KiB.
func (c checkToMeasure) prepare(tb testing.TB) (*expect.Check, *expect.Answer) {
	tb.Helper()
	ch, err := expect.New(c.expect)
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
	return ch, &expect.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: b.Bytes(), BytesIn: int64(b.Len())}
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range checksToMeasure {
		b.Run(c.name, func(b *testing.B) {
			ch, r := c.prepare(b)
			unseen := *r
			b.ReportAllocs()
			for b.Loop() {
				*r = unseen // it keeps what it is asked for
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
