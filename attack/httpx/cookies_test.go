package httpx_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// cookiesSent is what goes out as Cookie headers with a call, joined by " | ".
func cookiesSent(c *httpx.Call) string {
	var lines []string
	for name, values := range c.FullHeader() {
		if strings.EqualFold(name, "Cookie") {
			lines = append(lines, values...)
		}
	}
	return strings.Join(lines, " | ")
}

func TestCookies(t *testing.T) {
	type step struct {
		url    string
		header []payload.Field // of the request
		want   string          // Cookie lines that go out, joined by " | "
		set    []string        // of the answer
	}
	const day = "; Expires=Wed, 01-Jan-2098 00:00:00 GMT"
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"sent back", []step{
			{url: "http://h/login", set: []string{"a=1", "b=2; Path=/"}},
			{url: "http://h/next", want: "a=1; b=2"},
		}},
		{"below their path", []step{
			{url: "http://h/shop/login", set: []string{"a=1"}},
			{url: "http://h/shop/cart", want: "a=1"},
			{url: "http://h/shop", want: "a=1"},
			{url: "http://h/shopping"},
			{url: "http://h/other"},
		}},
		{"a path that ends with a slash", []step{
			{url: "http://h/", set: []string{"a=1; Path=/x/"}},
			{url: "http://h/x/y?z", want: "a=1"},
			{url: "http://h/x"},
		}},
		{"no path at all", []step{
			{url: "http://h", set: []string{"a=1", `b=2; Path="/"`, "c=3; path=x"}},
			{url: "http://h?q=/a", want: "a=1; b=2; c=3"},
		}},
		{"longer paths first, then older ones", []step{
			{url: "http://h/me/now", set: []string{"a=1; Path=/", "b=2; Path=/me", "c=3; Path=/", "d=4; Path=/me/now"}},
			{url: "http://h/me/now", want: "d=4; b=2; a=1; c=3", set: []string{"a=5; Path=/"}},
			{url: "http://h/me/now", want: "d=4; b=2; a=5; c=3"},
		}},
		{"of their host", []step{
			{url: "http://h/", set: []string{"a=1"}},
			{url: "http://other/"},
			{url: "http://x.h/"},
			{url: "http://H:81/", want: "a=1"},
		}},
		{"of a domain", []step{
			{url: "http://a.shop.test/", set: []string{"a=1; Domain=shop.test", "b=2; Domain=.Shop.Test", "c=3; domain=a.shop.test", "d=4; Domain="}},
			{url: "http://b.shop.test/", want: "a=1; b=2"},
			{url: "http://x.a.shop.test/", want: "a=1; b=2; c=3"},
			{url: "http://shop.test/", want: "a=1; b=2"},
			{url: "http://ashop.test/"},
		}},
		{"of somebody else's domain", []step{
			{url: "http://a.example.co.uk/", set: []string{"a=1; Domain=other.co.uk", "b=2; Domain=co.uk", "c=3; Domain=uk", "d=4; Domain=b.example.co.uk"}},
			{url: "http://a.example.co.uk/"},
			{url: "http://other.co.uk/"},
		}},
		{"of the domain of one whose name is a suffix", []step{
			{url: "http://localhost/", set: []string{"a=1; Domain=localhost"}},
			{url: "http://localhost:8080/", want: "a=1"},
			{url: "http://x.localhost/"},
		}},
		{"of an address", []step{
			{url: "http://127.0.0.1:80/", set: []string{"a=1; Domain=127.0.0.1", "b=2; Domain=0.0.1", "c=3; Domain=localhost"}},
			{url: "http://127.0.0.1/", want: "a=1"},
			{url: "http://[::1]:80/x", set: []string{"d=1; Domain=::1", "e=2"}},
			{url: "http://[::1]/", want: "d=1; e=2"},
		}},
		{"of the host that a header names", []step{
			{url: "http://127.0.0.1/", header: []payload.Field{{Name: "host", Value: "eu.shop.test"}}, set: []string{"a=1; Domain=shop.test"}},
			{url: "http://127.0.0.1/", header: []payload.Field{{Name: "Host", Value: "us.shop.test:80"}}, want: "a=1"},
			{url: "http://127.0.0.1/"},
		}},
		{"over TLS only", []step{
			{url: "https://h/", set: []string{"a=1; Secure", "__Secure-b=2; Secure", "__Host-c=3; Secure; Path=/"}},
			{url: "http://h/", set: []string{"d=1; Secure"}},
			{url: "https://h/", want: "a=1; __Secure-b=2; __Host-c=3"},
		}},
		{"without TLS on this machine, as browsers and curl", []step{
			{url: "http://127.0.0.1/", set: []string{"a=1; Secure"}},
			{url: "http://127.0.0.1/", want: "a=1"},
			{url: "http://app.localhost/", set: []string{"b=1; secure"}},
			{url: "http://app.localhost/", want: "b=1"},
		}},
		{"names that promise what is not so", []step{
			{url: "https://h/", set: []string{"__Secure-a=1", "__Host-b=2; Secure", "__Host-c=3; Secure; Path=/; Domain=h"}},
			{url: "https://h/"},
		}},
		{"changed and taken back", []step{
			{url: "http://h/", set: []string{"a=1", "b=1", "c=1", "d=1"}},
			{url: "http://h/", want: "a=1; b=1; c=1; d=1", set: []string{"a=2", "b=; Max-Age=0", "c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "d=; Max-Age=-1" + day}},
			{url: "http://h/", want: "a=2"},
		}},
		{"of the same name on another path is another", []step{
			{url: "http://h/x/y", set: []string{"a=1; Path=/x", "a=2; Path=/", "a=; Path=/x; Max-Age=0"}},
			{url: "http://h/x/y", want: "a=2"},
		}},
		{"for a while", []step{
			{url: "http://h/", set: []string{"a=1; Max-Age=3600", `b=1; Max-Age="3600"`, "c=1" + day, "d=1; Expires=sometime", "e=1; Max-Age=99999999999999999999",
				"f=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "g=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"}},
			{url: "http://h/", want: "a=1; b=1; c=1; d=1; e=1; f=1; g=1"},
		}},
		{"beside the request's own", []step{
			{url: "http://h/", header: []payload.Field{{Name: "cookie", Value: "own=1;"}}, want: "own=1;", set: []string{"a=1"}},
			{url: "http://h/", header: []payload.Field{{Name: "X-A", Value: "x"}, {Name: "cookie", Value: "own=1; "}}, want: "own=1; a=1"},
			{url: "http://h/", header: []payload.Field{{Name: "Cookie", Value: "own=1"}}, want: "own=1; a=1"},
			{url: "http://h/", header: []payload.Field{{Name: "Cookie", Value: ""}}, want: "a=1"},
		}},
		{"nonsense", []step{
			{url: "http://h/", set: []string{"", "=", "=1", "novalue", "novalue; Path=/", "; a=1", "a=\x001", "a\x7f=1", "a=" + strings.Repeat("x", httpx.MaxCookie)}},
			{url: "http://h/"},
		}},
		{"as they came", []step{
			{url: "http://h/", set: []string{`q="x y"`, "comma=2543ebb4,Fy4oMd; Path=/", "space=John Doe", `prefs={"theme":"dark","n":1}`, "utf8=Zoë", "latin=Zo\xeb", `back=a\b`, "cart[0]=x",
				"user@x=1", "pct=a%20b%3D", "tok=a=b==", "flag=", "a b=1", "  blank =\t x  ; Path=/", `half="x`, "tab=a\tb"}},
			{url: "http://h/", want: `q="x y"; comma=2543ebb4,Fy4oMd; space=John Doe; prefs={"theme":"dark","n":1}; utf8=Zoë; latin=Zo` + "\xeb" + `; back=a\b; cart[0]=x; user@x=1; ` +
				`pct=a%20b%3D; tok=a=b==; flag=; a b=1; blank=x; half="x; tab=a` + "\tb"},
		}},
		{"what else stands beside", []step{
			{url: "http://h/", set: []string{"a=1; SameSite=None; Partitioned; Priority=High; HttpOnly; ; x", "b=2; HTTPONLY;path=/;;"}},
			{url: "http://h/", want: "a=1; b=2"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := httpx.NewJar()
			for i, s := range c.steps {
				call := &httpx.Call{URL: s.url, Header: s.header}
				call.Carry(k)
				if got := cookiesSent(call); got != s.want {
					t.Errorf("step %d: expected %q, found %q", i, s.want, got)
				}
				k.Keep(httpx.SiteOf(call), s.set)
			}
		})
	}
}

func TestCookiesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := httpx.NewJar()
		h := httpx.NewSite(false, "h", "/")
		k.Keep(h, []string{"a=1; Max-Age=10", "b=2", "c=3; Expires=" + time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat)})
		for _, want := range []string{"a=1; b=2; c=3", "b=2; c=3", "b=2"} {
			if got := string(k.Append(nil, h)); got != want {
				t.Errorf("expected %q, found %q", want, got)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// A server that sets ever new cookies does not fill the memory.
func TestCookiesAreBounded(t *testing.T) {
	k := httpx.NewJar()
	const paths = 7
	path := func(i int) string { return "/" + strings.Repeat("x", i%paths) }
	for i := range 2 * httpx.MaxCookies {
		k.Keep(httpx.NewSite(false, "h", "/"), []string{fmt.Sprintf("c%d=1; Path=%s", i, path(i))})
	}
	kept := make(map[int]bool)
	for i := range paths {
		for c := range strings.SplitSeq(string(k.Append(nil, httpx.NewSite(false, "h", path(i)))), "; ") {
			var n int
			if _, err := fmt.Sscanf(c, "c%d=1", &n); err != nil {
				t.Fatalf("%q: %v", c, err)
			}
			kept[n] = true
		}
	}
	for n := range kept {
		if n < httpx.MaxCookies {
			t.Errorf("cookie %d is kept, and is none of the %d newest", n, httpx.MaxCookies)
		}
	}
	if len(kept) != httpx.MaxCookies {
		t.Errorf("expected the %d newest, found %d", httpx.MaxCookies, len(kept))
	}
}

func TestCookieDates(t *testing.T) {
	want := time.Date(2098, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, s := range []string{
		"Thu, 02 Jan 2098 03:04:05 GMT", "Thu, 02-Jan-2098 03:04:05 GMT", "Thursday, 02-Jan-98 03:04:05 GMT", "Thu Jan  2 03:04:05 2098", "2 January 2098 3:4:5",
		"02-jan-2098 03:04:05", "Thu, 02 Jan 2098 03:04:05 +0000 (UTC)", "03:04:05 2098 2 Jan", "2098 Jan 2nd 03:04:05x",
	} {
		got, ok := httpx.ParseCookieDate(s)
		if strings.Contains(s, "-98") {
			got = got.AddDate(100, 0, 0) // years from 70 on are of the last century
		}
		if !ok || !got.Equal(want) {
			t.Errorf("%s: expected %s, found %s, %v", s, want, got, ok)
		}
	}
	for _, s := range []string{"", "sometime", "0", "Thu, 02 Jan 2098", "02 Jan 03:04:05", "Thu, 31 Feb 2098 03:04:05 GMT", "Thu, 02 Jan 1600 03:04:05 GMT", "Thu, 02 Jan 2098 24:04:05 GMT",
		"Thu, 02 Jan 2098 3:4", "32 Jan 2098 03:04:05", "2 Foo 2098 03:04:05"} {
		if got, ok := httpx.ParseCookieDate(s); ok {
			t.Errorf("%q: expected none, found %s", s, got)
		}
	}
	if got, ok := httpx.ParseCookieDate("Thu, 02 Jan 38 03:04:05"); !ok || got.Year() != 2038 {
		t.Errorf("expected 2038, found %v", got)
	}
}

// FuzzCookies holds names and values against what came, and the choice of cookies
// against net/http's jar where that takes the cookie as it is.
func FuzzCookies(f *testing.F) {
	f.Add("a=1; Path=/x; Domain=shop.test; Secure; Max-Age=5", "http://a.shop.test/x/y", "https://shop.test/x")
	f.Add(`a="b c"; Expires=Wed, 01-Jan-2098 00:00:00 GMT`, "http://127.0.0.1:80/", "http://127.0.0.1/x?y")
	f.Add("a=1; Domain=com", "http://x.com/", "http://y.com")
	f.Add("0=;Domain=AC", "http://.com/", "//00") // calls have a scheme
	f.Fuzz(func(t *testing.T, line, from, to string) {
		u, err := url.Parse(from)
		v, err2 := url.Parse(to)
		if err != nil || err2 != nil || u.Host == "" || v.Host == "" || v.Scheme == "" || strings.Contains(u.Path+v.Path, "%") || u.EscapedPath() != u.Path || v.EscapedPath() != v.Path {
			return
		}
		k := httpx.NewJar()
		k.Keep(httpx.SiteOfURL(u, ""), []string{line})
		call := &httpx.Call{URL: v.String()}
		if httpx.SiteOf(call) != httpx.SiteOfURL(v, "") {
			t.Errorf("%s: %+v, and as a URL %+v", to, httpx.SiteOf(call), httpx.SiteOfURL(v, ""))
		}
		got := string(k.Append(nil, httpx.SiteOf(call)))
		if got != "" && !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(line, " ", ""), "\t", ""), strings.ReplaceAll(strings.ReplaceAll(got, " ", ""), "\t", "")) {
			t.Errorf("%q went back as %q", line, got)
		}
		parsed, err := http.ParseSetCookie(line)
		if err != nil || parsed.Quoted || strings.HasPrefix(parsed.Name, "__") || parsed.Secure && httpx.IsLoopback(v.Hostname()) || parsed.Secure && u.Scheme != "https" {
			return
		}
		if d, ok := httpx.ParseCookieDate(parsed.RawExpires); parsed.RawExpires != "" && (!ok || !d.Equal(parsed.Expires)) || len(line) > httpx.MaxCookie {
			return
		}
		jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		jar.SetCookies(u, []*http.Cookie{parsed})
		want := ""
		for _, c := range jar.Cookies(v) {
			want += c.Name + "=" + c.Value
		}
		if want != "" && got != want {
			t.Errorf("%q from %s to %s: expected %q, found %q", line, from, to, want, got)
		}
	})
}
