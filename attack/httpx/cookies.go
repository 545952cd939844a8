package httpx

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Jar has the cookies of one caller, by the rules of RFC 6265, and where browsers differ from it,
// of its successor (the draft 6265bis). Names and values go back as they came, byte for byte:
// net/http's parser and writer drop unusual ones, and put quotes around others. A Jar is not safe
// for concurrent use.
type Jar struct {
	kept []cookie // in the order in which they are sent: longer paths first, then older
	born uint64
}

// cookie is one cookie of a Jar.
type cookie struct {
	name     string
	pair     string // name=value, as it came
	domain   string
	hostOnly bool // sent to domain alone, not to what lies below it
	path     string
	secure   bool
	expires  time.Time // zero: never
	born     uint64
}

const (
	// maxCookie is the longest name and value that browsers keep.
	maxCookie = 4096
	// maxCookies is how many one caller keeps; the oldest make room.
	maxCookies = 300
)

// NewJar returns a Jar without cookies.
func NewJar() *Jar { return new(Jar) }

// Site is the server of a request, as far as cookies are concerned.
type Site struct {
	host   string // in small letters, without port
	path   string
	secure bool // the connection cannot be overheard: TLS, or this machine
}

// SiteOf is the site of a call: that of its URL, with the host of its Host header, as it is for
// that host that a server sets cookies. It allocates nothing.
func SiteOf(call *Call) Site {
	scheme, rest, _ := strings.Cut(call.URL, "://")
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	for i := range call.Header {
		if h := &call.Header[i]; strings.EqualFold(h.Name, "Host") && h.Value != "" {
			authority = h.Value
			break
		}
	}
	return NewSite(strings.EqualFold(scheme, "https"), authority, path)
}

// SiteOfURL is the site of a URL; host, if it is not empty, is in place of the URL's own.
func SiteOfURL(u *url.URL, host string) Site {
	if host == "" {
		host = u.Host
	}
	return NewSite(u.Scheme == "https", host, u.EscapedPath())
}

// NewSite is the site of a host, as URLs have it, with or without user and port.
func NewSite(tls bool, authority, path string) Site {
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
	} else if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	host = strings.TrimSuffix(asciiHost(host), ".")
	return Site{host: host, path: path, secure: tls || isLoopback(host)}
}

// asciiHost is a host's name as cookies are compared with it.
func asciiHost(host string) string {
	for i := range len(host) {
		if host[i] >= 0x80 {
			if ascii, err := idna.Lookup.ToASCII(host); err == nil {
				return ascii
			}
			break
		}
	}
	return strings.ToLower(host)
}

// isLoopback says whether a host is this machine. Browsers and curl send it secure
// cookies without TLS, too.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if c := host; c == "" || (c[0] < '0' || c[0] > '9') && c[0] != ':' {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Append adds the value of the Cookie header for a site to b. It allocates nothing but room in b.
func (c *Jar) Append(b []byte, to Site) []byte {
	if len(c.kept) == 0 {
		return b
	}
	c.drop(time.Now())
	from := len(b)
	for i := range c.kept {
		k := &c.kept[i]
		if k.secure && !to.secure || !k.matches(to) {
			continue
		}
		if len(b) > from {
			b = append(b, "; "...)
		}
		b = append(b, k.pair...)
	}
	return b
}

// drop takes out what has expired.
func (c *Jar) drop(now time.Time) {
	c.kept = slices.DeleteFunc(
		c.kept,
		func(k cookie) bool { return !k.expires.IsZero() && !k.expires.After(now) },
	)
}

func (k *cookie) matches(to Site) bool {
	if to.host != k.domain && (k.hostOnly || !below(to.host, k.domain)) {
		return false
	}
	rest, ok := strings.CutPrefix(to.path, k.path)
	if to.path == "" {
		rest, ok = "", k.path == "/"
	}
	return ok && (rest == "" || strings.HasSuffix(k.path, "/") || rest[0] == '/')
}

// below says whether host is a name below domain. Addresses have none.
func below(host, domain string) bool {
	name, ok := strings.CutSuffix(host, domain)
	return ok && strings.HasSuffix(name, ".") && net.ParseIP(host) == nil
}

// Keep takes the cookies that an answer's Set-Cookie lines set.
func (c *Jar) Keep(from Site, lines []string) {
	now := time.Now()
	for _, line := range lines {
		k, ok := parseCookie(line, from, now)
		if !ok {
			continue
		}
		same := slices.IndexFunc(c.kept, func(o cookie) bool {
			return o.name == k.name && o.domain == k.domain && o.hostOnly == k.hostOnly &&
				o.path == k.path
		})
		k.born = c.born
		c.born++
		if same >= 0 {
			k.born = c.kept[same].born // it keeps its place
			c.kept = slices.Delete(c.kept, same, same+1)
		}
		if !k.expires.IsZero() && !k.expires.After(now) {
			continue
		}
		if len(c.kept) >= maxCookies {
			c.drop(now)
		}
		if len(c.kept) >= maxCookies {
			oldest := 0
			for i := range c.kept {
				if c.kept[i].born < c.kept[oldest].born {
					oldest = i
				}
			}
			c.kept = slices.Delete(c.kept, oldest, oldest+1)
		}
		at, _ := slices.BinarySearchFunc(c.kept, k, func(a, b cookie) int {
			if d := len(b.path) - len(a.path); d != 0 {
				return d
			}
			return int(int64(a.born - b.born))
		})
		c.kept = slices.Insert(c.kept, at, k)
	}
}

