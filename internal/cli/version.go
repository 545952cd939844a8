package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker in builds made with make.
var version string

// versionName is what this program calls itself; empty if nothing tells.
func versionName() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version // set by go install module@version
	}
	return version
}

// versionLine is what ordeal version and --version print.
func versionLine() string {
	return fmt.Sprintf(
		"ordeal %s %s %s/%s\n",
		versionName(),
		runtime.Version(),
		runtime.GOOS,
		runtime.GOARCH,
	)
}

func newVersion(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  files(0, 0),
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprint(s.out, versionLine())
			return nil
		},
	}
}
