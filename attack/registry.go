package attack

// Engines lists every engine. ChooseEngine says which is taken where none is
// named.
func Engines() []EngineKind {
	return []EngineKind{
		{Name: "fast", Doc: "HTTP/1.1 on connections of its own: the fastest", New: newFastEngine},
		{Name: "http", Doc: "Go's net/http: HTTP/1.1, HTTP/2 and h2c; proxies; follows redirects if told to", New: newHTTPEngine},
		{Name: "vegeta", Doc: "vegeta's Attacker, with latency counted from the intended time", New: newVegetaEngine},
	}
}
