package httpx_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// wide writes a text in UTF-16.
func wide(s string, order binary.AppendByteOrder, mark bool) []byte {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// What a file of data, a trace or a list of targets has in another encoding than
// UTF-8 is a mistake with its line; a byte order mark is none.
func TestEncodings(t *testing.T) {
	const rows = "name,city\nAnn,Zürich\nBob,日本\n"
	latin := strings.NewReplacer("ü", "\xfc", "日本", "x").Replace(rows)
	for _, c := range []struct {
		name, file string
		content    []byte
		err        string
	}{
		{"UTF-8", "a.csv", []byte(rows), ""},
		{"with a mark", "a.csv", []byte("\ufeff" + rows), ""},
		{"JSON lines", "a.jsonl", []byte("\ufeff{\"a\":\"Zürich\"}\n"), ""},
		{"Latin-1", "a.csv", []byte(latin), `:2: expected UTF-8 text, found the byte 0xfc, which is 'ü' in Latin-1 and Windows-1252: save the file as UTF-8`},
		{"Latin-1 in the header", "a.csv", []byte("stra\xdfe\nx\n"), `:1: expected UTF-8 text, found the byte 0xdf`},
		{"Latin-1 at the end", "a.csv", []byte("a\nb\xe4"), `:2: expected UTF-8 text, found the byte 0xe4`},
		{"Windows-1252 quotes", "a.csv", []byte("a\nb\n\x93c\x94\n"), ":3: expected UTF-8 text, found the byte 0x93: save"},
		{"Latin-1 in quotes over lines", "a.csv", []byte("a\n\"b\nc\nd\xe9\"\n"), `:4: expected UTF-8 text, found the byte 0xe9`},
		{"Latin-1 in JSON lines", "a.jsonl", []byte("{\"a\":1}\n{\"a\":\"\xe9t\xe9\"}\n"), ":2: expected UTF-8 text, found the byte 0xe9"},
		{"far behind", "a.csv", []byte("a\n" + strings.Repeat("é\n", 20_000) + "\xe9\n"), ":20002: expected UTF-8 text"},
		{"UTF-16LE", "a.csv", wide(rows, binary.LittleEndian, true), ":1: expected UTF-8 text, found UTF-16 (little-endian): save"},
		{"UTF-16BE", "a.csv", wide(rows, binary.BigEndian, true), ":1: expected UTF-8 text, found UTF-16 (big-endian): save"},
		{"UTF-16 without a mark", "a.jsonl", wide("{\"a\":1}\n", binary.LittleEndian, false), ":1: expected UTF-8 text, found UTF-16 (little-endian, without a byte order mark)"},
		{"UTF-32", "a.csv", []byte("\xff\xfe\x00\x00a\x00\x00\x00"), ":1: expected UTF-8 text, found UTF-32"},
		{"a trace", "a.txt", wide("0.1\n0.2\n", binary.LittleEndian, true), ":1: expected UTF-8 text, found UTF-16"},
		{"a list of targets", "a.http", wide("GET http://h/\n", binary.LittleEndian, true), ":1: expected UTF-8 text, found UTF-16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			var err error
			switch filepath.Ext(path) {
			case ".txt":
				_, err = arrivals.LoadTrace(path)
			case ".http":
				_, err = httpx.LoadTargets(path, "", os.ReadFile)
			default:
				_, err = payload.LoadData(path)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), path+c.err)) {
				t.Errorf("expected %q, found %v", c.err, err)
			}
		})
	}
}
