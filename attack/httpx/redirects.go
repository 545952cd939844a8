package httpx

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// RedirectHosts are hosts to which redirects are followed: host:port, or a host
// alone for all of its ports.
type RedirectHosts map[string]bool

// Names says whether a URL leads to one of them.
func (h RedirectHosts) Names(u *url.URL) bool {
	address := wire.PlainAddress(wire.Address(u))
	if h[address] {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && h[host]
}

// RedirectHost reads an entry of Plan.RedirectHosts: a host, host:port, or a URL
// such as https://shop.example, of which scheme and host are looked at. port is
// empty for a host alone.
func RedirectHost(s string) (host, port string, err error) {
	bad := fmt.Errorf(
		"expected a host such as shop.example, shop.example:8443 or https://shop.example, found %q",
		plaintext.Clip(s, 60),
	)
	if strings.Contains(s, "://") {
		u, ok := Origin(s)
		if !ok || u.Scheme != "http" && u.Scheme != "https" {
			return "", "", bad
		}
		host, port, err = net.SplitHostPort(wire.PlainAddress(wire.Address(u)))
		return host, port, err
	}
	if strings.ContainsAny(s, "/?#@* ") {
		return "", "", bad
	}
	host, port, err = net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), ""
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", "", bad
		}
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", bad
	}
	if host == "" {
		return "", "", bad
	}
	return wire.CanonicalHost(host), port, nil
}

// followed are the hosts to which the plan's redirects are followed.
func followed(p *attack.Plan) (RedirectHosts, error) {
	out := make(RedirectHosts)
	for _, u := range Origins(p) {
		out[wire.PlainAddress(wire.Address(u))] = true
	}
	for _, s := range p.RedirectHosts {
		host, port, err := RedirectHost(s)
		if err != nil {
			return nil, fielderr.Wrap(err, "redirect_hosts", fielderr.Field("redirect_hosts"))
		}
		if port != "" {
			host = net.JoinHostPort(host, port)
		}
		out[host] = true
	}
	return out, nil
}
