// Package payload makes what requests carry: texts with templates in them, the rows
// of data that templates draw from, and bodies from files. What a template makes of
// an arrival depends on the plan's seed and that arrival alone.
package payload

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// TemplateFunction is something that templates can call beside text/template's
// own functions.
type TemplateFunction struct {
	Name, Usage, Doc string
}

// TemplateFunctions lists them. What they return depends on the plan's seed and
// the arrival alone, so that a run can be repeated.
func TemplateFunctions() []TemplateFunction {
	return []TemplateFunction{
		{"seq", "{{ seq }}", "the arrival's place in the whole schedule, from 0: no two are alike"},
		{"nth", "{{ nth }}", "the arrival's place among the arrivals of its request, from 0"},
		{"randInt", "{{ randInt 1 6 }}", "a whole number between two others, both included"},
		{"uuid", "{{ uuid }}", "a random (version 4) UUID"},
		{
			"raw",
			"{{ raw .path }}",
			"in a URL: a value as it stands, where all others are percent-encoded",
		},
	}
}

// ParseTemplate says what is wrong with a template's syntax, nil if nothing. A
// string without {{ is always right.
func ParseTemplate(s string) error {
	_, err := New(s, new(Draw))
	return err
}

// Draw is the state behind the template functions for one arrival.
type Draw struct {
	Seed    uint64
	seq     uint64     // of the arrival in the schedule
	nth     uint64     // of it among those of its request
	rng     *rand.Rand // nil until an arrival's first random number
	streams seed.Streams
	name    []byte // of the stream
	work    int    // bytes that functions made
	steps   int    // turns of loops, calls of templates
}

func (d *Draw) Reset(seq, nth uint64) { d.seq, d.nth, d.rng, d.work, d.steps = seq, nth, nil, 0, 0 }

func (d *Draw) random() *rand.Rand {
	if d.rng == nil {
		d.name = strconv.AppendUint(append(d.name[:0], "template/"...), d.seq, 10)
		d.rng = d.streams.Next(d.Seed, d.name)
	}
	return d.rng
}

// randInt is a number from lo to hi, which is no less.
func (d *Draw) randInt(lo, hi int) int {
	if uint64(hi)-uint64(lo) == 1<<64-1 {
		return int(d.random().Uint64())
	}
	return int(uint64(lo) + d.random().Uint64N(uint64(hi)-uint64(lo)+1))
}

func (d *Draw) appendUUID(b []byte) []byte {
	r := d.random()
	hi, lo := r.Uint64(), r.Uint64()
	hi = hi&^0xf000 | 0x4000           // version 4: random
	lo = lo&^(0b11<<62) | (0b10 << 62) // variant of RFC 9562
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	b = hex.AppendEncode(b, id[:4])
	for at := 4; at < 10; at += 2 {
		b = hex.AppendEncode(append(b, '-'), id[at:at+2])
	}
	return hex.AppendEncode(append(b, '-'), id[10:])
}

func (d *Draw) functions() template.FuncMap {
	return template.FuncMap{
		"seq": func() uint64 { return d.seq },
		"nth": func() uint64 { return d.nth },
		"randInt": func(lo, hi int) (int, error) {
			if hi < lo {
				return 0, fmt.Errorf(
					"expected two numbers in ascending order, found %d and %d",
					lo,
					hi,
				)
			}
			return d.randInt(lo, hi), nil
		},
		"uuid": func() string { return string(d.appendUUID(nil)) },
		"raw":  func(v any) rawText { return rawText(fmt.Sprint(v)) },
	}
}

// Row is what templates of one arrival draw from.
type Row struct {
	data   *Data
	at     int     // the row of data
	values *Values // of the flow; come before data; never nil
	shared *Values // of all arrivals; likewise
	// All sources as one map; made when text/template needs it.
	all     map[string]string
	Missing func(column string) error // in place of noColumn
}

// NoColumn is the error of a template that names a column that is not there.
type NoColumn string

