// Command gate shows that ordeal decides on a machine that stops it all the time. It runs
// small nightly scenarios while it stops the load generator by signals, as a crowded
// hypervisor does, and fails unless every run of a kind comes out the same, and right.
//
// The targets are served by this program, which is never stopped, and by services of the
// scenarios, which are processes of their own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	ordeal := flag.String("ordeal", "", "path of the ordeal binary")
	runs := flag.Int(
		"runs",
		20,
		"runs of the good and of the bad target; a fifth as many of each other kind",
	)
	side := flag.Int("parallel", 4, "runs beside each other")
	only := flag.String("only", "", "run this kind alone")
	keep := flag.Bool("keep", false, "keep the run directories, and say where they are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	if err := drive(ctx, *ordeal, *runs, *side, *only, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

func drive(ctx context.Context, ordeal string, runs, side int, only string, keep bool) error {
	dir, err := os.MkdirTemp("", "ordeal-gate-")
	if err != nil {
		return err
	}
	if keep {
		fmt.Println("run directories:", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	targets, err := serve()
	if err != nil {
		return err
	}
	defer targets.close()

	var all []*trial
	for _, k := range kinds() {
		if only != "" && k.name != only {
			continue
		}
		n := runs
		if !k.many {
			n = max(1, runs/5)
		}
		for i := range n {
			all = append(all, &trial{kind: k, number: i})
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("expected one of the kinds %v, found %q", names(), only)
	}
	// Kinds take turns, so that each meets the same machine.
	slices.SortStableFunc(all, func(a, b *trial) int { return a.number - b.number })
	fmt.Printf(
		"%d runs, %d beside each other: some %s\n\n",
		len(all),
		side,
		(time.Duration(len(all)/side+1) * 15 * time.Second).Round(time.Minute),
	)
	fmt.Println(heading)
	var (
		work sync.WaitGroup
		mu   sync.Mutex
		next int
	)
	for range side {
		work.Go(func() {
			for {
				mu.Lock()
				if next == len(all) || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				t := all[next]
				next++
				mu.Unlock()
				t.run(ctx, ordeal, dir, targets)
				mu.Lock()
				fmt.Println(t)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped before the end: %w", context.Cause(ctx))
	}
	fmt.Println()
	wrong := 0
	for _, k := range kinds() {
		n, bad := 0, 0
		for _, t := range all {
			if t.kind.name != k.name {
				continue
			}
			n++
			if t.wrong != "" {
				bad++
			}
		}
		if n > 0 {
			fmt.Printf("%-22s %d of %d as it should be: %s\n", k.name, n-bad, n, k.want)
		}
		wrong += bad
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d runs came out otherwise", wrong, len(all))
	}
	return nil
}
