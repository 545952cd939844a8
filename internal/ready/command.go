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
)

// outputDelay is how long the output of a command that has ended is waited for.
const outputDelay = 100 * time.Millisecond

// RunHere runs a command on this machine, in dir, with env beside the
// environment. It returns nil if the command exits with status 0, and otherwise
// an error with the last line that it printed. The command and what it starts
// are killed when ctx ends.
func RunHere(ctx context.Context, command []string, dir string, env []string) error {
	if len(command) == 0 {
		return errors.New("expected a command to run, found none")
	}
	var out tail
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputDelay
	err := cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	if line := LastLine(string(out.last)); line != "" {
		return fmt.Errorf("%w: %s", err, line)
	}
	return err
}

// LastLine is the last line of a text that is not empty.
func LastLine(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "?"))
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// tail keeps the end of what a command prints. os/exec writes to it from one
// goroutine, as both streams are the same writer.
type tail struct{ last []byte }

const tailBytes = 1 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.last = append(t.last, b...)
	t.last = t.last[max(0, len(t.last)-tailBytes):]
	return len(b), nil
}
