package expect_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestCapture(t *testing.T) {
	reply := func(body string) *expect.Answer {
		return &expect.Answer{Status: 200, Body: []byte(body), BytesIn: int64(len(body)), Header: http.Header{"Location": {"/orders/7", "/orders/8"}, "X-Empty": {""}}}
	}
	for _, c := range []struct {
		name    string
		capture expect.Capture
		body    string
		want    string // or what the error says
		fails   bool
	}{
		{"text", expect.Capture{JSON: "$.token"}, `{"token":"a\"b"}`, `a"b`, false},
		{"number as it stands", expect.Capture{JSON: "$.id"}, `{"id":12345678901234567890}`, "12345678901234567890", false},
		{"number with a fraction", expect.Capture{JSON: "$.id"}, `{"id":1.50}`, "1.50", false},
		{"truth", expect.Capture{JSON: "$.ok"}, `{"ok":true}`, "true", false},
		{"list", expect.Capture{JSON: "$.ids"}, `{"ids": [1, "<2>"]}`, `[1,"<2>"]`, false},
		{"mapping", expect.Capture{JSON: "$.a"}, `{"a": {"y": 1, "x": null}}`, `{"x":null,"y":1}`, false},
		{"first of several", expect.Capture{JSON: "$.items[*].id"}, `{"items":[{"id":3},{"id":1}]}`, "3", false},
		{"last", expect.Capture{JSON: "$.items[-1].id"}, `{"items":[{"id":3},{"id":1}]}`, "1", false},
		{"backwards", expect.Capture{JSON: "$.items[::-1].id"}, `{"items":[{"id":3},{"id":1}]}`, "1", false},
		{"filter", expect.Capture{JSON: `$.items[?@.stock > 0].id`}, `{"items":[{"id":3,"stock":0},{"id":1,"stock":2}]}`, "1", false},
		{"members have an order", expect.Capture{JSON: "$.*"}, `{"z":26,"b":2,"a":1,"y":25,"x":24}`, "1", false},
		{"none", expect.Capture{JSON: "$.token"}, `{}`, "capture v: expected $.token, found none", true},
		{"null", expect.Capture{JSON: "$.token"}, `{"token":null}`, "capture v: expected $.token, found null", true},
		{"empty text", expect.Capture{JSON: "$.token"}, `{"token":""}`, "capture v: found an empty one", true},
		{"no JSON", expect.Capture{JSON: "$.token"}, `<html>`, `capture v: expected JSON, found "<html>"`, true},
		{"two values", expect.Capture{JSON: "$.token"}, `{"token":"x"} 1`, "capture v: expected JSON, found `{\"token\":\"x\"} 1`", true},
		{"what the library panics over", expect.Capture{JSON: "$[?match(@.a, @.b)]"}, `[{"a":"x"}]`, "capture v: $[?match(@.a, @.b)] cannot be told of this answer", true},

		{"header", expect.Capture{Header: "location"}, "", "/orders/7", false},
		{"no header", expect.Capture{Header: "X-No"}, "", "capture v: expected header X-No, found none", true},
		{"empty header", expect.Capture{Header: "X-Empty"}, "", "capture v: found an empty one", true},

		{"first group", expect.Capture{Matches: `name="csrf" value="(\w+)(\w)"`}, `<input name="csrf" value="abc">`, "ab", false},
		{"whole match", expect.Capture{Matches: `[0-9]+`}, `order 17`, "17", false},
		{"not UTF-8", expect.Capture{Matches: `o.*`}, "o\xff", "o�", false},
		{"no match", expect.Capture{Matches: `[0-9]+`}, `order`, `capture v: expected a body that matches [0-9]+, found "order"`, true},
		{"group not in the match", expect.Capture{Matches: `a|(b)`}, `a`, "capture v: expected the first group of a|(b), found none", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.capture.Name = "v"
			for range 20 { // maps have an order of their own each time
				got, err := mustCapture(t, c.capture).Take(reply(c.body))
				if err != nil {
					got = err.Error()
				}
				if got != c.want || (err != nil) != c.fails {
					t.Fatalf("expected %q, found %q (%v)", c.want, got, err)
				}
			}
		})
	}
}

func mustCapture(t *testing.T, c expect.Capture) *expect.Taker {
	t.Helper()
	out, err := expect.NewTaker(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCaptureWants(t *testing.T) {
	for _, c := range []struct {
		capture      expect.Capture
		body, header bool
	}{
		{expect.Capture{JSON: "$"}, true, false},
		{expect.Capture{Matches: "x"}, true, false},
		{expect.Capture{Header: "x"}, false, true},
	} {
		c.capture.Name = "v"
		if k := mustCapture(t, c.capture); k.WantsBody() != c.body || k.WantsHeader() != c.header {
			t.Errorf("%+v: wants body %t, header %t", c.capture, k.WantsBody(), k.WantsHeader())
		}
	}
}

func TestCaptureRefuses(t *testing.T) {
	for _, c := range []struct {
		capture expect.Capture
		want    string
		offset  int // of what is wrong in the path; -1: not in a path
	}{
		{expect.Capture{JSON: "$"}, `name: expected letters, digits and underscores, as templates say {{ .NAME }}, found ""`, -1},
		{expect.Capture{Name: "a-b", JSON: "$"}, `name: expected letters, digits and underscores, as templates say {{ .NAME }}, found "a-b"`, -1},
		{expect.Capture{Name: "a"}, "expected one of json, header and matches, found none", -1},
		{expect.Capture{Name: "a", JSON: "$", Header: "x"}, "expected one of json, header and matches, found two", -1},
		{expect.Capture{Name: "a", JSON: "$.x["}, "json: expected a JSON path such as $.items[0].id: unexpected eof at character 5", 4},
		{expect.Capture{Name: "a", JSON: "$.ä[!]"}, "json: expected a JSON path such as $.items[0].id: unexpected '!' at character 5", 5},
		{expect.Capture{Name: "a", JSON: "token"}, "json: expected a JSON path such as $.items[0].id: unexpected identifier at character 1", 0},
		{expect.Capture{Name: "a", JSON: "$[?nope(@)]"}, "json: expected a JSON path such as $.items[0].id: unknown function nope() at character 4", 3},
		{expect.Capture{Name: "a", Header: "x y"}, `header: expected a header name such as Accept, found "x y"`, -1},
		{expect.Capture{Name: "a", Matches: "("}, "matches: expected a regular expression: missing closing ): `(`", -1},
	} {
		wrong := c.capture.Validate()
		if len(wrong) != 1 || wrong[0].Error() != c.want {
			t.Errorf("%+v:\nexpected %s\nfound    %v", c.capture, c.want, wrong)
			continue
		}
		at := -1
		if wrong[0].Len > 0 {
			at = wrong[0].Offset
		}
		if at != c.offset {
			t.Errorf("%s: expected offset %d, found %d", c.want, c.offset, at)
		}
	}
}

// What an answer holds is a stranger's, and goes into reports.
func TestCaptureErrorIsBounded(t *testing.T) {
	long := strings.Repeat("s3cr3t", 100)
	for _, c := range []expect.Capture{{Name: long, JSON: "$." + long}, {Name: "a", Matches: long + "x"}, {Name: "a", Header: long}} {
		_, err := mustCapture(t, c).Take(&expect.Answer{Body: []byte(`["` + long + `"]`)})
		if err == nil || len(err.Error()) > timeline.MaxDetail {
			t.Errorf("expected at most %d bytes, found %v", timeline.MaxDetail, err)
		}
	}
}
