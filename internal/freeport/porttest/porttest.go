// Package porttest gives tests addresses that behave as they say for as long as a
// test runs, whatever else runs on the machine, and serves connections to them.
package porttest

import (
	"net"
	"testing"
)

// Refused returns an address of 127.0.0.1, as host:port, at which connections are
// refused until the test ends. Its port is in use, as the end of a connection: one
// that was free might be given to another test's server, or to a connection as its
// own end, which then meets itself.
func Refused(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Not before the end: with it goes the connection, and with that the port.
	t.Cleanup(func() { ln.Close() })
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	conn, err := d.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}
