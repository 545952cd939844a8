// Bench measures ordeal beside its peers in one sitting, and writes what came
// out: same server, same pinning, interleaved rounds, medians. It is run by
// `make bench`, and lies in the tools module so that users' builds never see it.
//
// The generator has one core to itself and the server another. Each tool's
// figures are those it prints itself; CPU and memory are the kernel's. Where a
// truth is needed, a server that knows what it dealt gives it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	generatorCore = 0
	serverCore    = 1
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "deal" {
		err = dealMain(os.Args[2:])
	} else {
		err = bench(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func bench(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		bin     = flags.String("ordeal", "", "the ordeal binary to measure")
		source  = flags.String("source", "", "folder of ordeal's module, for its Go benchmarks")
		cache   = flags.String("cache", "", "folder that keeps the peers once they are built")
		out     = flags.String("out", "", "file to write the report to")
		rounds  = flags.Int("rounds", 3, "how often peak and open loop are measured")
		seconds = flags.Int(
			"seconds",
			3,
			"how long a measurement of peak, open loop and overload lasts",
		)
		rates = flags.String(
			"rates",
			"5000 20000 50000 100000",
			"arrivals per second of the open loop",
		)
		parts = flags.String(
			"parts",
			"",
			"what to measure, with commas between: "+strings.Join(partNames(), ", "),
		)
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	asked, err := parseRates(*rates)
	chosen, err2 := parseParts(*parts)
	switch {
	case err != nil || err2 != nil:
		return errors.Join(err, err2)
	case *bin == "" || *source == "" || *cache == "" || *out == "":
		return errors.New("-ordeal, -source, -cache and -out are needed: use make bench")
	case *rounds < 1 || *seconds < 1:
		return errors.New("ROUNDS and SECONDS must be at least 1")
	case runtime.GOOS != "linux":
		return errors.New("needs Linux: it pins with taskset and reads /proc")
	case runtime.NumCPU() < 2:
		return errors.New("needs two cores: one for the generator, one for the server")
	}
	var b bencher
	if b.taskset, err = exec.LookPath("taskset"); err != nil {
		return errors.New("taskset was not found: install the package util-linux")
	}
	if b.work, err = os.MkdirTemp("", "ordeal-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)

	s := &sitting{
		Rounds: *rounds, Each: time.Duration(*seconds) * time.Second, Rates: asked, Parts: chosen,
		Machine: machine(), Date: time.Now().UTC().Format(time.DateOnly), Reasons: reasons(reasonsText),
		runs: make(map[key][]outcome), skipped: make(map[key]string),
	}
	if s.Tools, err = tools(ctx, *bin, *cache); err != nil {
		return err
	}
	if b.nginx, err = startServer(ctx, b.taskset, b.work); err != nil {
		return err
	}
	defer b.nginx.stop()
	b.begun = time.Now()
	s.Server = "nginx " + b.nginx.version

	for _, p := range catalog {
		if s.Chose(p.name) {
			if err := b.part(ctx, s, p); err != nil {
				return err
			}
		}
	}
	if s.Chose(micro) {
		progress("%s  Go benchmarks", b.clock())
		s.Micro, s.MicroErr = runMicro(ctx, *source)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted: nothing was written")
	}
	text, err := s.markdown()
	if err != nil {
		return err
	}
	if err := os.WriteFile(*out, text, 0o644); err != nil {
		return err
	}
	progress("%s  wrote %s", b.clock(), filepath.Base(*out))
	return nil
}

// tools are all that take part, the subject first.
func tools(ctx context.Context, bin, cache string) ([]tool, error) {
	out, err := exec.CommandContext(ctx, bin, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s version: %w", bin, err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "ordeal ")
	tools := []tool{
		ordeal(bin, version, "fast"),
		ordeal(bin, "the same", "http"),
		ordeal(bin, "the same", "vegeta"),
	}
	wrkBin, wrkVersion, err := debian(ctx, "wrk")
	t := wrk(wrkBin, wrkVersion)
	t.Missing = reason(err)
	tools = append(tools, t)
	for _, m := range modules {
		bin, err := install(ctx, cache, m.name, m.path, m.version)
		t := m.tool(bin, m.version)
		t.Missing = reason(err)
		tools = append(tools, t)
	}
	return append(
		tools,
		tool{Name: "wrk2", Missing: "not measured: neither a Debian package nor a Go module"},
	), nil
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	progress("missing: %v", err)
	return "missing: " + public(err.Error())
}

// bencher is what measuring needs.
type bencher struct {
	taskset, work string
	nginx         *server
	begun         time.Time
}

// clock is how long it has taken so far.
func (b *bencher) clock() string {
	d := time.Since(b.begun)
	return fmt.Sprintf("%2d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// part measures one part of the sitting.
func (b *bencher) part(ctx context.Context, s *sitting, p part) error {
	rounds := 1
	if p.rounds {
		rounds = s.Rounds
	}
	for round := range rounds {
		for _, l := range p.loads(s) {
			names := p.tools(l)
			for i := range names {
				// Another one goes first in each round, so that none always follows the same.
				t := s.tool(names[(i+round)%len(names)])
				k := key{l, t.Name}
				if t.why(l) != "" || s.giveUp(k) {
					continue
				}
				o, err := b.once(ctx, t, l)
				if ctx.Err() != nil {
					return errors.New("interrupted: nothing was written")
				}
				if err != nil {
					return err
				}
				s.runs[k] = append(s.runs[k], o)
				progress(
					"%s  %-12s round %d of %d  %-24s %-13s %s",
					b.clock(),
					p.name,
					round+1,
					rounds,
					l,
					t.Name,
					o,
				)
			}
		}
	}
	return nil
}

// once measures one tool under one load. An error is the sitting's, one of the
// tool is in the outcome.
func (b *bencher) once(ctx context.Context, t tool, l load) (outcome, error) {
	j := job{load: l, Dir: filepath.Join(b.work, "job")}
	if l.From == "" {
		j.URL = b.nginx.next()
		return measure(ctx, b.taskset, t, j, b.nginx.pid), nil
	}
	d, err := startDealer(ctx, b.taskset, l.From)
	if err != nil {
		return outcome{}, err
	}
	j.URL = d.url
	o := measure(ctx, b.taskset, t, j, d.pid)
	truth, err := d.end()
	o.Dealt = truth.delays()
	if l.Part == stall {
		o.Dealt = quantiles{}
		if truth.Answered == int64(l.Rate)*int64(l.For/time.Second) { // it sent for all
			o.Dealt = truth.waits(l.Rate)
		}
	}
	return o, err
}
