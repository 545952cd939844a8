package scenario

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// RuleFlag is the flag that gives a rule for a run that was recorded.
const RuleFlag = "--rule"

// LoadRules reads the rules of a scenario file, and nothing else of it, for a run that was
// recorded: known is what that run has. Without a file, "", the rules are kpis. The error is
// *strictyaml.Mistakes, with positions in the file or in the flags' texts.
func LoadRules(path string, kpis []string, env Env, known verdict.Names) ([]PlannedRule, error) {
	if path != "" {
		src, wrong := readFile(path, strictyaml.MaxSource)
		if wrong != nil {
			return nil, &strictyaml.Mistakes{List: []strictyaml.Mistake{{
				File: path, Msg: wrong.it(), Hint: "name a file with rules under verdict:",
			}}}
		}
		return parseRules(path, string(src), nil, env, known)
	}
	var set []strictyaml.Override
	for i, kpi := range kpis {
		at := []string{"verdict", fmt.Sprint(i)}
		set = append(set, strictyaml.Override{Flag: RuleFlag, Text: kpi, Path: at})
	}
	places := strings.TrimSuffix(strings.Repeat("x, ", len(kpis)), ", ")
	return parseRules(RuleFlag, "verdict: ["+places+"]\n", set, env, known)
}

// parseRules reads the rules in a text. Of the keys beside them only their names are looked at:
// what else a scenario says may need variables and files that are gone.
func parseRules(
	file, text string, set []strictyaml.Override, env Env, known verdict.Names,
) ([]PlannedRule, error) {
	source := grammarOf(protocols.All()).Source(file, text)
	root := source.Parse()
	if root == nil {
		return nil, source.Err(nil)
	}
	root = source.Override(root, set)
	secrets := secretSet{}
	vars := newVariables(source, env, secrets)
	d := source.Decoder(vars.resolve)
	b := &builder{
		Decoder: d, file: &scenarioFile{}, root: root, vars: vars, secrets: secrets,
		files: &files{Decoder: d, dir: filepath.Dir(file)},
	}
	var rules []PlannedRule
	if b.readRulesOnly() {
		b.names = &names{Decoder: d, env: env, secrets: b.file.Secrets}
		rules = b.compileRules(b.file.Verdict, known, verdict.Compile)
	}
	if err := source.Err(secret.NewRedactor(secrets.sorted())); err != nil {
		return nil, err
	}
	return rules, nil
}

// readRulesOnly reads the rules, which variables are secrets, and in which version of the
// language that is; false, with the mistake noted, if there are no rules.
func (b *builder) readRulesOnly() (ok bool) {
	o := b.Object(b.root, b.file.Noun())
	if o == nil {
		return false
	}
	for _, f := range grammar.Fields(b.file) {
		n, there := o.Take(f.Key)
		switch {
		case !there:
		case f.Key == "verdict":
			ok = b.Field(n, f)
		case f.Key == "secrets", f.Key == "version":
			b.Field(n, f)
		}
	}
	b.version()
	if !b.Set(&b.file.Verdict) {
		b.Failf(b.root.Span,
			"write rules under verdict:, such as verdict: [p99 < 200ms]",
			"the file has no rules to judge by")
	}
	return o.Done() && ok
}
