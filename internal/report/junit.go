package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// The part of JUnit's format that Jenkins, GitLab and ant's junitreport all read:
// its root is one suite, as junitreport refuses any other, with all that ant's schema
// asks for, in its order; what a case prints stands with the suite, as a case of that
// schema has its outcome alone.
type junitSuite struct {
	XMLName    xml.Name        `xml:"testsuite"`
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	SystemOut  string          `xml:"system-out"`
	SystemErr  string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Classname string        `xml:"classname,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitOutcome `xml:"failure"`
	Error     *junitOutcome `xml:"error"`
	Skipped   *junitOutcome `xml:"skipped"`
	facts     string        // what a case that passed prints
}

type junitOutcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes junit.xml, one test case for each rule:
//
//   - failed: failure;
//   - inconclusive: error, as CI must not take it for a pass;
//   - either of these in a rule of severity warn: skipped, which CI shows, and
//     which does not break the build, as the exit code does not.
//
// A case of its own, "the run itself", is added if the run could not be done,
// undone or trusted for a reason that no rule carries; or, skipped, if it has no
// rules, as then nothing was judged.
func WriteJUnit(w io.Writer, r *Run) error {
	t := r.timeline()
	seconds := junitSeconds(t.Duration)
	suite := junitSuite{
		Name: cmp.Or(
			strings.TrimSpace(r.Name),
			"ordeal",
		), Time: seconds, Hostname: cmp.Or(r.Host.Name, "localhost"),
		// Without a time of its own a run that was not done has the least there is.
		Timestamp: t.Start.UTC().Format("2006-01-02T15:04:05"),
		Properties: []junitProperty{
			{"verdict", string(r.Report.Outcome)},
			{"exit_code", strconv.Itoa(r.ExitCode)},
			{"seed", strconv.FormatUint(r.Seed, 10)},
			{"run_directory", r.Dir},
			{"version", r.Version},
		},
	}
	if r.Engine != "" { // something is sent by HTTP
		suite.Properties = slices.Insert(suite.Properties, 3, junitProperty{"engine", r.Engine})
	}
	for _, rule := range r.Report.Rules {
		suite.Cases = append(suite.Cases, ruleCase(r.Name, seconds, rule))
	}
	if c, ok := runCase(r, seconds); ok {
		suite.Cases = append(suite.Cases, c)
	}
	suite.Tests = len(suite.Cases)
	for i := range suite.Cases {
		suite.Cases[i].clean()
	}
	for _, c := range suite.Cases {
		suite.SystemOut += c.facts
		switch {
		case c.Failure != nil:
			suite.Failures++
		case c.Error != nil:
			suite.Errors++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	for _, l := range append(observedLines(r), ledgerLines(r)...) {
		suite.SystemOut += l + "\n"
	}
	suite.SystemOut = plaintext.Lines(suite.SystemOut)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// clean removes control characters from texts of services and servers, so that any reader of the
// file can show them.
func (c *junitCase) clean() {
	c.Name, c.Classname = plaintext.Line(c.Name), plaintext.Line(c.Classname)
	for _, o := range []*junitOutcome{c.Failure, c.Error, c.Skipped} {
		if o != nil {
			o.Message, o.Text = plaintext.Lines(o.Message), plaintext.Lines(o.Text)
		}
	}
}

func ruleCase(run, seconds string, rule verdict.RuleResult) junitCase {
	c := junitCase{Name: rule.KPI, Classname: "ordeal." + run, Time: seconds}
	if rule.Name != "" {
		c.Name = rule.Name
	}
	facts := fmt.Sprintf(
		"rule: %s\nobserved: %s\nlimit: %s\n",
		rule.KPI,
		orDash(rule.Observed),
		orDash(rule.Limit),
	)
	if rule.Interval != nil {
		facts += fmt.Sprintf("%s interval: %s\n",
			quantity.FormatFraction(rule.Interval.Level), rule.Interval.Text)
	}
	if rule.Samples > 0 {
		facts += "samples: " + quantity.FormatWhole(rule.Samples) + "\n"
	}
	if rule.CouldBe != nil {
		facts += "could be: " + rule.CouldBe.Text + "\n"
	}
	if rule.Description != "" {
		facts = "description: " + rule.Description + "\n" + facts
	}
	if rule.Why != "" {
		facts += "why: " + rule.Why + "\n"
	}
	if rule.Worst != nil {
		facts += rule.Worst.String() + "\n"
	}
	message := fmt.Sprintf("%s: observed %s", rule.KPI, orDash(rule.Observed))
	switch warn := rule.Severity == verdict.SeverityWarn; {
	case rule.Outcome == verdict.Pass:
		c.facts = facts + "\n"
	case rule.Outcome == verdict.Fail && !warn:
		c.Failure = &junitOutcome{message, "failed", facts}
	case rule.Outcome == verdict.Fail || rule.Outcome == verdict.Warn:
		c.Skipped = &junitOutcome{Message: "warning: " + message, Text: facts}
	case warn:
		c.Skipped = &junitOutcome{
			Message: "warning, inconclusive: " + unsure(rule, message),
			Text:    facts,
		}
	default:
		c.Error = &junitOutcome{"inconclusive: " + unsure(rule, message), "inconclusive", facts}
	}
	return c
}

// unsure adds to the message of an inconclusive rule where its figure could lie.
func unsure(rule verdict.RuleResult, message string) string {
	switch {
	case rule.Observed == "":
		return rule.KPI
	case rule.CouldBe != nil && rule.CouldBe.WithMore:
		return message + ", with enough samples it could be " + rule.CouldBe.Text
	case rule.CouldBe != nil:
		return message + ", could be " + rule.CouldBe.Text
	}
	return message
}

func runCase(r *Run, seconds string) (junitCase, bool) {
	c := junitCase{Name: "the run itself", Classname: "ordeal." + r.Name, Time: seconds}
	reasons := append([]string{}, r.Problems...)
	kind := "not-done"
	for _, f := range r.Report.Faults {
		if f.Dirty {
			kind = "dirty"
			reasons = append(reasons, dirtyLine(&f))
		}
	}
	if len(r.Report.Why) > 0 {
		reasons = append(reasons, r.Report.Why...)
		if r.Report.Outcome == verdict.Inconclusive && len(r.Problems) == 0 && !r.Dirty {
			kind = "inconclusive"
		}
	}
	if stop := r.timeline().Stopped; stop != nil && stop.By == timeline.StoppedByAlarm &&
		len(r.Problems) == 0 && !r.Dirty {
		kind = "aborted"
	}
	if r.timeline().Interrupted {
		kind = "interrupted"
		reasons = append(reasons, "the run was interrupted")
	}
	if r.Dirty && len(reasons) == 0 {
		kind = "dirty"
		reasons = append(reasons, "a fault may still be in force")
	}
	switch {
	case kind == "aborted":
		c.Failure = &junitOutcome{reasons[0], kind, strings.Join(reasons, "\n") + "\n"}
	case len(reasons) > 0:
		c.Error = &junitOutcome{reasons[0], kind, strings.Join(reasons, "\n") + "\n"}
	case len(r.Report.Rules) == 0:
		c.Skipped = &junitOutcome{Message: "no rules", Text: "the run only measured\n"}
	default:
		return c, false
	}
	return c, true
}

func junitSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// dirtyLine says what may still be in force, and what to do.
func dirtyLine(f *verdict.FaultResult) string {
	s := fmt.Sprintf("fault %s on %s was not undone", f.Name, strings.Join(f.Targets, ", "))
	if f.Error != "" {
		s += ": " + f.Error
	}
	if f.Remedy != "" {
		s += "; " + f.Remedy
	}
	return s
}
