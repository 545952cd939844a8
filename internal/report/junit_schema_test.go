package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// lint holds a document against a schema in testdata with xmllint, of the Debian
// package libxml2-utils.
func lint(t *testing.T, schema string, doc []byte) {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		if os.Getenv("ORDEAL_REQUIRE_XMLLINT") != "" {
			t.Fatalf("xmllint is needed here: %v; install libxml2-utils", err)
		}
		t.Skipf("SKIPPED, not tested: junit.xml against the schemas: %v; install libxml2-utils", err)
	}
	file := filepath.Join(t.TempDir(), "junit.xml")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "xmllint", "--noout", "--nonet", "--schema", filepath.Join("testdata", schema), file).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\n%s", schema, err, out, doc)
	}
}

// ugly is a run whose texts are as bad as can be.
func ugly() *Run {
	bad := "\x00\x1b]]>&<\"'\r\n\t \uffff é"
	r := failed()
	r.Name, r.Dir, r.Engine = bad, bad, bad
	for i := range r.Report.Rules {
		r.Report.Rules[i].Name, r.Report.Rules[i].Why, r.Report.Rules[i].Observed = bad, bad, bad
	}
	r.Report.Rules = append(r.Report.Rules, verdict.RuleResult{})
	return r
}

// Whatever became of a run, its file is valid for Jenkins, for ant and for GitLab.
func TestJUnitIsValidEverywhere(t *testing.T) {
	all := runs()
	all["ugly"] = ugly()
	all["nothing"] = &Run{}
	all["a name of blanks"] = &Run{Name: " \t "}
	for name, r := range all {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteJUnit(&b, r); err != nil {
				t.Fatal(err)
			}
			gitlab(t, b.Bytes())
			lint(t, "junit-ant.xsd", b.Bytes())
			lint(t, "junit-jenkins.xsd", b.Bytes())
		})
	}
}

// gitlab checks what GitLab makes of a file, which has no schema: it reads cases within
// suites, and of a failure or an error it shows the text and not the attribute; some types
// mean to it that the text is no text.
func gitlab(t *testing.T, doc []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(doc))
	var path []string
	var text strings.Builder
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			path = append(path, tok.Name.Local)
			text.Reset()
			for _, a := range tok.Attr {
				if a.Name.Local == "type" && slices.Contains([]string{"symbol", "yaml", "file", "integer", "boolean", "date", "array"}, a.Value) {
					t.Errorf("%v has the type %s", path, a.Value)
				}
			}
			if tok.Name.Local == "testcase" && !slices.Equal(path, []string{"testsuite", "testcase"}) {
				t.Errorf("a case stands in %v", path)
			}
		case xml.CharData:
			text.Write(tok)
		case xml.EndElement:
			if n := tok.Name.Local; (n == "failure" || n == "error" || n == "skipped") && strings.TrimSpace(text.String()) == "" {
				t.Errorf("%v has no text", path)
			}
			path = path[:len(path)-1]
		}
	}
}
