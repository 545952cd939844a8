package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The whole report, with all that can be there and can be missing.
func TestReport(t *testing.T) {
	short := fullSitting()
	short.Parts, short.Micro, short.MicroErr = []string{stall}, nil, ""
	for k := range short.runs {
		if k.Part != stall {
			delete(short.runs, k)
		}
	}
	for name, s := range map[string]*sitting{"full": fullSitting(), "one-part": short} {
		t.Run(name, func(t *testing.T) {
			got, err := s.markdown()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".md")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("not as in %s: see the difference with go test -update and git diff\n%s", file, got)
			}
		})
	}
}

func TestDisturbed(t *testing.T) {
	s := fullSitting()
	const said = "This sitting was disturbed"
	if text, err := s.markdown(); err != nil || strings.Contains(string(text), said) {
		t.Errorf("disturbed without anyone, or %v", err)
	}
	for k := range s.runs {
		for i := range s.runs[k] {
			s.runs[k][i].Others = 0.2
		}
	}
	if text, err := s.markdown(); err != nil || !strings.Contains(string(text), said) {
		t.Errorf("not said that the sitting was disturbed, or %v", err)
	}
}

func TestTable(t *testing.T) {
	x := &table{head: []string{"a", ">b", "c"}}
	x.add("1", "2")
	x.add("", "3", "a|b")
	x.note("tool", "%d %%", 5)
	x.note("tool", "not there.")
	want := "| a | b | c |\n| --- | --: | --- |\n| 1 | 2 | |\n| | 3 | a\\|b |\n\n- tool: 5 %.\n- tool: not there."
	if got := x.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What a tool is worse at must not look better for the ratio's sake.
func TestRatio(t *testing.T) {
	s := &sitting{Each: time.Second, runs: make(map[key][]outcome)}
	l := atPeak(s)
	s.runs[key{l, "a"}] = []outcome{figuresOf(10, ms, 0), figuresOf(20, ms, 0), {Err: "x"}, figuresOf(90, ms, 0)}
	s.runs[key{l, "b"}] = []outcome{figuresOf(10, ms, 0), figuresOf(10, ms, 0), figuresOf(1, ms, 0)}
	if got := s.ratio(l, "a", "b", rateOf); got != 1 { // of 1 and 2, the lower
		t.Error(got)
	}
	if got := s.ratio(l, "a", "c", rateOf); got != 0 {
		t.Errorf("to nothing: %v", got)
	}
}
