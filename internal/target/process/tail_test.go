package process

import (
	"io"
	"testing"
)

// What a process prints must not colour the terminal, set its title or hide text.
func TestTailIsFitToBeShown(t *testing.T) {
	x := newTail(io.Discard)
	if _, err := io.WriteString(x, "first\r\n\x1b[31mboo\x1b]0;x\x07\x00\xff \u202ebye\u009b\r\n"); err != nil {
		t.Fatal(err)
	}
	const want = "; its last lines:\n\tfirst\n\t·[31mboo·]0;x··\ufffd ·bye·"
	if got := x.quoted(); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}
