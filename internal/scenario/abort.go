package scenario

import (
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// alarmsFile is a list of conditions that end the run: texts, error_rate > 50% for 10s, or
// mappings.
type alarmsFile []alarmEntry

type alarmEntry struct {
	alarmFile
	when   *strictyaml.Node
	name   *strictyaml.Node // where its name stands; nil if it cannot have one
	source strictyaml.Expansion
	rule   *verdict.Rule // nil until it was compiled, and if it has a mistake
}

const exampleAlarm = "error_rate > 50% for 10s"

func (a *alarmsFile) DecodeNode(
	d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field,
) (ok bool) {
	if n.Kind != strictyaml.List {
		d.Failf(n.Span, "write a list of abort rules, such as - "+exampleAlarm,
			"%s: expected a list, found %s", f.Key, n.Describe())
		return false
	}
	ok = true
	for _, item := range n.Items {
		e, read := readAlarm(d, item)
		if ok = ok && read; read {
			*a = append(*a, e)
		}
	}
	return ok
}

func readAlarm(d *strictyaml.Decoder, n *strictyaml.Node) (e alarmEntry, ok bool) {
	e.when = n
	switch {
	case n.Kind == strictyaml.Map:
		if !d.Decode(n, &e.alarmFile, "an abort rule") {
			return e, false
		}
		e.when, e.name = d.Where(&e.When, n), d.Where(&e.Name, n)
		e.source, ok = d.Expand(e.when, noRunNames)
		e.When = e.source.Text
		return e, ok && e.whole(d, d.Where(&e.For, n))
	case !n.IsScalar():
		d.Failf(n.Span, "write an abort rule such as "+exampleAlarm,
			"expected an abort rule, found %s", n.Describe())
		return e, false
	}
	grammar.SetDefaults(&e.alarmFile)
	if e.source, ok = d.Expand(n, noRunNames); !ok {
		return e, false
	}
	e.When = e.source.Text
	at := strings.LastIndex(e.When, forWord)
	if at < 0 {
		return e, true
	}
	text := strings.TrimSpace(e.When[at+len(forWord):])
	from, length := e.source.Raw(at+len(forWord), len(e.When)-at-len(forWord))
	var err error
	if e.For, err = quantity.ParseDuration(text); err != nil {
		d.Failf(d.Locate(n, from, length), "write "+exampleAlarm, "for: %v", err)
		return e, false
	}
	e.When = e.When[:at]
	return e, e.wholeAt(d, d.Locate(n, from, length))
}

// forWord stands between a condition and for how long it must hold.
const forWord = " for "

func (e *alarmEntry) whole(d *strictyaml.Decoder, at *strictyaml.Node) bool {
	return e.wholeAt(d, at.Span)
}

// wholeAt refuses times between seconds: an alarm is judged once a second.
func (e *alarmEntry) wholeAt(d *strictyaml.Decoder, at strictyaml.Span) bool {
	if e.For >= time.Second && e.For%time.Second == 0 {
		return true
	}
	d.Failf(at, "write for: 10s", "expected whole seconds, at least 1s, found %s: "+
		"abort rules are judged once a second", quantity.FormatDuration(e.For))
	return false
}

func (a *alarmsFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	return strictyaml.ListOf(strictyaml.Schema{"anyOf": []strictyaml.Schema{
		{"type": "string", "minLength": 1}, g.Object(&alarmFile{}, false),
	}})
}

// alarms compiles the abort rules.
func (b *builder) alarms(names verdict.Names) []PlannedAlarm {
	var out []PlannedAlarm
	for i := range b.file.Abort {
		e := &b.file.Abort[i]
		if e.name != nil {
			b.names.rejectSecret(e.name)
		}
		r, wrong := verdict.CompileAlarm(e.When, names)
		b.wrongRule(e.when, e.source, wrong,
			"an abort rule says what is wrong, and for how long it may be: "+exampleAlarm)
		if e.rule = r; wrong == nil {
			out = append(out, PlannedAlarm{
				When: strings.TrimSpace(e.When), For: e.For, Name: e.Name,
				Description: e.Description, Rule: r, At: b.place(e.when),
			})
		}
	}
	return out
}
