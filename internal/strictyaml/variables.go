package strictyaml

import "strings"

// Variable is a ${…} in a value of the file.
type Variable struct {
	Inside string   // what stands between ${ and }
	At     Span     // where it stands
	Vars   string   // the vars tag of the field
	Path   []string // the keys and indices that lead to the field
}

// Resolve returns the value of a variable. keep says that it stays in the text as
// it is, for whoever expands it later. ok is false if it has no value: then the
// mistake has been noted.
type Resolve func(v Variable) (value string, keep, ok bool)

// piece is a stretch of an expanded value and where it came from.
type piece struct {
	out, raw int
	literal  bool // byte for byte as in the file
}

// Expansion is a scalar's text with variables put in.
type Expansion struct {
	Text   string
	pieces []piece
}

// Raw returns the stretch of the node's text that Text[off:off+length] came from.
func (x Expansion) Raw(off, length int) (int, int) {
	from, to := x.rawAt(off, false), x.rawAt(off+length, true)
	return from, max(1, to-from)
}

func (x Expansion) rawAt(off int, end bool) int {
	at := 0
	for i, p := range x.pieces {
		if p.out > off || p.out == off && end && i > 0 {
			break
		}
		switch {
		case p.literal:
			at = p.raw + off - p.out
		case end && i+1 < len(x.pieces):
			at = x.pieces[i+1].raw
		default:
			at = p.raw
		}
	}
	return at
}

// room takes so many bytes for a value; false, with the mistake noted where the
// file became too large, if there is no room for them.
func (d *Decoder) room(at Span, size int) bool {
	full := d.size > maxExpanded
	d.size += size
	if d.size > maxExpanded && !full {
		d.Failf(
			at,
			d.grammar.Hints.Unfolds,
			"here the file's values, with aliases and variables put in, have more than %d bytes together",
			maxExpanded,
		)
	}
	return d.size <= maxExpanded
}

// Expand puts variables into a scalar's text; vars is the tag of its field. $$ is a
// dollar sign. If vars is not empty, variables may be kept, and the text is written
// so that it can be expanded a second time: a ${ that is meant as such is $${.
func (d *Decoder) Expand(n *Node, vars string) (x Expansion, ok bool) {
	var b strings.Builder
	s := n.Text
	if !d.room(n.Span, len(s)) {
		return Expansion{}, false
	}
	if !strings.Contains(s, "$") {
		return Expansion{s, []piece{{0, 0, true}, {len(s), len(s), true}}}, true
	}
	ok = true
	add := func(raw int, literal bool, text string) {
		x.pieces = append(x.pieces, piece{b.Len(), raw, literal})
		if vars != "" && !literal {
			text = strings.ReplaceAll(text, "${", "$${")
		}
		b.WriteString(text)
	}
	for i := 0; i < len(s); {
		dollar := strings.IndexByte(s[i:], '$')
		if dollar < 0 {
			add(i, true, s[i:])
			break
		}
		if dollar > 0 {
			add(i, true, s[i:i+dollar])
		}
		i += dollar
		rest := s[i:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			add(i, false, "${")
			i += 3
		case strings.HasPrefix(rest, "$$"):
			add(i, false, "$")
			i += 2
		case !strings.HasPrefix(rest, "${"):
			add(i, true, "$")
			i++
		default:
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				d.Failf(d.Locate(n, i, len(rest)),
					"close it with }, or write $$ for a dollar sign",
					"a variable is opened with ${ and never closed")
				return Expansion{}, false
			}
			at := d.Locate(n, i, end+1)
			value, keep, found := d.resolve(
				Variable{Inside: rest[2:end], At: at, Vars: vars, Path: d.path},
			)
			ok = ok && found
			if !d.room(at, len(value)) {
				return Expansion{}, false
			}
			if keep {
				x.pieces = append(x.pieces, piece{b.Len(), i, true})
				b.WriteString(rest[:end+1])
			} else {
				add(i, false, value)
			}
			i += end + 1
		}
	}
	x.Text = b.String()
	x.pieces = append(x.pieces, piece{len(x.Text), len(s), true})
	return x, ok
}
