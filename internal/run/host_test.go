package run

import (
	"runtime"
	"testing"
)

func TestHostFacts(t *testing.T) {
	h := thisHost()
	if h.OS != runtime.GOOS || h.Arch != runtime.GOARCH || h.Go == "" || h.CPUs < 1 {
		t.Errorf("found %+v", h)
	}
	if runtime.GOOS == "linux" && (h.Kernel == "" || h.Memory < 1<<20) {
		t.Errorf("found %+v", h)
	}
}
