package payload

import "net/url"

// Nearly all values need no escaping. So they are checked where they are put in, and those that
// net/url, net/http and encoding/json would leave as they are do not go through these. The sets
// here have fewer bytes than those packages leave alone, never more.

// byteSet is a set of bytes.
type byteSet [256]bool

func bytesOf(s string) (set byteSet) {
	for i := range len(s) {
		set[s[i]] = true
	}
	return set
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

var (
	InPath = bytesOf(
		unreserved + "/!$&'()*+,;=:@[]",
	) // what net/url takes for a path that is escaped already
	inQuery = bytesOf(unreserved) // what url.QueryEscape leaves alone
	InHost  = bytesOf(unreserved + ":")
)

const UpperHex = "0123456789ABCDEF"

// AppendQuery is url.QueryEscape.
func AppendQuery[S string | []byte](b []byte, s S) []byte {
	for i := range len(s) {
		c := s[i]
		switch {
		case inQuery[c]:
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			return append(b, url.QueryEscape(string(s[i:]))...)
		}
	}
	return b
}
