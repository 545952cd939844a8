package fast_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Whatever an answer is packed with, checks and captures see what it says, and its
// size stays that on the wire, with every engine.
func TestPackedAnswers(t *testing.T) {
	plain := []byte(`{"name":"zip","n":7,"pad":"` + strings.Repeat("a", 3000) + `"}`)
	type answer struct {
		encoding string
		body     []byte
	}
	answers := map[string]answer{
		"plain":     {"", plain},
		"identity":  {"identity", plain},
		"gzip":      {"gzip", attacktest.Pack(t, "gzip", plain)},
		"x-gzip":    {"x-gzip", attacktest.Pack(t, "gzip", plain)},
		"GZIP":      {"GZIP", attacktest.Pack(t, "gzip", plain)},
		"members":   {"gzip", append(attacktest.Pack(t, "gzip", plain[:9]), attacktest.Pack(t, "gzip", plain[9:])...)},
		"followed":  {"gzip", append(attacktest.Pack(t, "gzip", plain), "\x00\x00 and more"...)},
		"deflate":   {"deflate", attacktest.Pack(t, "deflate", plain)},
		"raw":       {"deflate", attacktest.Pack(t, "raw deflate", plain)},
		"br":        {"br", attacktest.Pack(t, "br", plain)},
		"zstd":      {"zstd", attacktest.Pack(t, "zstd", plain)},
		"two":       {"br, gzip", attacktest.Pack(t, "gzip", attacktest.Pack(t, "br", plain))},
		"two-lines": {"zstd,identity", attacktest.Pack(t, "zstd", plain)},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[strings.TrimPrefix(r.URL.Path, "/")]
		if a.encoding != "" {
			w.Header().Set("Content-Encoding", a.encoding)
		}
		_, _ = w.Write(a.body)
	}))
	defer srv.Close()
	ch, err := expect.New(expect.Expect{Body: `"zip"`, Matches: `^\{.*\}$`, JSON: []expect.ExpectJSON{{Path: "$.n", Value: "7"}, {Path: "$..n", Value: "7"}}})
	if err != nil {
		t.Fatal(err)
	}
	take, err := expect.NewTaker(expect.Capture{Name: "n", JSON: "$.n"})
	if err != nil {
		t.Fatal(err)
	}
	find, err := expect.NewTaker(expect.Capture{Name: "m", Matches: `"name":"(\w+)"`})
	if err != nil {
		t.Fatal(err)
	}
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		for name, a := range answers {
			for range 2 { // a reader is used again
				call := &httpx.Call{Method: "GET", URL: srv.URL + "/" + name, Header: []payload.Field{{Name: "Accept-Encoding", Value: "gzip, deflate, br, zstd"}}, WantBody: true}
				r := e.Send(t.Context(), call)
				if kind, detail := judge(ch, &r, time.Millisecond); kind != "" {
					t.Errorf("%s: %s: %s", name, kind, detail)
				}
				if v, err := take.Take(&r.Answer); v != "7" {
					t.Errorf("%s: captured %q, %v", name, v, err)
				}
				if v, err := find.Take(&r.Answer); v != "zip" {
					t.Errorf("%s: captured %q, %v", name, v, err)
				}
				if r.BytesIn != int64(len(a.body)) {
					t.Errorf("%s: expected %d bytes as on the wire, found %d", name, len(a.body), r.BytesIn)
				}
			}
			// A capture alone, without a check before it.
			r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: srv.URL + "/" + name, WantBody: true})
			if v, err := take.Take(&r.Answer); v != "7" {
				t.Errorf("%s: captured %q, %v", name, v, err)
			}
		}
	})
}

