package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

var update = flag.Bool("update", false, "rewrite docs/reference.md")

// TestReference holds the manual's tables to the registries they describe.
func TestReference(t *testing.T) {
	const file = "../../docs/reference.md"
	tables := map[string]string{
		"keys":            keysTable(t),
		"shapes":          shapesTable(),
		"engines":         table("engine|what it is", protocols.Engines(), func(e httpx.EngineKind) []string { return []string{code1(e.Name), e.Doc} }),
		"template":        table("template|result", payload.TemplateFunctions(), func(f payload.TemplateFunction) []string { return []string{code1(f.Usage), f.Doc} }),
		"reasons":         table("reason|meaning", verdict.Reasons(), func(r verdict.ReasonDoc) []string { return []string{code1(string(r.Reason)), r.Doc} }),
		"error kinds":     table("kind|meaning", timeline.Kinds(), func(k timeline.ErrorKind) []string { return []string{code1(k.Name), k.Doc} }),
		"faults":          faultsTable(),
		"metrics":         verdict.MetricTable(),
		"scopes":          rule.ScopeTable(),
		"figures":         rule.FigureTable(),
		"aggregates":      rule.AggregateTable(),
		"sources":         table("source|what is read", observe.Sources(), func(s observe.SourceKind) []string { return []string{code1(s.Name), s.Doc} }),
		"run directory":   table("file|what it is", report.Outputs(), func(o report.Output) []string { return []string{code1(o.File), o.Doc} }),
		"exit codes":      exitTable(),
		"default verdict": "```yaml\n- " + strings.Join(verdict.Default(verdict.Names{}), "\n- ") + "\n```\n",
	}
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tables["contents"] = contents(string(old))
	section := regexp.MustCompile(`(?s)<!-- table: ([a-z ]+) -->\n.*?<!-- end -->`)
	seen := make(map[string]bool)
	fresh := section.ReplaceAllStringFunc(string(old), func(s string) string {
		name := section.FindStringSubmatch(s)[1]
		seen[name] = true
		return fmt.Sprintf("<!-- table: %s -->\n%s<!-- end -->", name, tables[name])
	})
	for name := range tables {
		if !seen[name] {
			t.Errorf("docs/reference.md has no place for the table %q", name)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), fresh); diff != "" {
		t.Errorf("docs/reference.md is behind the registries; make golden rewrites it (-file +registries):\n%s", diff)
	}
}

// contents lists the chapters of a page of Markdown, each with its sections, with the anchors
// that GitHub gives them: of headings that are the same, the second ends in -1.
func contents(page string) string {
	var b strings.Builder
	anchors := make(map[string]int)
	between, code := "", false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		marks, title, ok := strings.Cut(line, " ")
		if code || !ok || marks != "##" && marks != "###" {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, title)
		if n := anchors[anchor]; n > 0 {
			anchors[anchor]++
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		} else {
			anchors[anchor] = 1
		}
		if marks == "##" {
			fmt.Fprintf(&b, "\n- [%s](#%s)", title, anchor)
			between = ": "
		} else {
			fmt.Fprintf(&b, "%s[%s](#%s)", between, title, anchor)
			between = ", "
		}
	}
	return strings.TrimPrefix(b.String(), "\n") + "\n"
}

func TestContents(t *testing.T) {
	page := "# Page\n## Rules\n### Scopes, and more\n```sh\n## no heading\n```\n### Units\n## Rules\n"
	want := "- [Rules](#rules): [Scopes, and more](#scopes-and-more), [Units](#units)\n- [Rules](#rules-1)\n"
	if diff := cmp.Diff(want, contents(page)); diff != "" {
		t.Error(diff)
	}
}

func code1(s string) string { return "`" + s + "`" }

func table[T any](head string, rows []T, cells func(T) []string) string {
	var b strings.Builder
	columns := strings.Split(head, "|")
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, r := range rows {
		c := cells(r)
		for i := range c {
			c[i] = strings.ReplaceAll(c[i], "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(c, " | "))
	}
	return b.String()
}

// keysOf lists the keys of a shape or a fault as the scenario file has them,
// and what they mean.
func keysOf(v any) (names []string, doc string) {
	typ := reflect.TypeOf(v)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	var docs []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		names = append(names, name)
		docs = append(docs, fmt.Sprintf("`%s`: %s", name, f.Tag.Get("doc")))
	}
	return names, strings.Join(docs, "; ")
}

// keysTable lists the keys of the scenario file but those of stages and faults,
// which have tables of their own.
func keysTable(t *testing.T) string {
	type schema struct {
		Description string
		Default     any
		Properties  map[string]*schema
		Items       *schema
		Additional  json.RawMessage `json:"additionalProperties"`
		AnyOf       []struct{ Enum []string }
	}
	var root schema
	if err := json.Unmarshal(scenario.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	type row struct{ key, doc, preset string }
	var rows []row
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[name]
			if key := path + name; key != "attack.stages" && key != "chaos" {
				preset := ""
				if p.Default != nil {
					preset = code1(fmt.Sprint(p.Default))
				}
				doc := p.Description
				for _, a := range p.AnyOf {
					if len(a.Enum) > 0 {
						doc += "; one of " + strings.Join(a.Enum, ", ")
					}
				}
				rows = append(rows, row{code1(key), doc, preset})
				walk(key+".", p)
				if p.Items != nil {
					walk(key+"[].", p.Items)
				}
				var named schema
				if len(p.Additional) > 0 && json.Unmarshal(p.Additional, &named) == nil {
					walk(key+".NAME.", &named)
				}
			}
		}
	}
	walk("", &root)
	return table("key|meaning|default", rows, func(r row) []string { return []string{r.key, r.doc, r.preset} })
}

func shapesTable() string {
	return table("as it is written|shape|its keys", arrivals.Shapes(), func(k arrivals.ShapeKind) []string {
		names, doc := keysOf(k.New())
		if k.Name == "pause" {
			doc = "" // there is nothing to say of true
		}
		if k.Written != "" {
			return []string{code1(k.Written), k.Doc, doc}
		}
		if k.Flat {
			return []string{code1(strings.Join(names, ": …, ") + ": …"), k.Doc, doc}
		}
		return []string{code1(k.Name + ": { " + strings.Join(names, ", ") + " }"), k.Doc, doc}
	})
}

func faultsTable() string {
	return table("as it is written|fault|its own keys|how long, said beside it", chaos.Kinds(), func(k chaos.Kind) []string {
		names, doc := keysOf(k.New())
		written := k.Name + ": { " + strings.Join(append([]string{"service", "pick"}, names...), ", ") + " }"
		return []string{code1(written), k.Doc, doc, code1(k.Hold)}
	})
}

func exitTable() string {
	return table("exit|meaning", run.ExitCodes, func(c struct {
		Code    run.ExitCode
		Meaning string
	}) []string {
		return []string{fmt.Sprint(int(c.Code)), c.Meaning}
	})
}
