package cli

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
)

func newRun(s *streams) *cobra.Command {
	var (
		from source
		to   reporting
		out  string
		live bool
		over bool

		share bool
	)
	cmd := &cobra.Command{
		Use:   "run FILE | --url URL",
		Short: "Run a scenario: load, faults and verdict",
		Long: `Starts the scenario's services, sends its load, injects and undoes its faults,
judges its rules, and writes everything to a run directory. Every mistake in the
file is found before anything starts.

Without a file, --url asks one URL:

  ordeal run --url http://127.0.0.1:8080/ --rate 50/s --for 30s --rule 'p99 < 200ms'

The first Ctrl-C stops the load, lets open requests finish and undoes the
faults; the second no longer waits for the requests. None skips the undo.

` + exitHelp(),
		Args:              from.args(1),
		ValidArgsFunction: yamlFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := from.plan(cmd, from.names(cmd, args)[0])
			if err != nil {
				return &exit{run.ExitUsage, err}
			}
			// net/http logs what rude servers do; here that is counted as errors, and
			// lines from elsewhere would tear the live status.
			log.SetOutput(io.Discard)
			people := to.people(s)
			soft, hard, interrupts, stop := signals()
			defer stop()
			code, err := run.Run(soft, hard, plan, run.Options{
				Version:    versionName(),
				Interrupts: interrupts,
				Out:        out,
				Replace:    over,
				Share:      share,
				Stdout:     people.out,
				Stderr:     s.err,
				Terminal:   people.terminal() && live,
				Color:      people.color(people.out),
				Reported:   func(r *report.Run) { to.report(s, r) },
			})
			if err != nil || code != run.ExitPass {
				return &exit{code, err}
			}
			return nil
		},
	}
	from.add(cmd)
	to.add(cmd)
	cmd.Flags().
		StringVar(&out, "out", "", "write the run directory to `DIR` (default runs/<time>-<name>)")
	cobra.CheckErr(cmd.MarkFlagDirname("out"))
	cmd.Flags().
		BoolVar(&over, "replace", false, "remove an earlier run from the directory of --out first; nothing but what a run has written")
	cmd.Flags().BoolVar(&share, "share", false,
		"run although another run is at the same target, and each in the other's figures")
	cmd.Flags().BoolVar(&live, "live", true, "redraw a status block while running in a terminal")
	return cmd
}

// signals returns two contexts: soft ends at the first interrupt, hard at the
// second; and the number of each, to tell the user of. Further ones only remind,
// as nothing may cut the undo short. SIGQUIT is one of them, as Ctrl-\ is pressed where Ctrl-C
// seems slow; SIGABRT still dumps the stacks. A closed pipe on standard output is no reason
// to die with faults in force either.
func signals() (soft, hard context.Context, interrupts <-chan int, stop func()) {
	soft, endSoft := context.WithCancel(context.Background())
	hard, endHard := context.WithCancel(context.Background())
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	signal.Ignore(syscall.SIGPIPE)
	say := make(chan int, 8)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-ch:
			}
			select {
			case say <- n:
			default: // nobody reads, and nothing may wait for that
			}
			switch n {
			case 1:
				endSoft()
			case 2:
				endHard()
			}
		}
	})
	return soft, hard, say, func() {
		signal.Stop(ch)
		signal.Reset(syscall.SIGPIPE)
		close(done)
		wg.Wait()
		endSoft()
		endHard()
	}
}
