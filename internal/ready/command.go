package ready

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// outputDelay is how long the output of a command that has ended is waited for.
const outputDelay = 100 * time.Millisecond

// RunHere runs a command on this machine, in dir, with env beside the
// environment. It returns nil if the command exits with status 0, and otherwise
// an error with the last line of each of its outputs. The command and what it
// starts are killed when ctx ends.
func RunHere(ctx context.Context, command []string, dir string, env []string) error {
	if len(command) == 0 {
		return errors.New("expected a command to run, found none")
	}
	var said Outputs
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &said.Stdout, &said.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputDelay
	err := cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return said.After(err)
}

// Outputs keeps the ends of what a command prints. The two are kept apart, as
// nothing says which of them was written last. Each may be written to by a
// goroutine of its own.
type Outputs struct{ Stdout, Stderr Tail }

// After puts the last line of each output behind the error of a command.
func (o *Outputs) After(err error) error {
	if line := o.Stderr.Line(); line != "" {
		err = fmt.Errorf("%w; stderr: %s", err, line)
	}
	if line := o.Stdout.Line(); line != "" {
		err = fmt.Errorf("%w; stdout: %s", err, line)
	}
	return err
}

// Tail keeps the end of what a command prints, however much that is. It is not
// safe for concurrent use.
type Tail struct{ last []byte }

const tailBytes = 1 << 10

// Write implements io.Writer.
func (t *Tail) Write(b []byte) (int, error) {
	t.last = append(t.last, b[max(0, len(b)-tailBytes):]...)
	t.last = t.last[max(0, len(t.last)-tailBytes):]
	return len(b), nil
}

// Line is the last line that is not empty, fit to be shown.
func (t *Tail) Line() string {
	s := strings.TrimSpace(plaintext.Lines(string(t.last)))
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
