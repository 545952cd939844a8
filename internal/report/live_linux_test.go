package report

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo terminal of 80 by 24.
func openTerminal(t *testing.T) (far, near *os.File) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	fd := int(far.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	near, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	return far, near
}

// On a real terminal the block leaves nothing behind: no mode is changed, the
// cursor is shown again, and nothing is asked of the terminal whose answer
// would end up in the shell.
func TestBlockLeavesTheTerminalAsItWas(t *testing.T) {
	far, near := openTerminal(t)
	before, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&out, far) // ends with EIO once the near end is closed
	}()

	shown := make(chan struct{})
	polls := 0
	l := NewLiveStatus(near, true, true, func() LiveState {
		if polls++; polls == 4 {
			close(shown)
		}
		return demo(time.Duration(polls+4) * 2 * time.Second)
	})
	l.Start()
	l.Event("an event")
	<-shown
	during, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	after, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	<-read
	far.Close()

	if *during != *before || *after != *before {
		t.Error("the terminal's modes were changed: Ctrl-C may not reach the run")
	}
	s := out.String()
	if !strings.Contains(s, "an event") || !strings.Contains(s, "kill-api") {
		t.Errorf("event or block are missing in %q", s)
	}
	hide, show := strings.LastIndex(s, "\x1b[?25l"), strings.LastIndex(s, "\x1b[?25h")
	if hide < 0 || show < hide {
		t.Errorf("the cursor is not shown again in %q", s)
	}
	for name, query := range map[string]string{
		"a mode": "$p", "the background": "\x1b]11;?", "the cursor's position": "\x1b[6n", "its attributes": "\x1b[c", "the keyboard": "\x1b[?u", "its version": "\x1b[>0q",
	} {
		if strings.Contains(s, query) {
			t.Errorf("the terminal was asked for %s, in %q", name, s)
		}
	}
}
