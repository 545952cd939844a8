package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func terminal(t *testing.T, r *Run, s Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteTerminal(&b, r, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTerminalGolden(t *testing.T) {
	for name, r := range runs() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".txt", []byte(terminal(t, r, Style{Width: 80})))
		})
	}
	golden(t, "failed-wide.txt", []byte(terminal(t, failed(), Style{Width: 120})))
	golden(t, "failed-narrow.txt", []byte(terminal(t, failed(), Style{Width: 50})))
	golden(t, "failed-color.txt", []byte(terminal(t, failed(), Style{Width: 80, Color: true})))
}

var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTerminalColorChangesNothingElse(t *testing.T) {
	for name, r := range runs() {
		plain := terminal(t, r, Style{Width: 80})
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: escapes without colour", name)
		}
		colored := terminal(t, r, Style{Width: 80, Color: true})
		if colored == plain {
			t.Errorf("%s: no colour", name)
		}
		if stripped := colors.ReplaceAllString(colored, ""); stripped != plain {
			t.Errorf("%s: colour changes the text", name)
		}
	}
}

func TestTerminalFitsItsWidth(t *testing.T) {
	for name, r := range runs() {
		r.Dir = "runs/x" // a path is never cut: it must be possible to copy it
		for _, width := range []int{40, 60, 80, 100, 200} {
			out := terminal(t, r, Style{Width: width})
			if !utf8.ValidString(out) {
				t.Errorf("%s: invalid UTF-8", name)
			}
			for i, l := range strings.Split(out, "\n") {
				if w := ansi.StringWidth(l); w > width {
					t.Errorf("%s at %d: line %d is %d wide: %q", name, width, i+1, w, l)
				}
				if strings.TrimRight(l, " ") != l {
					t.Errorf("%s at %d: line %d ends in spaces: %q", name, width, i+1, l)
				}
			}
		}
	}
}

func TestTerminalSaysWhatMatters(t *testing.T) {
	tests := []struct {
		name string
		run  *Run
		says []string
	}{
		{"passed", passed(), []string{"PASS  shop survives a crash", "4 of 4 rules passed", "6,375 planned = 6,375 done + 0 unsent + 0 interrupted", "runs/20260102"}},
		{"failed", failed(), []string{"FAIL  ", "no caller notices the crash", "48.7%", "812 of 1667", "NO", "> 15.9s", "812", "status 502", "1 warned"}},
		{"inconclusive", inconclusive(), []string{"INCONCLUSIVE  ", "lower the rate", "neither good news nor bad"}},
		{"interrupted", interrupted(), []string{"INTERRUPTED  ", "after 14.2s of 28s", "5 interrupted", "faults are undone"}},
		{"dirty", dirty(), []string{"DIRTY  ", "restart the container hop-2", "ordeal heal"}},
		{"not done", notDone(), []string{"NOT DONE  ", "connection refused"}},
		{"no rules", onlyMeasured(), []string{"MEASURED  ", "no rules", "only measured"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := strings.Join(strings.Fields(terminal(t, tt.run, Style{})), " ")
			for _, s := range tt.says {
				if !strings.Contains(out, strings.Join(strings.Fields(s), " ")) {
					t.Errorf("%q is missing in:\n%s", s, out)
				}
			}
		})
	}
	if out := terminal(t, dirty(), Style{}); strings.Contains(out, "are undone") {
		t.Error("a dirty run says that its faults are undone")
	}
}

func TestWrapText(t *testing.T) {
	tests := []struct {
		in    string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 10, []string{"one two", "three"}},
		{"one  two", 10, []string{"one two"}},
		{"exactly ten", 11, []string{"exactly ten"}},
		{"abcdefghijkl mn", 10, []string{"abcdefghij", "kl mn"}},
		{"x abcdefghijkl", 10, []string{"x", "abcdefghij", "kl"}},
		{`request("checkout").p95 x`, 20, []string{`request("checkout")`, ".p95 x"}},
		{"漢字漢字漢字", 8, []string{"漢字漢字", "漢字"}},
	}
	for _, tt := range tests {
		if got := wrapText(tt.in, tt.width); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("wrapText(%q, %d) = %q, expected %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func FuzzWrapText(f *testing.F) {
	f.Add("one two three", 10)
	f.Add("\x1b[31m漢字 e\u0301\x00\xff", 9)
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = 8 + max(0, width)%200
		lines := wrapText(plain(s), width)
		for _, l := range lines {
			if w := ansi.StringWidth(l); w > width {
				t.Errorf("%q is %d wide, expected at most %d", l, w, width)
			}
		}
		join := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := join(strings.Join(lines, " ")); got != join(plain(s)) {
			t.Errorf("%q became %q", s, lines)
		}
	})
}
