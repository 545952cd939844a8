//go:build !linux

package attack

import "syscall"

// manyPorts is Linux's.
func manyPorts(string, string, syscall.RawConn) error { return nil }
