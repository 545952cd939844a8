package wire

import "time"

// Connections says how targets are reached. The zero value keeps connections
// alive, as many as there are requests in flight, and goes where the URL says.
type Connections struct {
	NoKeepAlive bool              `json:"no_keepalive,omitempty"` // a new connection for each request
	PerHost     int               `json:"per_host,omitempty"`     // at most this many to one host; 0: as many as needed
	Unix        string            `json:"unix,omitempty"`         // path of a Unix socket, to which all connections go
	To          map[string]string `json:"to,omitempty"`           // host:port of URLs → host:port to connect to
	Source      string            `json:"source,omitempty"`       // own address to connect from
	DNSRefresh  time.Duration     `json:"dns_refresh,omitempty"`  // how long a looked-up address is good for; 0: look up for each connection
}
