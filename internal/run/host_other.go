//go:build !linux

package run

// system is the kernel's release, what kind of CPU there is, and the memory in bytes.
func system() (kernel, model string, memory uint64) { return "", "", 0 }