func (c NoColumn) Error() string { return fmt.Sprintf("the data row has no column %q", string(c)) }

func (r *Row) noColumn(column string) error {
	if r.Missing != nil {
		return r.Missing(column)
	}
	return NoColumn(column)
}

// noValues are those of a call that is no step of a flow.
var noValues Values

// Reset makes r the row for the nth arrival of a request. v may be nil.
func (r *Row) Reset(d *Data, nth uint64, v *Values) {
	if *r = (Row{values: v, shared: &noValues}); v == nil {
		r.values = &noValues
	}
	if n := d.Len(); n > 0 {
		r.data, r.at = d, int(nth%uint64(n))
	}
}

// Share has templates draw from the present columns of s too. No other source has a column of
// their names.
func (r *Row) Share(s *Shared) { r.shared = s.values() }

// appendTo adds a value to b, false if there is no such column.
func (r *Row) appendTo(b []byte, column string) ([]byte, bool) {
	if v, ok := r.values.texts[column]; ok {
		return append(b, v...), true
	}
	if v, ok := r.shared.texts[column]; ok {
		return append(b, v...), true
	}
	v, ok := r.data.bytes(r.at, column)
	return append(b, v...), ok
}

func (r *Row) columns() map[string]string {
	switch {
	case r.all != nil:
	case r.data == nil && len(r.shared.texts) == 0:
		r.all = r.values.texts
	case r.data == nil && len(r.values.texts) == 0:
		r.all = r.shared.texts
	default:
		r.all = make(map[string]string)
		if r.data != nil {
			maps.Insert(r.all, r.data.Row(r.at))
		}
		maps.Copy(r.all, r.shared.texts)
		maps.Copy(r.all, r.values.texts)
	}
	return r.all
}

// Template is a string that may hold a template. One that only puts values in is
// kept as segments, which take a tenth of the time of text/template and no allocation. A template
// that does more is rendered by text/template.
type Template struct {
	literal  string
	inURL    bool // values are percent-encoded
	segments []segment
	tmpl     *template.Template
	draw     *Draw // of the values; nil: just the literal
}

// IsFixed says that the text is the same for all arrivals.
func (t *Template) IsFixed() bool { return t.draw == nil }

// Begin is a text that every rendering begins with; it may be shorter than it could be.
func (t *Template) Begin() string {
	switch {
	case len(t.segments) > 0 && t.segments[0].kind == literalPiece:
		return t.segments[0].text
	case t.tmpl != nil && t.tmpl.Tree != nil && t.tmpl.Root != nil && len(t.tmpl.Root.Nodes) > 1:
		// The first counts steps, see countSteps.
		if n, ok := t.tmpl.Root.Nodes[1].(*parse.TextNode); ok {
			return string(n.Text)
		}
	}
	return t.literal
}

// segment is one thing that a template puts in.
type segment struct {
	kind   segmentKind
	text   string // literal, or name of a column
	raw    bool   // in a URL: as it stands
	lo, hi int
}

type segmentKind uint8

const (
	literalPiece    segmentKind = iota
	columnSegment               // {{ .column }}
	optionalSegment             // {{ index . "column" }}: nothing if the row has none
	seqPiece
	nthPiece
	randIntPiece
	uuidPiece
)

func New(s string, d *Draw) (Template, error) { return compileText(s, d, false) }

// NewURL is New for a URL, in which values are percent-encoded
// behind the host, whatever they hold.
func NewURL(s string, d *Draw) (Template, error) { return compileText(s, d, hostIsLiteral(s)) }

// hostIsLiteral says whether the first value in a URL stands behind its host.
func hostIsLiteral(s string) bool {
	begin, _, _ := strings.Cut(s, "{{")
	_, rest, ok := strings.Cut(begin, "://")
	return strings.HasPrefix(s, "/") || ok && strings.ContainsAny(rest, "/?#")
}

