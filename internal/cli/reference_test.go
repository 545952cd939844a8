package cli

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/verdict"
)

var update = flag.Bool("update", false, "rewrite docs/reference.md")

// TestReference holds the manual's tables to the registries they describe.
func TestReference(t *testing.T) {
	const file = "../../docs/reference.md"
	tables := map[string]string{
		"shapes":          shapesTable(),
		"engines":         table("engine|what it is", attack.Engines(), func(e attack.EngineKind) []string { return []string{code1(e.Name), e.Doc} }),
		"template":        table("function|result", attack.TemplateFunctions(), func(f attack.TemplateFunction) []string { return []string{code1(f.Name), f.Doc} }),
		"error kinds":     table("kind|meaning", attack.Kinds(), func(k attack.ErrorKind) []string { return []string{code1(k.Name), k.Doc} }),
		"faults":          faultsTable(),
		"metrics":         verdict.MetricTable(),
		"scopes":          verdict.ScopeTable(),
		"run directory":   table("file|what it is", report.Outputs(), func(o report.Output) []string { return []string{code1(o.File), o.Doc} }),
		"exit codes":      exitTable(),
		"default verdict": "```yaml\n- " + strings.Join(verdict.Default(), "\n- ") + "\n```\n",
	}
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
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

// keys describes the fields of a shape or a fault as the scenario file has them.
func keys(v any) string {
	typ := reflect.TypeOf(v)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	var out []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, fmt.Sprintf("`%s`: %s", name, f.Tag.Get("doc")))
	}
	return strings.Join(out, "; ")
}

func shapesTable() string {
	return table("key|shape|its keys", attack.Shapes(), func(k attack.ShapeKind) []string {
		where := ""
		if !k.Flat {
			where = "below it: "
		}
		return []string{code1(k.Name), k.Doc, where + keys(k.New())}
	})
}

func faultsTable() string {
	return table("key|fault|its keys, besides service and pick|lasts", chaos.Kinds(), func(k chaos.Kind) []string {
		return []string{code1(k.Name), k.Doc, keys(k.New()), code1(k.Hold)}
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
