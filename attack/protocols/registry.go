// Package protocols lists the ways to send a request.
package protocols

import (
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/httpx/vegeta"
)

// Engines lists every engine. ChooseEngine says which is taken where none is
// named.
func Engines() []httpx.EngineKind {
	return []httpx.EngineKind{
		{Name: "fast", Doc: "HTTP/1.1 on connections of its own: the fastest", New: fast.New},
		{Name: "http", Doc: "Go's net/http: HTTP/1.1, HTTP/2 and h2c; proxies; follows redirects if told to", New: std.New},
		{Name: "vegeta", Doc: "vegeta's Attacker, with latency counted from the intended time", New: vegeta.New},
	}
}
