package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/run"
)

func newRun(s *streams) *cobra.Command {
	r := &runs{streams: s, start: run.Run}
	cmd := &cobra.Command{
		Use:   "run FILE... | --url URL",
		Short: "Run scenarios: load, faults and verdict",
		Long: `Starts the scenario's services, sends its load, injects and undoes its faults,
judges its rules, and writes everything to a run directory. Every mistake in the
file is found before anything starts.

Without a file, --url asks one URL:

  ordeal run --url http://127.0.0.1:8080/ --rate 50/s --for 30s --rule 'p99 < 200ms'

Several files are run one after the other, once all of them are found to be right. A
table at the end says what came out, and the exit code is the worst: 4, 130, 2, 1, 3, 0
in this order.

--smoke tries everything once, in seconds: it sends each request and each flow, checks
the answers, and prepares every fault and every observer. Nothing is broken, and no run
directory is written. The exit code is 1 if an answer was not as expected.

--accept-if pass keeps a run as ordeal baseline accept does, if all of its rules pass.
A scenario with rerun: 1 is run a second time if it failed, and fails only if both do.

The first Ctrl-C stops the load, lets open requests finish and undoes the
faults; the second no longer waits for the requests. None skips the undo.

` + exitHelp(),
		Args:              r.args,
		ValidArgsFunction: yamlFiles,
		RunE:              r.run,
	}
	r.from.add(cmd)
	r.to.add(cmd)
	f := cmd.Flags()
	f.StringVar(
		&r.out,
		"out",
		"",
		"write the run directory to `DIR` (default runs/<time>-<name>); "+
			"of several files, each to a folder in DIR that is called like the file",
	)
	cobra.CheckErr(cmd.MarkFlagDirname("out"))
	f.BoolVar(
		&r.over,
		"replace",
		false,
		"remove an earlier run from the directory of --out first; nothing but what a run has written",
	)
	f.IntVar(&r.keep, "keep", 0,
		"keep the last `N` run directories in runs/, and remove earlier ones at the end")
	f.BoolVar(&r.share, "share", false,
		"run although another run is at the same target, and each in the other's figures")
	f.IntVar(&r.repeat, "repeat", 1,
		"run the same plan `N` times, and judge the whole of them; rerun in the scenario is left out then")
	addBaselines(cmd, &r.baselines)
	f.StringVar(&r.acceptIf, "accept-if", "",
		"accept the run for later ones to be held against if it passes: `"+acceptPass+"`; rules that "+
			"only lack earlier runs do not count")
	f.BoolVar(&r.smoke, "smoke", false,
		"try everything once in place of the run: send each request and flow, check the answers, "+
			"prepare faults and observers, break nothing, write no run directory")
	f.BoolVar(&r.live, "live", true, "redraw a status block while running in a terminal")
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
