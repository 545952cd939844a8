package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker in builds made with make.
var version string

// versionLine is what ordeal version and --version print.
func versionLine() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version // set by go install module@version
	}
	return fmt.Sprintf("ordeal %s %s %s/%s\n", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
