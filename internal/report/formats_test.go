package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func formats() []Format {
	all := Summaries()
	for _, a := range Annotations() {
		all = append(all, a.Format)
	}
	return all
}

func TestMistakesOfAnnotations(t *testing.T) {
	for _, a := range Annotations() {
		var b bytes.Buffer
		mistakes := []strictyaml.Mistake{
			{File: "night/a,b.yaml", Line: 3, Col: 5, Len: 4, Msg: "expected 100%, found\nnothing", Hint: "write 100%"},
			{File: "nowhere.yaml", Msg: "there is no such file"},
			{File: "--set", Line: 1, Col: 1, Len: 1, Msg: "no"},
		}
		if err := a.Mistakes(&b, mistakes); err != nil {
			t.Fatal(err)
		}
		golden(t, "mistakes."+a.Name, b.Bytes())
		if err := a.Mistakes(brokenWriter{}, mistakes); err == nil {
			t.Errorf("%s: a failed write gave no error", a.Name)
		}
	}
}

func TestFormatsGolden(t *testing.T) {
	for name, r := range runs() {
		r.StopPlace = scenario.Place{File: "night.yaml", Line: 30, Col: 5, Len: 20}
		r.Places = []scenario.Place{{File: "night: a,b.yaml", Line: 12, Col: 5, Len: 17}, {File: "night.yaml", Line: 13}, {}}
		for _, f := range formats() {
			if f.Name == "json" {
				continue // it is summary.json
			}
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				var b bytes.Buffer
				if err := f.Write(&b, r); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+f.Name, b.Bytes())
			})
		}
	}
}

// What every format must keep, those to come included.
func TestFormatsConform(t *testing.T) {
	names := map[string]bool{}
	for _, f := range formats() {
		if f.Name == "" || f.Doc == "" || names[f.Name] {
			t.Errorf("format %q: it must have a name of its own and an explanation, found %q", f.Name, f.Doc)
		}
		names[f.Name] = true
		for name, r := range runs() {
			var a, b bytes.Buffer
			if err := f.Write(&a, r); err != nil {
				t.Errorf("%s of %s: %v", f.Name, name, err)
			}
			if err := f.Write(&b, r); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s of %s: two writes differ (%v)", f.Name, name, err)
			}
			if err := f.Write(brokenWriter{}, r); err == nil {
				t.Errorf("%s of %s: a failed write gave no error", f.Name, name)
			}
		}
		if err := f.Write(&bytes.Buffer{}, &Run{}); err != nil {
			t.Errorf("%s of an empty run: %v", f.Name, err)
		}
	}
}

// readMarkdown reads a summary as GitHub does: its tables, and all kinds of nodes in it.
func readMarkdown(src []byte) (tables [][][]string, kinds map[string]int) {
	kinds = map[string]int{}
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		kinds[n.Kind().String()]++
		switch n.Kind() {
		case extast.KindTable:
			tables = append(tables, nil)
		case extast.KindTableRow:
			tables[len(tables)-1] = append(tables[len(tables)-1], nil)
		case extast.KindTableCell:
			if rows := tables[len(tables)-1]; len(rows) > 0 {
				rows[len(rows)-1] = append(rows[len(rows)-1], textOf(n, src))
			}
		}
		return ast.WalkContinue, nil
	})
	return tables, kinds
}

// textOf is what a reader sees of a node that holds text alone.
func textOf(n ast.Node, src []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(src))
		} else {
			fmt.Fprintf(&b, "<%s>", c.Kind())
		}
	}
	return html.UnescapeString(b.String())
}

// Whatever texts a run has, they stand in the cells of the tables as they are, and make nothing
// else of them: no link, no image, no HTML, no other row.
func TestMarkdownHoldsTextsOfOthers(t *testing.T) {
	for _, evil := range []string{
		"a | b", `a \| b \`, "`code` | `", "<script>alert(1)</script>", "<!-- ", "&lt;&#124;|", "**bold** _it_ ~~no~~",
		"[x](http://evil.example) ![y](z)", "http://evil.example/x www.evil.example a@b.example", "\n\n# head\n- item\n1. one\n",
		"--- | ---", "::error::x", "$x$ :tada: @all #1", `"quoted" 'x'`, "ends with \\", "\x1b[31mred\x1b[0m\u202e", "1. a", "=====",
		strings.Repeat("long ", 400), "", " ",
	} {
		checkMarkdown(t, evil)
	}
}

func FuzzMarkdown(f *testing.F) {
	f.Add("a | b `c` <d> [e](f) http://g \\")
	f.Fuzz(func(t *testing.T, evil string) { checkMarkdown(t, evil) })
}