func compileText(s string, d *Draw, inURL bool) (Template, error) {
	if !strings.Contains(s, "{{") {
		return Template{literal: s}, nil
	}
	functions := d.functions()
	maps.Copy(functions, d.bounded())
	if inURL {
		functions[urlValueName] = urlValue
	}
	t, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(s)
	if err != nil {
		return Template{}, TemplateError(s, err)
	}
	pieces, ok := segmentsOf(t)
	if !ok {
		if inURL {
			encodeAll(t)
		}
		countSteps(t)
		return Template{tmpl: t, draw: d, inURL: inURL}, nil
	}
	for _, p := range pieces {
		if p.kind != literalPiece {
			return Template{segments: pieces, draw: d, inURL: inURL}, nil
		}
	}
	var all strings.Builder
	for _, p := range pieces {
		all.WriteString(p.text)
	}
	return Template{literal: all.String()}, nil
}

// segmentsOf returns the segments of a template, false if there is more to it.
func segmentsOf(t *template.Template) (pieces []segment, ok bool) {
	if t.Tree == nil || t.Root == nil {
		return nil, false
	}
	for _, n := range t.Root.Nodes {
		p := segment{}
		switch n := n.(type) {
		case *parse.TextNode:
			p.text = string(n.Text)
		case *parse.ActionNode:
			if len(n.Pipe.Decl) > 0 || len(n.Pipe.Cmds) != 1 {
				return nil, false
			}
			if p, ok = segmentOf(n.Pipe.Cmds[0].Args); !ok {
				return nil, false
			}
		default:
			return nil, false
		}
		pieces = append(pieces, p)
	}
	return pieces, true
}

func segmentOf(args []parse.Node) (segment, bool) {
	switch n := args[0].(type) {
	case *parse.StringNode: // such as {{ "{{" }}
		return segment{text: n.Text}, len(args) == 1
	case *parse.FieldNode:
		return segment{kind: columnSegment, text: n.Ident[0]}, len(n.Ident) == 1 && len(args) == 1
	case *parse.IdentifierNode:
		return callSegment(n.Ident, args[1:])
	}
	return segment{}, false
}

// callSegment is the segment for a function that is called correctly; for other calls, the error of
// text/template is reported.
func callSegment(name string, args []parse.Node) (segment, bool) {
	switch name {
	case "seq":
		return segment{kind: seqPiece}, len(args) == 0
	case "nth":
		return segment{kind: nthPiece}, len(args) == 0
	case "uuid":
		return segment{kind: uuidPiece}, len(args) == 0
	case "randInt":
		if len(args) != 2 {
			return segment{}, false
		}
		lo, one := args[0].(*parse.NumberNode)
		hi, two := args[1].(*parse.NumberNode)
		if !one || !two || !lo.IsInt || !hi.IsInt || int64(int(lo.Int64)) != lo.Int64 ||
			int64(int(hi.Int64)) != hi.Int64 {
			return segment{}, false
		}
		return segment{
			kind: randIntPiece,
			lo:   int(lo.Int64),
			hi:   int(hi.Int64),
		}, lo.Int64 <= hi.Int64
	case "index":
		if len(args) != 2 || args[0].Type() != parse.NodeDot {
			return segment{}, false
		}
		column, ok := args[1].(*parse.StringNode)
		if !ok {
			return segment{}, false
		}
		return segment{kind: optionalSegment, text: column.Text}, true
	case "raw":
		if len(args) != 1 || args[0].Type() != parse.NodeField {
			return segment{}, false
		}
		p, ok := segmentOf(args)
		p.raw = true
		return p, ok
	case "print":
		if len(args) != 1 || args[0].Type() != parse.NodeField {
			return segment{}, false
		}
		return segmentOf(args)
	}
	return segment{}, false
}

