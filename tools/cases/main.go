// Command cases runs what once went wrong with ordeal, from outside: one folder
// of testdata/cases a case. See testdata/cases/README.md.
//
// It is also the server that the cases put under load: cases serve, as a process
// or alone in an image.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "serve" {
		os.Exit(say(serveMain(args[1:])))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) == 2 && args[0] == "ask" {
		os.Exit(say(ask(ctx, args[1], 30*time.Second)))
	}
	if len(args) == 3 && args[0] == "inside" {
		os.Exit(say(inside(ctx, args[1], args[2])))
	}
	ordeal := flag.String("ordeal", "", "ordeal's binary")
	dir := flag.String("cases", "", "folder of the cases")
	only := flag.String("only", "", "cases whose name holds this")
	flag.Parse()
	failed, err := run(ctx, *ordeal, *dir, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func say(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
		return 1
	}
	return 0
}

// inside runs one case in the namespaces that apart has made for it.
func inside(ctx context.Context, ordeal, file string) error {
	wrong, err := withTarget(ctx, ordeal, file)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(wrong)
}

// withTarget runs one case, with a server of its own.
func withTarget(ctx context.Context, ordeal, file string) (wrong []string, err error) {
	target, stop, err := serve()
	if err != nil {
		return nil, err
	}
	defer stop()
	return one(ctx, ordeal, file, target)
}

func run(ctx context.Context, ordeal, dir, only string) (failed int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "case.json"))
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, fmt.Errorf("expected cases in %s", dir))
	}
	ran, skipped := 0, 0
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if !strings.Contains(name, only) {
			continue
		}
		ran++
		began := time.Now()
		c, err := load(file)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", name, err)
		}
		var wrong []string
		word := "PASS"
		if lack := lacks(ctx, c); lack != nil {
			word, wrong = "SKIP", []string{lack.why}
			if os.Getenv(lack.require) == "1" {
				word = "FAIL"
				wrong = append(wrong, lack.require+"=1 asks for it")
			}
		} else {
			if c.Mounts || c.Addresses != nil {
				wrong, err = apart(ctx, c, ordeal, file)
			} else {
				wrong, err = withTarget(ctx, ordeal, file)
			}
			if ctx.Err() != nil {
				return failed, errors.Join(fmt.Errorf("%s: interrupted", name), err)
			}
			if err != nil { // the other cases tell more than an end here
				wrong = append(wrong, strings.Split(err.Error(), "\n")...)
			}
			if len(wrong) > 0 {
				word = "FAIL"
			}
		}
		switch word {
		case "FAIL":
			failed++
		case "SKIP":
			skipped++
		}
		fmt.Printf("%s  %-28s %5.1fs\n", word, name, time.Since(began).Seconds())
		for _, w := range wrong {
			fmt.Println("      " + w)
		}
	}
	fmt.Printf("%d cases, %d failed, %d skipped\n", ran, failed, skipped)
	if ran == 0 {
		return 0, fmt.Errorf("no case has %q in its name", only)
	}
	return failed, nil
}

// lack is something that a case needs and this machine has not.
type lack struct {
	why     string
	require string // the variable that turns the skip into a failure
}

// The variables are those of the project's tests.
const (
	requireDocker = "ORDEAL_REQUIRE_DOCKER"
	requirePodman = "ORDEAL_REQUIRE_PODMAN"
)

func lacks(ctx context.Context, c expectation) *lack {
	root := os.Geteuid() == 0
	if (c.Mounts || c.Addresses != nil) && !root {
		return &lack{"it needs namespaces of its own, and only root can make them", requireDocker}
	}
	for _, s := range c.Steps {
		if len(s.Under) > 0 && !root {
			return &lack{"it needs " + s.Under[0] + ", and only root can use it", requireDocker}
		}
	}
	if c.Podman {
		if _, err := exec.LookPath("podman"); err != nil {
			return &lack{"it needs podman: " + err.Error(), requirePodman}
		}
		if !root {
			return &lack{"it needs podman with root, for addresses", requirePodman}
		}
	}
	if len(c.Containers) > 0 {
		if err := engineAnswers(ctx); err != nil {
			return &lack{
				"it needs a Docker engine and the docker client: " + err.Error(),
				requireDocker,
			}
		}
	}
	return nil
}
