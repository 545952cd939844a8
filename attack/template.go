package attack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"text/template"

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
	}
}

// ParseTemplate says what is wrong with a template's syntax, nil if nothing. A
// string without {{ is always right.
func ParseTemplate(s string) error {
	_, err := newTemplate(s, new(draw))
	return err
}

// draw is the state behind the template functions for one arrival.
type draw struct {
	seed uint64
	a    Arrival
	rng  *rand.Rand // nil until an arrival's first random number
}

func (d *draw) reset(a Arrival) { d.a, d.rng = a, nil }

func (d *draw) random() *rand.Rand {
	if d.rng == nil {
		d.rng = seed.Stream(d.seed, "template/"+strconv.FormatUint(d.a.Seq, 10))
	}
	return d.rng
}

func (d *draw) functions() template.FuncMap {
	return template.FuncMap{
		"seq": func() uint64 { return d.a.Seq },
		"nth": func() uint64 { return d.a.Nth },
		"randInt": func(lo, hi int) (int, error) {
			if hi < lo {
				return 0, fmt.Errorf("expected two numbers in ascending order, found %d and %d", lo, hi)
			}
			if uint64(hi)-uint64(lo) == 1<<64-1 {
				return int(d.random().Uint64()), nil
			}
			return int(uint64(lo) + d.random().Uint64N(uint64(hi)-uint64(lo)+1)), nil
		},
		"uuid": func() string {
			r := d.random()
			hi, lo := r.Uint64(), r.Uint64()
			hi = hi&^0xf000 | 0x4000           // version 4: random
			lo = lo&^(0b11<<62) | (0b10 << 62) // variant of RFC 9562
			return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1))
		},
	}
}

// text is a string that may hold a template.
type text struct {
	literal string
	tmpl    *template.Template // nil: just the literal
}

func newTemplate(s string, d *draw) (text, error) {
	if !strings.Contains(s, "{{") {
		return text{literal: s}, nil
	}
	t, err := template.New("").Option("missingkey=error").Funcs(d.functions()).Parse(s)
	if err != nil {
		return text{}, templateError(s, err)
	}
	return text{tmpl: t}, nil
}

func (t text) render(b *bytes.Buffer, row map[string]string) error {
	if t.tmpl == nil {
		b.WriteString(t.literal)
		return nil
	}
	if err := t.tmpl.Execute(b, row); err != nil {
		return templateError("", err)
	}
	return nil
}

func (t text) String(row map[string]string) (string, error) {
	if t.tmpl == nil {
		return t.literal, nil
	}
	var b bytes.Buffer
	err := t.render(&b, row)
	return b.String(), err
}

// templateError takes off what text/template says of itself, as the name of
// the template is always empty and its position means nothing within one line.
func templateError(s string, err error) error {
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
		return fmt.Errorf("the data row has no column %s", key)
	}
	if s == "" {
		return errors.New(msg)
	}
	return fmt.Errorf("template %s: %s", strconv.Quote(clip(s, 60)), msg)
}

func lastOf(s, sep string) string {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[i+len(sep):]
	}
	return s
}
