package record

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// lineParser reads the lines of intervals. Nearly all of a run's lines are of these, and
// encoding/json takes most of the time of reading them. So a line in the very form in which the
// recorder writes it is read here: without blanks, its keys in their order, texts without escapes.
// Any other, right or wrong, is left to encoding/json, whose errors are those that people see.
//
// It is not safe for concurrent use. The zero value is ready.
type lineParser struct {
	rest  []byte
	names map[string]string // texts that came before, each kept once
	cells []cellLine
	dists []distributionLine
	beats []timeline.Beat

	limits []timeline.LimitCount // room for those that are given away
}

// limitsAtOnce is for how many limits room is made at once, and how many are kept as long as one of
// them is.
const limitsAtOnce = 256

// maxNames bounds how many texts are kept: names and kinds of errors are few, but files are
// anybody's.
const maxNames = 1 << 12

// interval reads a line without checking what it says. What it returns holds until the next call,
// but for beats, limits and Stats, which are the caller's own.
func (p *lineParser) interval(line []byte) (*intervalLine, error) {
	if iv, ok := p.plain(line); ok {
		return iv, nil
	}
	iv := new(intervalLine)
	if err := json.Unmarshal(line, iv); err != nil {
		return nil, fmt.Errorf("expected an interval: %w", err)
	}
	for i := range iv.Cells {
		if iv.Cells[i].Stats == nil {
			iv.Cells[i].Stats = new(timeline.Stats)
		}
	}
	return iv, nil
}

// plain reads a line in the form in which the recorder writes it; false if it has another.
func (p *lineParser) plain(line []byte) (*intervalLine, bool) {
	p.rest, p.cells, p.dists, p.beats = line, p.cells[:0], p.dists[:0], p.beats[:0]
	iv := &intervalLine{Type: typeInterval}
	ok := p.is(`{"type":"interval","from":`) && p.duration(&iv.From) &&
		p.is(`,"to":`) && p.duration(&iv.To) &&
		p.is(`,"due":`) && p.number(&iv.Due) &&
		p.is(`,"lines":`) && p.int(&iv.Lines) &&
		p.is(`,"cells":[`) && p.list(p.cell) &&
		(!p.is(`,"beats":[`) || p.list(p.beat) && len(p.beats) > 0) &&
		p.is(`}`)
	p.is("\n")
	if !ok || len(p.rest) > 0 {
		return nil, false
	}
	iv.Cells, iv.Beats = p.cells, slices.Clone(p.beats)
	return iv, true
}

// is passes over a text, if it is what comes next.
func (p *lineParser) is(text string) bool {
	if len(p.rest) < len(text) || string(p.rest[:len(text)]) != text {
		return false
	}
	p.rest = p.rest[len(text):]
	return true
}

// list reads the items of a list up to its end.
func (p *lineParser) list(item func() bool) bool {
	if p.is("]") {
		return true
	}
	for item() {
		if p.is("]") {
			return true
		}
		if !p.is(",") {
			return false
		}
	}
	return false
}

func (p *lineParser) number(to *uint64) bool {
	n, i := uint64(0), 0
	for ; i < len(p.rest) && p.rest[i] >= '0' && p.rest[i] <= '9'; i++ {
		if i == 19 { // one more could be too many
			return false
		}
		n = n*10 + uint64(p.rest[i]-'0')
	}
	if i == 0 || p.rest[0] == '0' && i > 1 {
		return false
	}
	p.rest = p.rest[i:]
	*to = n
	return true
}

// duration reads one of at least 0.
func (p *lineParser) duration(to *time.Duration) bool {
	var n uint64
	ok := p.number(&n) && n <= math.MaxInt64
	*to = time.Duration(n)
	return ok
}

func (p *lineParser) int(to *int) bool {
	var n uint64
	ok := p.number(&n) && n <= math.MaxInt
	*to = int(n)
	return ok
}

