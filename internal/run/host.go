package run

import (
	"os"
	"runtime"

	"github.com/seed-1574e9de/ordeal/internal/report"
)

// thisHost describes the machine that sends the load.
func thisHost() report.Host {
	h := report.Host{
		OS:   runtime.GOOS,
		Arch: runtime.GOARCH,
		Go:   runtime.Version(),
		CPUs: runtime.NumCPU(),
	}
	h.Name, _ = os.Hostname()
	h.Kernel, h.Model, h.Memory = system()
	return h
}