// CookieLines are the Set-Cookie lines of an answer to a Call with WantCookies.
func (r *Reply) CookieLines() []string {
	if r.SetCookies == nil {
		return r.Header["Set-Cookie"]
	}
	return r.SetCookies
}

// parseCookie reads a Set-Cookie line of an answer from a site; false if it is no cookie, or if
// that site may not set it.
func parseCookie(line string, from Site, now time.Time) (k cookie, ok bool) {
	pair, rest, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if !ok || name == "" || len(name)+len(value) > maxCookie ||
		strings.ContainsFunc(line, isControl) {
		return k, false
	}
	k = cookie{
		name:     name,
		pair:     name + "=" + value,
		domain:   from.host,
		hostOnly: true,
		path:     defaultPath(from.path),
	}
	domain, aged, root := "", false, false
	for rest != "" {
		var attribute string
		attribute, rest, _ = strings.Cut(rest, ";")
		key, value, _ := strings.Cut(attribute, "=")
		switch key, value = strings.Trim(key, " \t"), strings.Trim(value, " \t"); strings.ToLower(key) {
		case "expires":
			if t, ok := parseCookieDate(value); ok && !aged {
				k.expires = t
			}
		case "max-age":
			if seconds, ok := cookieAge(value); ok {
				aged, k.expires = true, now.Add(seconds)
			}
		case "domain":
			domain = asciiHost(strings.TrimPrefix(value, "."))
		case "path":
			if k.path, root = value, value == "/"; !strings.HasPrefix(value, "/") {
				k.path = defaultPath(from.path)
			}
		case "secure":
			k.secure = true
		}
	}
	switch {
	case k.secure && !from.secure: // somebody on the way could have set it
		return k, false
	case strings.HasPrefix(name, "__Secure-") && !k.secure:
		return k, false
	case strings.HasPrefix(name, "__Host-") && (!k.secure || !root || domain != ""):
		return k, false
	case domain == "" || domain == from.host:
		// A cookie for a public suffix, or for an address, goes to that host only.
		k.hostOnly = domain == "" || net.ParseIP(domain) != nil || isPublicSuffix(domain)
		return k, true
	}
	k.domain, k.hostOnly = domain, false
	return k, below(from.host, domain) && !isPublicSuffix(domain)
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// isPublicSuffix says whether anybody can have a name below this one: com, co.uk,
// github.io. What is in no list is one if it has no dot.
func isPublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

// defaultPath is the path of a cookie that names none: that of the request up to
// its last slash.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || path[0] != '/' {
		return "/"
	}
	return path[:i]
}

// cookieAge reads a Max-Age, which is in seconds. It is at most a century.
func cookieAge(s string) (time.Duration, bool) {
	digits, minus := strings.CutPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	if minus {
		return 0, true
	}
	const most = 100 * 365 * 24 * 60 * 60
	n := int64(0)
	for _, d := range digits {
		n = min(10*n+int64(d-'0'), most)
	}
	return time.Duration(n) * time.Second, true
}

// parseCookieDate reads a date as RFC 6265, section 5.1.1, has it, which takes
// whatever servers have ever written.
func parseCookieDate(s string) (time.Time, bool) {
	day, month, year := 0, time.Month(0), -1
	var clock []int
	for token := range strings.FieldsFuncSeq(s, isDateDelimiter) {
		n, digits := leadingNumber(token)
		switch {
		case clock == nil && strings.Contains(token, ":"):
			clock = clockOf(token)
		case day == 0 && digits >= 1 && digits <= 2:
			day = n
		case month == 0 && monthOf(token) != 0:
			month = monthOf(token)
		case year < 0 && digits >= 2 && digits <= 4:
			year = n
		}
	}
	switch {
	case year >= 70 && year <= 99:
		year += 1900
	case year >= 0 && year <= 69:
		year += 2000
	}
	if clock == nil || day < 1 || day > 31 || month == 0 || year < 1601 || clock[0] > 23 ||
		clock[1] > 59 ||
		clock[2] > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, clock[0], clock[1], clock[2], 0, time.UTC)
	return t, t.Day() == day
}

func isDateDelimiter(c rune) bool {
	return c == '\t' || c >= ' ' && c <= '/' || c >= ';' && c <= '@' || c >= '[' && c <= '`' ||
		c >= '{' && c <= '~'
}

// leadingNumber reads the digits that a text begins with, at most nine of them.
func leadingNumber(s string) (n, digits int) {
	for digits < len(s) && digits < 9 && s[digits] >= '0' && s[digits] <= '9' {
		n = 10*n + int(s[digits]-'0')
		digits++
	}
	return n, digits
}

// clockOf reads h:m:s, each of one or two digits; nil if it is none.
func clockOf(s string) []int {
	var out []int
	for range 3 {
		n, digits := leadingNumber(s)
		if digits < 1 || digits > 2 {
			return nil
		}
		out, s = append(out, n), s[digits:]
		if len(out) < 3 {
			if !strings.HasPrefix(s, ":") {
				return nil
			}
			s = s[1:]
		}
	}
	return out
}

func monthOf(s string) time.Month {
	if len(s) < 3 {
		return 0
	}
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	at := strings.Index(months, strings.ToLower(s[:3]))
	if at < 0 || at%3 != 0 {
		return 0
	}
	return time.Month(at/3 + 1)
}
