//go:build !linux

package wire

import "syscall"

// manyPorts is Linux's.
func manyPorts(string, string, syscall.RawConn) error { return nil }
