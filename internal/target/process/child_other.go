//go:build !linux

package process

import (
	"errors"
	"syscall"
)

// parentDeathKills says that a child does not outlive its ordeal.
const parentDeathKills = false

// dieWithParent does nothing: only Linux can do that.
func dieWithParent(*syscall.SysProcAttr) {}

// awaitEnd is not possible here without waiting for the child.
func awaitEnd(int) error { return errors.ErrUnsupported }

func awaitGroup(int, func()) {}

func exitStatus(int) string { return "" }

// ignores is not known here.
func ignores(int, syscall.Signal) bool { return false }
