package porttest_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
)

func TestRefused(t *testing.T) {
	addr := porttest.Refused(t)
	for range 3 {
		if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("not refused: %v, %v", c, err)
		}
	}
	if ln, err := net.Listen("tcp", addr); err == nil {
		ln.Close()
		t.Error("the port was free for others")
	}
}
