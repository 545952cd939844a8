// Command simulate asks how often verdicts are wrong, where that can be known: it makes up runs of
// a system whose true figures are given, has ordeal's judge decide on them, and writes the shares
// of wrong ones into docs/verdicts.md. It fails if a rule that wants confidence passes wrongly too
// often.
//
// Everything is drawn from a seed: the same numbers come out on every machine.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

func main() {
	page := flag.String("page", "", "write the tables into this page; empty: to standard output")
	runs := flag.Int("runs", 500, "runs of each load")
	series := flag.Int("series", 200, "series of nights")
	only := flag.String("only", "", "make this table alone: decisions or nights")
	seed := flag.Uint64("seed", 1, "what everything is drawn from")
	flag.Parse()
	if err := simulate(*page, *only, *runs, *series, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func simulate(page, only string, runs, series int, seed uint64) error {
	tables := map[string]string{}
	var wrong []string
	add := func(name string, table func() (string, []string, error)) error {
		if only != "" && only != name {
			return nil
		}
		text, found, err := table()
		tables[name] = text
		wrong = append(wrong, found...)
		return err
	}
	if err := add("nights", func() (string, []string, error) { return nights(series, seed) }); err != nil {
		return err
	}
	err := add("decisions", func() (string, []string, error) { return decisions(runs, seed) })
	if err != nil {
		return err
	}
	if err := publish(page, tables); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("verdicts are wrong more often than they may be:\n%s",
			strings.Join(wrong, "\n"))
	}
	return nil
}

// publish puts each table in its place in the page, or prints it.
func publish(page string, tables map[string]string) error {
	if page == "" {
		for name, table := range tables {
			fmt.Printf("%s\n\n%s\n", name, table)
		}
		return nil
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	out := string(text)
	for name, table := range tables {
		begin, end := fmt.Sprintf("<!-- table: %s -->\n", name), "<!-- end -->"
		before, rest, found := strings.Cut(out, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			return fmt.Errorf("%s has no place for the table %q", page, name)
		}
		out = before + begin + table + end + after
	}
	return os.WriteFile(page, []byte(out), 0o644)
}

// parallel does n things on all cores, and returns the first error.
func parallel(n int, do func(i int) error) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		next  int
		first error
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				i, failed := next, first != nil
				next++
				mu.Unlock()
				if i >= n || failed {
					return
				}
				if err := do(i); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}
