package report

import (
	"bytes"
	"testing"
)

func TestSeveralGolden(t *testing.T) {
	failing := failed()
	failing.Dir = "runs/20260102-030405-shop-without-retries"
	all := []One{
		{File: "shop.yaml", Name: passed().Name, Run: passed(), Started: true},
		{File: "retries.yaml", Name: failing.Name, Run: failing, ExitCode: 1, Started: true},
		{File: "cart.yaml", Name: dirty().Name, Run: dirty(), ExitCode: 4, Started: true},
		{File: "full.yaml", Name: "no | room", ExitCode: 2, Why: "the run directory cannot be used: not a directory", Started: true},
		{File: "late.yaml", Name: "late", Why: "the run before may have left a fault in force"},
	}
	for width, name := range map[int]string{80: "several.80.txt", 140: "several.140.txt"} {
		var b bytes.Buffer
		if err := WriteSeveral(&b, all, Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
	var b bytes.Buffer
	if err := WriteSeveralMarkdown(&b, all); err != nil {
		t.Fatal(err)
	}
	golden(t, "several.md", b.Bytes())
	if err := WriteSeveral(brokenWriter{}, all, Style{}); err == nil {
		t.Error("a failed write gave no error")
	}
}
