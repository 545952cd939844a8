package textfile_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/textfile"
)

func FuzzUTF8Text(f *testing.F) {
	f.Add([]byte("a\nä\n日本\xe9"), true)
	f.Add([]byte("\xf0\x9f\x98\x80"), true)
	f.Fuzz(func(t *testing.T, b []byte, slowly bool) {
		var r io.Reader = bytes.NewReader(b)
		if slowly {
			r = iotest.OneByteReader(r)
		}
		got, err := io.ReadAll(textfile.NewReader(r))
		want := bytes.TrimPrefix(b, textfile.Mark)
		good := utf8.Valid(want) && textfile.Wide(want[:min(len(want), 4)]) == ""
		if good != (err == nil) || err == nil && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) {
			t.Errorf("%q was read as %q: %v", b, got, err)
		}
	})
}
