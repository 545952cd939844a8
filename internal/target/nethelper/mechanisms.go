package nethelper

import (
	"slices"

	"github.com/seed-1574e9de/ordeal/internal/target/link/tcpproxy"
)

// Mechanisms, by name.
const (
	netemName = "netem"
	// Proxy is the mechanism that carries connections itself, and so has to cut some.
	Proxy = "nft-proxy"
)

// can has, for each mechanism, the network conditions that it can do.
func can() map[string][]string {
	return map[string][]string{
		netemName: {"latency"},
		Proxy:     tcpproxy.Conditions(),
	}
}

// Conditions names the network conditions that at least one mechanism can do.
func Conditions() []string {
	var all []string
	for _, names := range can() {
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