func checkMarkdown(t *testing.T, evil string) {
	t.Helper()
	r := failed()
	r.Name = evil
	r.Problems = []string{evil}
	for i := range r.Report.Rules {
		r.Report.Rules[i].Name, r.Report.Rules[i].Why, r.Report.Rules[i].CouldBe = "", evil, nil
	}
	var b bytes.Buffer
	if err := WriteMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	tables, kinds := readMarkdown(b.Bytes())
	for kind := range kinds {
		switch kind {
		case "Document", "Heading", "Paragraph", "Text", "TextBlock", "List", "ListItem",
			"Table", "TableHeader", "TableRow", "TableCell":
		default:
			t.Errorf("%q: a %s is in the summary:\n%s", evil, kind, b.String())
		}
	}
	if len(tables) != 3 || len(tables[0]) != len(r.Report.Rules) {
		t.Fatalf("%q: expected three tables, the first with %d rules, found %d:\n%s", evil, len(r.Report.Rules), len(tables), b.String())
	}
	want := strings.Join(strings.Fields(plaintext.Line(plaintext.Clip(evil, maxMarkdownCell))), " ")
	for _, row := range tables[0] {
		if len(row) != 5 || row[4] != want {
			t.Fatalf("expected a row that ends with %q, found %q in\n%s", want, row, b.String())
		}
	}
}

// A summary is never larger than GitHub takes, however much there is to say.
func TestMarkdownIsBounded(t *testing.T) {
	r := failed()
	long := strings.Repeat("<", 10_000)
	for range 5000 {
		r.Report.Rules = append(r.Report.Rules, verdict.RuleResult{KPI: long, Outcome: verdict.Fail, Why: long, Observed: long, Limit: long})
		r.Problems = append(r.Problems, long)
		r.Report.Faults = append(r.Report.Faults, r.Report.Faults[0])
	}
	var b bytes.Buffer
	if err := WriteMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Errorf("expected at most 1 MiB, found %d bytes", b.Len())
	}
	if !strings.Contains(b.String(), "and 4804 more") && !strings.Contains(b.String(), " more\n") {
		t.Error("what was left out is not said")
	}
}

// command is what GitHub's runner reads of a line that is a workflow command.
var command = regexp.MustCompile(`^::(error|warning) ([^:]*)::(.*)$`)

// unescape is the runner's reading of what was escaped.
func unescape(s string, property bool) string {
	pairs := []string{"%0D", "\r", "%0A", "\n", "%25", "%"}
	if property {
		pairs = append([]string{"%3A", ":", "%2C", ","}, pairs...)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

func FuzzGitHub(f *testing.F) {
	f.Add("100% of p99, a:b\r\n::set-env name=x::y", "night: a,b%.yaml")
	f.Add("%25%0A", "::")
	f.Fuzz(func(t *testing.T, evil, file string) {
		r := failed()
		r.Report.Rules = []verdict.RuleResult{{KPI: evil, Name: evil, Outcome: verdict.Fail, Why: evil, Observed: evil, Limit: evil}}
		r.Problems, r.Report.Why, r.Report.Faults = []string{evil}, nil, nil
		r.Places = []scenario.Place{{File: file, Line: 3, Col: 4, Len: 5}}
		var b bytes.Buffer
		if err := WriteGitHub(&b, r); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("expected two commands, found %d lines:\n%s", len(lines), b.String())
		}
		for i, line := range lines {
			m := command.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("expected a command, found %q", line)
			}
			got := map[string]string{}
			for p := range strings.SplitSeq(m[2], ",") {
				name, value, ok := strings.Cut(p, "=")
				if !ok {
					t.Fatalf("expected name=value, found %q in %q", p, line)
				}
				got[name] = unescape(value, true)
			}
			clean := plaintext.Lines(evil)
			if i == 1 {
				if unescape(m[3], false) != clean || got["title"] != plaintext.Lines("ordeal: "+r.Name) {
					t.Errorf("problem %q reads %q, %q", evil, m[3], got)
				}
				continue
			}
			if got["file"] != plaintext.Lines(file) && file != "" || got["title"] != "fail: "+clean || !strings.HasSuffix(unescape(m[3], false), clean) {
				t.Errorf("%q in %q reads %q, %q", evil, file, got, m[3])
			}
		}
	})
}

// GitLab reads three metrics of its load performance report.
func TestLoadPerformanceHasWhatGitLabReads(t *testing.T) {
	type report struct {
		Metrics struct {
			Requests struct{ Rate *float64 }         `json:"http_reqs"`
			Waiting  map[string]float64              `json:"http_req_waiting"`
			Checks   struct{ Passes, Fails *uint64 } `json:"checks"`
		}
	}
	for name, r := range runs() {
		var b bytes.Buffer
		if err := WriteLoadPerformance(&b, r); err != nil {
			t.Fatal(err)
		}
		var got report
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		m, total := got.Metrics, r.Report.Totals
		if total.Planned == 0 {
			if m.Requests.Rate != nil || m.Waiting != nil || m.Checks.Passes != nil {
				t.Errorf("%s: nothing was measured, found %s", name, b.String())
			}
			continue
		}
		if m.Requests.Rate == nil || m.Waiting["p(90)"] != float64(*total.Latency.P90)/1e6 || m.Waiting["p(95)"] == 0 {
			t.Errorf("%s: no rate, or not the percentiles of the response times, in ms:\n%s", name, b.String())
		}
		if m.Checks.Passes == nil || *m.Checks.Fails != total.Errors || *m.Checks.Passes+*m.Checks.Fails+total.Cut != total.Done+total.Unsent {
			t.Errorf("%s: the checks are not the arrivals:\n%s", name, b.String())
		}
	}
}
