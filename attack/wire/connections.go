package wire

import "time"

// Connections says how targets are reached. The zero value keeps connections
// alive, as many as there are requests in flight, and goes where the URL says.
type Connections struct {
	// A new connection for each request.
	NoKeepAlive bool `json:"no_keepalive,omitempty"`
	// At most this many to one host; 0: as many as needed.
	PerHost int `json:"per_host,omitempty"`
	// Path of a Unix socket, to which all connections go.
	Unix string `json:"unix,omitempty"`
	// Host:port of URLs → host:port to connect to.
	To     map[string]string `json:"to,omitempty"`
	Source string            `json:"source,omitempty"` // own address to connect from
	// How long a looked-up address is good for; 0: look up for each connection.
	DNSRefresh time.Duration `json:"dns_refresh,omitempty"`
}