// text reads a text up to its closing quotation mark.
func (p *lineParser) text(to *string) bool {
	if !p.is(`"`) {
		return false
	}
	ascii := true
	for i, c := range p.rest {
		switch {
		case c == '"':
			raw := p.rest[:i]
			p.rest = p.rest[i+1:]
			*to = p.name(raw)
			return ascii || utf8.Valid(raw)
		case c == '\\' || c < ' ':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return false
}

func (p *lineParser) name(raw []byte) string {
	if s, known := p.names[string(raw)]; known {
		return s
	}
	if p.names == nil || len(p.names) >= maxNames {
		p.names = map[string]string{}
	}
	s := string(raw)
	p.names[s] = s
	return s
}

func (p *lineParser) cell() bool {
	s := new(timeline.Stats)
	c := cellLine{Stats: s}
	ok := p.is(`{"stage":`) && p.text(&c.Stage) &&
		p.is(`,"request":`) && p.text(&c.Request)
	if p.is(`,"whole":true`) {
		c.IsFlow = true
	}
	ok = ok && (!p.is(`,"open_at":`) || p.duration(&c.OpenAt)) &&
		p.is(`,"planned":`) && p.number(&s.Planned) &&
		p.is(`,"done":`) && p.number(&s.Done) &&
		p.is(`,"unsent":`) && p.number(&s.Unsent) &&
		p.is(`,"interrupted":`) && p.number(&s.Interrupted) &&
		p.is(`,"failed":`) && p.number(&s.Failed) &&
		(!p.is(`,"cut":`) || p.number(&s.Cut)) &&
		(!p.is(`,"last":`) || p.duration(&s.Last)) &&
		p.is(`,"answered":`) && p.number(&s.Answered) &&
		p.is(`,"answered_ok":`) && p.number(&s.AnsweredOK) &&
		(!p.is(`,"delayed":`) || p.number(&s.Delayed)) &&
		(!p.is(`,"doubtful":`) || p.number(&s.Doubtful)) &&
		(!p.is(`,"doubtful_unsent":`) || p.number(&s.DoubtfulUnsent)) &&
		p.is(`,"bytes_in":`) && p.number(&s.BytesIn) &&
		p.is(`,"bytes_out":`) && p.number(&s.BytesOut) &&
		(!p.is(`,"kinds":{`) || p.counts(func(name string, n uint64) bool {
			if s.Kinds == nil {
				s.Kinds = map[string]uint64{}
			}
			s.Kinds[name] = n
			return true
		})) &&
		(!p.is(`,"statuses":{`) || p.counts(func(name string, n uint64) bool {
			if s.Statuses == nil {
				s.Statuses = map[int]uint64{}
			}
			status, err := strconv.Atoi(name)
			s.Statuses[status] = n
			return err == nil
		})) &&
		(!p.is(`,"counters":{`) || p.counts(func(name string, n uint64) bool {
			if c.Counters == nil {
				c.Counters = map[string]uint64{}
			}
			c.Counters[name] = n
			return true
		}))
	from := len(p.dists)
	if ok && p.is(`,"distributions":[`) {
		ok = p.list(p.distribution) && len(p.dists) > from
	}
	if !ok || !p.is("}") {
		return false
	}
	// Should p.dists move, what was cut off it stays where it is.
	c.Distributions = p.dists[from:len(p.dists):len(p.dists)]
	if len(c.Distributions) == 0 {
		c.Distributions = nil
	}
	p.cells = append(p.cells, c)
	return true
}

// counts reads an object of numbers that is not empty.
func (p *lineParser) counts(put func(name string, n uint64) bool) bool {
	for {
		var name string
		var n uint64
		if !p.text(&name) || !p.is(":") || !p.number(&n) || !put(name, n) {
			return false
		}
		if p.is("}") {
			return true
		}
		if !p.is(",") {
			return false
		}
	}
}

func (p *lineParser) distribution() bool {
	var d distributionLine
	from := len(p.limits)
	ok := p.is(`{"name":`) && p.text(&d.Name) && (!p.is(`,"clamped":`) || p.number(&d.Clamped)) &&
		(!p.is(`,"limits":[`) || p.list(func() bool {
			var l timeline.LimitCount
			ok := p.is(`{"limit":`) && p.duration(&l.Limit) &&
				(!p.is(`,"at":`) || p.number(&l.At)) &&
				(!p.is(`,"above":`) || p.number(&l.Above)) && p.is("}")
			if len(p.limits) == cap(p.limits) { // those that were given away stay where they are
				p.limits = append(make([]timeline.LimitCount, 0, limitsAtOnce), p.limits[from:]...)
				from = 0
			}
			p.limits = append(p.limits, l)
			return ok
		}) && len(p.limits) > from) &&
		p.is("}")
	if len(p.limits) > from {
		d.Limits = p.limits[from:len(p.limits):len(p.limits)]
	}
	p.dists = append(p.dists, d)
	return ok
}

func (p *lineParser) beat() bool {
	var b timeline.Beat
	ok := p.is(`{"due":`) && p.duration(&b.Due) &&
		p.is(`,"last":`) && p.duration(&b.Last) &&
		(!p.is(`,"errors":`) || p.number(&b.Errors)) &&
		(!p.is(`,"failed":`) || p.duration(&b.Failed)) &&
		(!p.is(`,"good":`) || p.number(&b.Good)) &&
		(!p.is(`,"best":`) || p.duration(&b.Best)) &&
		(!p.is(`,"came":`) || p.duration(&b.Came)) &&
		(!p.is(`,"waited":`) || p.duration(&b.Waited)) &&
		(!p.is(`,"doubted":`) || p.number(&b.Doubted)) &&
		(!p.is(`,"doubted_to":`) || p.duration(&b.DoubtedTo)) &&
		p.is("}")
	p.beats = append(p.beats, b)
	return ok
}
