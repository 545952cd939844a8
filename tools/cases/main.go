// Command cases runs what once went wrong with ordeal, from outside: one folder
// of testdata/cases a case. See testdata/cases/README.md.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// expectation is a case.json: what to run, and what is right.
type expectation struct {
	What    string            `json:"what"`
	Run     []string          `json:"run"` // arguments of ordeal, in the case's folder; run gets --out
	Env     map[string]string `json:"env"`
	Exit    []int             `json:"exit"` // any of these
	Has     []string          `json:"has"`  // of what it prints
	HasNot  []string          `json:"has_not"`
	MaxMiB  int64             `json:"max_mib"`
	Seconds int               `json:"seconds"`  // at most; 0: 60
	Make    string            `json:"make"`     // generated s.yaml, see made
	EnvLong map[string]int    `json:"env_long"` // variables of so many letters
}

func main() {
	ordeal := flag.String("ordeal", "", "ordeal's binary")
	dir := flag.String("cases", "", "folder of the cases")
	only := flag.String("only", "", "cases whose name holds this")
	flag.Parse()
	failed, err := run(*ordeal, *dir, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func run(ordeal, dir, only string) (failed int, err error) {
	target, stop, err := serve()
	if err != nil {
		return 0, err
	}
	defer stop()
	files, err := filepath.Glob(filepath.Join(dir, "*", "case.json"))
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, fmt.Errorf("expected cases in %s", dir))
	}
	ran := 0
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if !strings.Contains(name, only) {
			continue
		}
		ran++
		began := time.Now()
		wrong, err := one(ordeal, file, target)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", name, err)
		}
		word := "PASS"
		if len(wrong) > 0 {
			word = "FAIL"
			failed++
		}
		fmt.Printf("%s  %-28s %5.1fs\n", word, name, time.Since(began).Seconds())
		for _, w := range wrong {
			fmt.Println("      " + w)
		}
	}
	fmt.Printf("%d cases, %d failed\n", ran, failed)
	if ran == 0 {
		return 0, fmt.Errorf("no case has %q in its name", only)
	}
	return failed, nil
}

// one runs a case and says what is not as expected.
func one(ordeal, file, target string) (wrong []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c expectation
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "ordeal-case-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	work := filepath.Join(tmp, "case")
	if err := os.CopyFS(work, os.DirFS(filepath.Dir(file))); err != nil {
		return nil, err
	}
	if c.Make != "" {
		make, ok := made[c.Make]
		if !ok {
			return nil, fmt.Errorf("nothing makes %q", c.Make)
		}
		if err := os.WriteFile(filepath.Join(work, "s.yaml"), []byte(make()), 0o600); err != nil {
			return nil, err
		}
	}
	if c.Seconds == 0 {
		c.Seconds = 60
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.Seconds)*time.Second)
	defer cancel()
	args := c.Run
	if len(args) > 0 && args[0] == "run" {
		args = append(slices.Clone(args), "--out", filepath.Join(tmp, "out"))
	}
	cmd := exec.CommandContext(ctx, ordeal, args...)
	cmd.Dir = work
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "ORDEAL_STATE_DIR="+filepath.Join(tmp, "state"), "NO_COLOR=1", "TARGET="+target)
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	for k, n := range c.EnvLong {
		cmd.Env = append(cmd.Env, k+"="+strings.Repeat("q", n))
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return nil, err
	}
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if ctx.Err() != nil {
		say("expected an end within %d s, found none", c.Seconds)
	}
	if code := cmd.ProcessState.ExitCode(); !slices.Contains(c.Exit, code) {
		say("expected exit code %v, found %d", c.Exit, code)
	}
	for _, s := range c.Has {
		if !bytes.Contains(out, []byte(s)) {
			say("expected %q in what it prints", s)
		}
	}
	for _, s := range c.HasNot {
		if bytes.Contains(out, []byte(s)) {
			say("expected no %q in what it prints", s)
		}
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && c.MaxMiB > 0 && usage.Maxrss>>10 > c.MaxMiB {
		say("expected at most %d MiB of memory, found %d", c.MaxMiB, usage.Maxrss>>10)
	}
	if len(wrong) > 0 {
		text := strings.Split(strings.TrimSpace(string(out)), "\n")
		for _, line := range text[max(0, len(text)-20):] {
			say("  | %.200q", line)
		}
	}
	return wrong, nil
}

// made are scenarios that are too long to be kept.
var made = map[string]func() string{
	"requests": func() string {
		var b strings.Builder
		b.WriteString("name: x\ntarget: ${TARGET}\nattack:\n late_budget: 9s\n timeout: 9s\n requests:\n")
		for i := range 5200 {
			fmt.Fprintf(&b, " - {name: r%d,get: /g}\n", i)
		}
		b.WriteString(" stages: [{name: s,rate: 2000/s,for: 6s}]\nverdict: [\"error_rate < 1%\"]\n")
		return b.String()
	},
	"stages": func() string {
		var b strings.Builder
		b.WriteString("name: x\ntarget: ${TARGET}\nattack:\n late_budget: 9s\n timeout: 9s\n requests:\n")
		for i := range 1500 {
			fmt.Fprintf(&b, " - {name: r%d,get: /g}\n", i)
		}
		b.WriteString(" stages:\n")
		for i := range 400 {
			fmt.Fprintf(&b, " - {name: s%d,rate: 1k/s,for: 10ms}\n", i)
		}
		b.WriteString("verdict: [\"error_rate < 1%\"]\n")
		return b.String()
	},
	"bomb": func() string {
		return "name: x\ntarget: http://127.0.0.1:1\nattack: { requests: [ { name: r, post: /, body: \"" + strings.Repeat("${A}", 20_000) +
			"\" } ], stages: [ { name: s, rate: 1/s, for: 1s } ] }\n"
	},
	"bomb-name": func() string {
		return "name: \"" + strings.Repeat("${A}", 20_000) + "\"\ntarget: http://127.0.0.1:1\n" +
			"attack: { requests: [ { name: r, get: / } ], stages: [ { name: s, rate: 1/s, for: 1s } ] }\n"
	},
}
