package run

import (
	"runtime"
	"testing"
)

func TestHostFacts(t *testing.T) {
	h := thisHost()
	if h.OS != runtime.GOOS || h.Arch != runtime.GOARCH {
		t.Errorf("found %s/%s, want %s/%s", h.OS, h.Arch, runtime.GOOS, runtime.GOARCH)
	}
	if h.Go == "" {
		t.Error("no version of Go")
	}
	if h.CPUs < 1 {
		t.Errorf("found %v CPUs", h.CPUs)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if h.Kernel == "" {
		t.Error("no version of the kernel")
	}
	if h.Memory < 1<<20 {
		t.Errorf("found %d bytes of memory", h.Memory)
	}
}
