// Package freeport finds TCP ports for services that come and go during a run.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// Pick returns a port of 127.0.0.1 that nobody listens on, below the range
// from which the kernel takes the ports of outgoing connections. A port from
// that range would be lost while its service is down: under load, some
// connection soon takes it, and the service cannot come back.
func Pick() (int, error) {
	low := ephemeralLow()
	first := 10000
	if low-first < 1000 {
		first, low = 1024, max(low, 2048)
	}
	for range 200 {
		port := first + rand.IntN(low-first)
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := ln.Close(); err != nil {
			return 0, err
		}
		return port, nil
	}
	return 0, fmt.Errorf(
		"found no free port on 127.0.0.1 between %d and %d in 200 tries",
		first,
		low,
	)
}

// ephemeralLow is the lowest port of outgoing connections; where the kernel does not
// tell, Linux's default, which is lower than that of other systems.
func ephemeralLow() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 32768
	}
	var low, high int
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil || low < 1024 {
		return 32768
	}
	return low
}
