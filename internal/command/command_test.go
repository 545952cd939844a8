package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWhatIsLeftRunning: of a command that is asked nothing goes on, and of one that is run it
// does. What goes on holds the writing end of a FIFO.
func TestWhatIsLeftRunning(t *testing.T) {
	for _, tt := range []struct {
		name   string
		run    func(context.Context, []string, string) ([]byte, error)
		goesOn bool
	}{{"Ask", Ask, false}, {"Run", Run, true}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			fifo := filepath.Join(dir, "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			// Opened for both, it does not wait for the command; the end of writing is read
			// below from a second opening.
			both, err := os.OpenFile(fifo, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer both.Close()
			read, err := os.Open(fifo)
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			out, err := tt.run(t.Context(), []string{"sh", "-c", "exec 3>fifo; sleep 600 & echo $!"}, dir)
			if err != nil {
				t.Fatal(err)
			}
			left, err := strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil {
				t.Fatal(err)
			}
			both.Close()
			if tt.goesOn {
				if err := syscall.Kill(left, syscall.SIGKILL); err != nil {
					t.Errorf("what it left running does not go on: %v", err)
				}
			}
			if err := read.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if n, err := read.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
				_ = syscall.Kill(left, syscall.SIGKILL)
				t.Errorf("what it left running goes on: %v", err)
			}
		})
	}
}

// A command that fails is told of by what it wrote last: to stderr, or else to stdout, as many
// programs do.
func TestFailures(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"neither", "exit 3", "exit status 3"},
		{"stderr", "echo out; echo err >&2; exit 3", "exit status 3; stderr: err"},
		{"stdout", "echo one; echo two; echo; exit 3", "exit status 3; stdout: two"},
		{"an escape sequence", `printf 'a\033[2Jb'; exit 3`, "exit status 3; stdout: a·[2Jb"},
		{"a long line", "printf '%0500d' 0; exit 3", "exit status 3; stdout: " + strings.Repeat("0", 397) + "…"},
		{"more than is kept", "printf '%070000d' 0; echo; echo end; exit 3", "exit status 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(t.Context(), []string{"sh", "-c", tt.script}, t.TempDir())
			if got := fmt.Sprint(err); got != tt.want {
				t.Errorf("found %q, expected %q", got, tt.want)
			}
		})
	}
}
