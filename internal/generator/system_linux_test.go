package generator

import (
	"os"
	"testing"
)

func TestFilesAreCounted(t *testing.T) {
	s := NewMeter(0)
	defer s.Close()
	before := s.take(1).Files
	for range 20 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if got := s.take(2).Files; got != before+20 {
		t.Errorf("%d files are open, want %d", got, before+20)
	}
	// As kernels before 6.2 have it, and again, as the folder is read from its start.
	for range 2 {
		if got := s.system.listFiles(); got != before+20 {
			t.Errorf("%d files are listed, want %d", got, before+20)
		}
	}
}