func TestPackedWrongly(t *testing.T) {
	plain := []byte(`{"n":7,"pad":"` + strings.Repeat("abcdefgh", 500) + `"}`)
	bomb := bytes.Repeat([]byte("ab"), 16<<20)
	for _, c := range []struct {
		name, encoding string
		body           []byte
		expect         expect.Expect
		kind, detail   string
	}{
		{"not packed at all", "gzip", plain, expect.Expect{JSON: []expect.ExpectJSON{{Path: "$.n", Value: "7"}}}, timeline.KindJSON, "expected a body in gzip as its Content-Encoding says, found one that cannot be unpacked: "},
		{"cut off", "gzip", attacktest.Pack(t, "gzip", plain)[:40], expect.Expect{Body: "n"}, timeline.KindBody, "cannot be unpacked: unexpected EOF"},
		{"spoilt", "br", append([]byte("\x8b\x02\x80"), "xxxxxxxxxx"...), expect.Expect{Matches: "n"}, timeline.KindBody, "a body in br"},
		{"spoilt zstd", "zstd", []byte("xxxxxxxx"), expect.Expect{Body: "n"}, timeline.KindBody, "a body in zstd"},
		{"spoilt deflate", "deflate", []byte("\xff\xff\xff"), expect.Expect{Body: "n"}, timeline.KindBody, "a body in deflate"},
		{"unknown", "compress", plain, expect.Expect{Body: "n"}, timeline.KindBody, "found one with Content-Encoding: compress (known are gzip, deflate, br and zstd)"},
		{"unknown among known", "compress, gzip", attacktest.Pack(t, "gzip", plain), expect.Expect{Body: "n"}, timeline.KindBody, "Content-Encoding: compress"},
		{"nobody looks", "compress", plain, expect.Expect{}, "", ""},
		{"empty", "gzip", nil, expect.Expect{MaxSize: 1}, "", ""},
		{"empty, looked at", "gzip", nil, expect.Expect{Body: "x"}, timeline.KindBody, "found an empty one"},
		{"another", "gzip", attacktest.Pack(t, "gzip", []byte("hello")), expect.Expect{Body: "bye"}, timeline.KindBody, `expected a body with "bye", found "hello"`},
		{"a bomb of gzip", "gzip", attacktest.Pack(t, "gzip", bomb), expect.Expect{Body: "x"}, timeline.KindBody, "(only the first 1048576 bytes are looked at)"},
		{"a bomb of zstd", "zstd", attacktest.Pack(t, "zstd", bomb), expect.Expect{Body: "x"}, timeline.KindBody, "(only the first 1048576 bytes are looked at)"},
		{"a bomb of br", "br", attacktest.Pack(t, "br", bomb), expect.Expect{Body: "x"}, timeline.KindBody, "(only the first 1048576 bytes are looked at)"},
		{"a bomb in a bomb", "gzip, gzip", attacktest.Pack(t, "gzip", attacktest.Pack(t, "gzip", bomb)), expect.Expect{Body: "x"}, timeline.KindBody, "(only the first 1048576 bytes are looked at)"},
		{"size is that on the wire", "gzip", attacktest.Pack(t, "gzip", bomb[:1<<20]), expect.Expect{MaxSize: 4 << 10, Matches: `^(ab)+$`}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := expect.New(c.expect)
			if err != nil {
				t.Fatal(err)
			}
			r := httpx.Reply{Answer: expect.Answer{Status: 200, Body: c.body, BytesIn: int64(len(c.body)), Encoding: c.encoding}}
			kind, detail := judge(ch, &r, time.Millisecond)
			if kind != c.kind || !strings.Contains(detail, c.detail) {
				t.Errorf("expected %s: %q, found %s: %q", c.kind, c.detail, kind, detail)
			}
			if len(r.Body) > expect.MaxBody {
				t.Errorf("%d bytes were unpacked", len(r.Body))
			}
		})
	}
}

// What a sample shows of an error is what the answer says.
func TestPackedSample(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(attacktest.Pack(t, "gzip", []byte("the disk is full")))
	}))
	defer srv.Close()
	for _, k := range engines() {
		p := attacktest.HoldPlan(50, 100*time.Millisecond, time.Second, 5)
		p.Engine, p.Requests[0].Spec.(*httpx.Request).URL = k.Name, srv.URL
		c := runOwn(t, p)
		found := ""
		for _, r := range c.Of(attack.Done) {
			if r.Sample != nil {
				found = fmt.Sprintf("%d %s", r.Code, r.Sample.Body)
			}
		}
		if want := "500 the disk is full"; found != want {
			t.Errorf("%s: expected %q, found %q", k.Name, want, found)
		}
	}
}
