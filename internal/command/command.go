// Package command runs commands of a scenario, whose output is looked at.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

const (
	// maxOutput is how much of a command's output is kept, in bytes.
	maxOutput = 64 << 10
	// outputDelay is how long the output of a command that has ended is waited for.
	outputDelay = 100 * time.Millisecond
	// maxLine is how much of a line of the output an error shows, in bytes.
	maxLine = 400
)

// CannotRun says that a command could not be started.
type CannotRun struct{ err error }

func (c *CannotRun) Error() string { return "the command cannot be started: " + c.err.Error() }
func (c *CannotRun) Unwrap() error { return c.err }

// Check says why a command cannot be started in dir at all; nil if it can.
func Check(command []string, dir string) error {
	name := command[0]
	if strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name) // as it is started there
	}
	if _, err := exec.LookPath(name); err != nil {
		if e, ok := errors.AsType[*exec.Error](err); ok {
			err = e.Err
		}
		return fmt.Errorf("the command %s cannot be started: %w", command[0], err)
	}
	return nil
}

// Ask runs a command as Run does, which is to tell something and to do nothing else: what it
// leaves running in its process group is killed once it has ended. A command that is asked every
// second would otherwise leave as many processes behind as there are seconds.
func Ask(ctx context.Context, command []string, dir string) ([]byte, error) {
	return run(ctx, command, dir, func(group int) {
		// The group's number is not given out again while it has members, and is no other's so
		// soon if it has none.
		_ = syscall.Kill(-group, syscall.SIGKILL)
	})
}

// Run runs a command in dir, and returns what it prints, with an error unless it exits
// with status 0, which has the last line of its stderr, or else of what it printed. When ctx ends,
// the command and what it started are killed. What a command that has ended in time leaves running
// goes on.
func Run(ctx context.Context, command []string, dir string) ([]byte, error) {
	return run(ctx, command, dir, func(int) {})
}

// run calls ended with the command's process group once the command has ended.
func run(
	ctx context.Context, command []string, dir string, ended func(group int),
) ([]byte, error) {
	var out bounded
	var said ready.Tail
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &out, &said, outputDelay
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return nil, errors.New("it did not end in time")
		}
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err
		}
		return nil, &CannotRun{err}
	}
	err := cmd.Wait()
	ended(cmd.Process.Pid)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, errors.New("it did not end in time")
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		if line := said.Line(); line != "" {
			err = fmt.Errorf("%w; stderr: %s", err, line)
		} else if line := out.lastLine(); line != "" {
			err = fmt.Errorf("%w; stdout: %s", err, line)
		}
		return out.kept.Bytes(), err
	case out.more:
		return nil, fmt.Errorf("it printed more than %d KiB", maxOutput>>10)
	}
	return out.kept.Bytes(), nil
}

// bounded keeps the beginning of what is written.
type bounded struct {
	kept bytes.Buffer
	more bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := maxOutput - b.kept.Len()
	b.more = b.more || len(p) > room
	b.kept.Write(p[:min(len(p), room)])
	return len(p), nil
}

// lastLine is the last line that is not empty, fit to be shown; empty if the end was not kept.
func (b *bounded) lastLine() string {
	if b.more {
		return ""
	}
	text := strings.TrimSpace(b.kept.String())
	line := text[strings.LastIndexByte(text, '\n')+1:]
	return plaintext.Clip(plaintext.Line(line), maxLine)
}
