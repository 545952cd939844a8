package scenario

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// Names says whether an address stands anywhere in the scenario: in a URL, in connect_to, in a
// command. Then something connects to it by that address.
func (p *Plan) Names(addr netip.Addr) bool {
	text, err := p.JSON()
	if err != nil || holdsAddr(string(text), addr.String()) {
		return true
	}
	// Of lists of targets the plan's text has only a digest.
	for _, r := range p.Attack.Requests {
		spec, ok := r.Spec.(*httpx.Request)
		if !ok {
			continue
		}
		for s := range spec.URLs() {
			if u, err := url.Parse(s); err == nil && u.Hostname() == addr.String() {
				return true
			}
		}
	}
	return false
}

// holdsAddr says whether text has an address in it that is not a part of another.
func holdsAddr(text, addr string) bool {
	const parts = "0123456789abcdefABCDEF."
	for {
		before, after, found := strings.Cut(text, addr)
		if !found {
			return false
		}
		begins := before == "" || !strings.ContainsRune(parts, rune(before[len(before)-1]))
		if ends := after == "" || !strings.ContainsRune(parts, rune(after[0])); begins && ends {
			return true
		}
		text = text[len(before)+1:]
	}
}
