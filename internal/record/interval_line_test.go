package record

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// recordedLines are the lines of intervals in the recordings that are kept.
func recordedLines(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("../../testdata/recordings/*/" + TimelineFile)
	if err != nil || len(files) == 0 {
		t.Fatalf("expected recordings, found none: %v", err)
	}
	var out [][]byte
	for _, f := range files {
		all, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(all) {
			if lineType(line) == typeInterval {
				out = append(out, line)
			}
		}
	}
	return out
}

// fullLine is an interval's line in which every field that is written has a value of its own.
func fullLine(t testing.TB) []byte {
	t.Helper()
	n := int64(0)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(n)
		case reflect.Uint64:
			v.SetUint(uint64(n))
		case reflect.String:
			v.SetString("ä" + strings.Repeat("x", int(n)))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0))
			fill(v.Index(1))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			for range 2 {
				key, to := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(key)
				fill(to)
				v.SetMapIndex(key, to)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" &&
					f.Type != reflect.TypeFor[timeline.Times]() {
					fill(v.Field(i))
				}
			}
		default:
			t.Fatalf("a line has a %s, which this test does not know", v.Type())
		}
	}
	var iv intervalLine
	fill(reflect.ValueOf(&iv).Elem())
	iv.Type = typeInterval
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(iv); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compareLines(t *testing.T, line []byte, got *intervalLine) {
	t.Helper()
	var want intervalLine
	if err := json.Unmarshal(line, &want); err != nil {
		t.Fatalf("read what encoding/json refuses: %v\n%s", err, line)
	}
	for i := range want.Cells {
		if want.Cells[i].Stats == nil {
			want.Cells[i].Stats = new(timeline.Stats)
		}
	}
	opts := []gocmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(timeline.Times{})}
	if diff := gocmp.Diff(&want, got, opts...); diff != "" {
		t.Fatalf("%s (-encoding/json +got):\n%s", line, diff)
	}
}

// TestPlainLines reads lines as the recorder writes them: all must be in the form that is read
// without encoding/json, and say the same.
func TestPlainLines(t *testing.T) {
	var p lineParser
	for _, line := range append(recordedLines(t), fullLine(t)) {
		got, ok := p.plain(line)
		if !ok {
			t.Fatalf("expected a line in the recorder's form, found one that has to be read by "+
				"encoding/json, from here on: %s", p.rest)
		}
		compareLines(t, line, got)
	}
}

// TestOtherLines reads lines in other forms, which are left to encoding/json.
func TestOtherLines(t *testing.T) {
	line := strings.TrimSpace(string(fullLine(t)))
	for name, other := range map[string]string{
		"blanks":         strings.Replace(line, `,"due":`, ` , "due" : `, 1),
		"order":          strings.Replace(line, `{"type":"interval",`, `{"lines":3,"type":"interval",`, 1),
		"escapes":        strings.Replace(line, `"ä`, `"\u00e4`, 1),
		"not UTF-8":      strings.Replace(line, "ä", "\xff", 1),
		"unknown key":    strings.Replace(line, `,"due":`, `,"later":[{}],"due":`, 1),
		"twice":          strings.Replace(line, `,"lines":`, `,"due":77,"lines":`, 1),
		"large number":   strings.Replace(line, `"planned":`, `"planned":184467440737095516`, 1),
		"empty list":     `{"type":"interval","from":0,"to":1,"due":0,"lines":0,"cells":[],"beats":[]}`,
		"null":           `{"type":"interval","from":0,"to":1,"due":0,"lines":0,"cells":null}`,
		"cell without":   `{"type":"interval","from":0,"to":1,"due":0,"lines":0,"cells":[{}]}`,
		"negative":       `{"type":"interval","from":-1,"to":1,"due":0,"lines":0,"cells":[]}`,
		"other capitals": strings.Replace(line, `"due"`, `"Due"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			var p lineParser
			if _, ok := p.plain([]byte(other)); ok {
				t.Error("expected that it is left to encoding/json, found that it was read")
			}
			var want intervalLine
			wantErr := json.Unmarshal([]byte(other), &want)
			got, err := p.interval([]byte(other))
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("found %v, encoding/json has %v", err, wantErr)
			}
			if err == nil {
				compareLines(t, []byte(other), got)
			}
		})
	}
	var p lineParser
	for i := range len(line) { // a torn line
		if _, err := p.interval([]byte(line[:i])); err == nil {
			t.Fatalf("read a line that was torn: %s", line[:i])
		}
	}
}

// FuzzIntervalLine holds the reader of lines in the recorder's form against encoding/json.
func FuzzIntervalLine(f *testing.F) {
	f.Add(fullLine(f))
	for i, line := range recordedLines(f) {
		if i%10 == 0 && len(line) < 2000 {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"type":"interval","from":0,"to":1,"due":0,"lines":0,"cells":[]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var p lineParser
		if got, ok := p.plain(line); ok {
			compareLines(t, line, got)
		}
	})
}
