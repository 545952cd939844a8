package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// unknownName is the mistake of naming a stage, request or fault that the
// scenario does not have.
func unknownName(off, length int, what, name string, known []string) *fielderr.Error {
	e := mistake(off, length, fmt.Sprintf("unknown %s %q", what, name), "")
	if len(known) == 0 {
		e.Hint = fmt.Sprintf("the scenario has no %ss", what)
		return e
	}
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	if near, ok := suggest.Nearest(name, known); ok {
		e.Hint = fmt.Sprintf("did you mean %q? ", near)
	}
	const most = 10
	quoted := make([]string, 0, most)
	for _, k := range known[:min(most, len(known))] {
		quoted = append(quoted, strconv.Quote(k))
	}
	e.Hint += fmt.Sprintf("%ss are %s", what, strings.Join(quoted, ", "))
	if more := len(known) - most; more > 0 {
		e.Hint += fmt.Sprintf(" and %d more", more)
	}
	return e
}

// unknownScope is the mistake of a word with parentheses that is no scope. rest is
// the rule from that word on.
func (v vocabulary) unknownScope(off int, name, rest string) *fielderr.Error {
	e := mistake(off, len(name), fmt.Sprintf("unknown scope %s", name), "")
	if hint, ok := foreignCall(rest, off > 0); ok {
		e.Msg, e.Hint = fmt.Sprintf("%s(...) is not how a percentile is written", name), hint
		return e
	}
	var names, told []string
	for _, s := range Scopes() {
		names = append(names, s.Name)
	}
	for _, m := range v.All() {
		if m.Takes != nil {
			told = append(told, m.Name)
		}
	}
	if near, ok := suggest.Nearest(name, append(told, shareForm)); ok {
		e.Hint = "did you mean " + ShareExample + "?"
		if m, ok := v.Find(near); ok {
			e.Hint = "did you mean " + m.Usage() + "?"
		}
		return e
	}
	switch near, ok := suggest.Nearest(name, names); {
	case name == baselineWord:
		e.Msg, e.Hint = "baseline takes no parentheses", "write baseline.p99"
	case v.isMetric(name):
		e.Msg = fmt.Sprintf("%s is a metric and takes no parentheses", name)
		e.Hint = fmt.Sprintf("write %s, or ask it of a scope: stage(\"steady\").%s", name, name)
	case foreignMetrics[plainWord(name)] != "":
		e.Msg = fmt.Sprintf("unknown metric %s, and metrics take no parentheses", name)
		e.Hint = foreignMetrics[plainWord(name)]
	case ok:
		e.Hint = fmt.Sprintf("did you mean %s? ", near)
		fallthrough
	default:
		e.Hint += "scopes are " + strings.Join(names, ", ")
	}
	return e
}

// unknownMetric is the mistake of a name that stands where a metric should.
func (v vocabulary) unknownMetric(off int, name string, inScope bool) *fielderr.Error {
	e := mistake(off, len(name), fmt.Sprintf("unknown metric %s", name), "")
	var names, basic []string
	for _, m := range v.All() {
		names = append(names, m.Name)
		if !strings.Contains(m.Name, ".") || IsPercentile(strings.SplitN(m.Name, ".", 2)[0]) {
			basic = append(basic, m.Name)
		}
	}
	if name == shareForm {
		e.Msg = "share takes a duration and a condition"
		e.Hint = "write " + ShareExample + " >= 95%"
		return e
	}
	if s := scopeByName(name); s != nil {
		e.Msg = fmt.Sprintf("%s is a scope and takes %s", name, s.Args)
		e.Hint = "write " + s.Example
		return e
	}
	if !inScope {
		for _, s := range Scopes() {
			names = append(names, s.Name)
		}
		names = append(names, baselineWord)
	}
	if number, _, _ := strings.Cut(name, "."); IsPercentile(number) {
		e.Hint = percentileHint(name)
		return e
	}
	for _, k := range timeline.SubjectKinds() {
		if _, ok := timeline.FigureOf(k.Kind, name); ok && foreignMetrics[plainWord(name)] == "" {
			e.Hint = fmt.Sprintf("it is asked of a %s: write %s.%s",
				k.Kind, scopeByName(string(k.Kind)).Example, name)
			return e
		}
	}
	if hint, ok := v.foreignMetric([]string{name}); ok {
		e.Hint = hint
		return e
	}
	if near, ok := suggest.Nearest(name, names); ok {
		if s := scopeByName(near); s != nil {
			near = s.Example
		}
		e.Hint = fmt.Sprintf("did you mean %s?", near)
		return e
	}
	e.Hint = "metrics are " + strings.Join(basic, ", ")
	return e
}

// percentileHint says what to write for a percentile that is none.
func percentileHint(name string) string {
	whole, part, _ := strings.Cut(name[1:], ".")
	whole, part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	switch {
	case whole == "" && part == "":
		return "percentiles lie between p0 and p100: write min for the least"
	case whole == "100" && part == "":
		return "percentiles lie between p0 and p100: write max for the greatest"
	case len(whole) > 2:
		if whole = strings.TrimRight(whole, "0"); len(whole) > 2 {
			whole = whole[:2] + "." + whole[2:]
		}
		return "percentiles lie between p0 and p100: did you mean p" + whole + "?"
	case whole == "":
		whole = "0"
	}
	if part != "" {
		part = "." + part
	}
	return "did you mean p" + whole + part + "?"
}