// Append renders the text to the end of b.
func (t *Template) Append(b []byte, from *Row) ([]byte, error) {
	if t.tmpl != nil {
		w := appender(b)
		err := t.tmpl.Execute(&w, from.columns())
		if err == nil {
			return w, nil
		}
		err = TemplateError("", err)
		if column, ok := err.(NoColumn); ok {
			err = from.noColumn(string(column))
		}
		return w, err
	}
	b = append(b, t.literal...)
	for i := range t.segments {
		switch p := &t.segments[i]; p.kind {
		case literalPiece:
			b = append(b, p.text...)
		case columnSegment, optionalSegment:
			var ok bool
			at := len(b)
			if b, ok = from.appendTo(b, p.text); !ok && p.kind == columnSegment {
				return b, from.noColumn(p.text)
			}
			if t.inURL && !p.raw {
				b = encodeFrom(b, at)
			}
			if len(b) > MaxRendered {
				return b, ErrTooMuch
			}
		case seqPiece:
			b = strconv.AppendUint(b, t.draw.seq, 10)
		case nthPiece:
			b = strconv.AppendUint(b, t.draw.nth, 10)
		case randIntPiece:
			b = strconv.AppendInt(b, int64(t.draw.randInt(p.lo, p.hi)), 10)
		case uuidPiece:
			b = t.draw.appendUUID(b)
		}
	}
	return b, nil
}

// appender is a slice that can be written to.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	if len(*a)+len(p) > MaxRendered {
		return 0, ErrTooMuch
	}
	*a = append(*a, p...)
	return len(p), nil
}

// TemplateError takes off what text/template says of itself, as the name of
// the template is always empty and its position means nothing within one line.
func TemplateError(s string, err error) error {
	if bound, ok := errors.AsType[*boundError](err); ok {
		return bound
	}
	msg := strings.TrimPrefix(err.Error(), "template: ")
	if exec, ok := errors.AsType[template.ExecError](err); ok {
		msg = exec.Err.Error()
		msg = strings.TrimPrefix(msg, "template: ")
	}
	if rest, ok := strings.CutPrefix(msg, ":"); ok {
		if _, after, found := strings.Cut(rest, ": "); found {
			msg = after
		}
	}
	msg = strings.TrimPrefix(msg, `executing "" at `)
	if key, ok := strings.CutPrefix(lastOf(msg, ": "), "map has no entry for key "); ok {
		if column, err := strconv.Unquote(key); err == nil {
			return NoColumn(column)
		}
	}
	if s == "" {
		return errors.New(msg)
	}
	return fmt.Errorf("template %s: %s", strconv.Quote(plaintext.Clip(s, 60)), msg)
}

func lastOf(s, sep string) string {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[i+len(sep):]
	}
	return s
}

// What names a column in a template: {{ .column }}, {{ $.column }} and
// {{ index . "column" }}.
var (
	templateAction = regexp.MustCompile(`\{\{.*?\}\}`)
	columnInAction = regexp.MustCompile(`\.([\pL_][\pL\pN_]*)|"([^"]+)"`)
)

// ColumnsIn returns the columns that the templates in a text may name: what is in
// quotes may also be a text.
func ColumnsIn(s string) []string {
	var out []string
	for _, action := range templateAction.FindAllString(s, -1) {
		for _, m := range columnInAction.FindAllStringSubmatch(action, -1) {
			out = append(out, m[1]+m[2])
		}
	}
	return out
}

// Computes says whether the template does more than put values in.
func (t *Template) Computes() bool { return t.tmpl != nil }

// Raw says whether the template of a URL puts any values in without encoding them.
func (t *Template) Raw() bool {
	return slices.ContainsFunc(
		t.segments,
		func(p segment) bool { return p.raw || p.kind != literalPiece && !t.inURL },
	)
}

// Encoded are the columns whose values the template of a URL encodes.
func (t *Template) Encoded() []string {
	var out []string
	for _, p := range t.segments {
		if t.inURL && p.kind == columnSegment && !p.raw {
			out = append(out, p.text)
		}
	}
	return out
}

// text is the text of a template that is always the same, empty if it is not.
func (t *Template) Literal() string { return t.literal }

// Fixed is a text without templates.
func Fixed(s string) Template { return Template{literal: s} }
