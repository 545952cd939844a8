package strictyaml

import (
	"regexp"
	"strings"
)

// To YAML {{ begins a mapping in a mapping, so that a template needs quotes. Here
// it needs none: before YAML is read, each character of a template outside of
// quotes, comments and blocks of text is put in place of another that means nothing
// to YAML, one for one, so that lines and columns stay what they were; the nodes
// have them back.

const shield = 0xE000 // of Unicode's private use

// shieldTemplates returns src with its unquoted templates shielded; src itself if
// there are none, or if it has such characters of its own.
func (g *Grammar) shieldTemplates(src string) string {
	if g.TemplateEnd == nil || !strings.Contains(src, "{{") ||
		strings.ContainsFunc(src, isShielded) {
		return src
	}
	var b strings.Builder
	block := -1 // indentation of the line that a block of text belongs to
	for line := range strings.Lines(src) {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if block >= 0 && (strings.TrimSpace(line) == "" || indent > block) {
			b.WriteString(line)
			continue
		}
		block = -1
		if blockBegins.MatchString(line) {
			block = indent
		}
		g.shieldLine(&b, line)
	}
	return b.String()
}

// blockBegins finds a line after which text follows as it stands.
var blockBegins = regexp.MustCompile(
	`(^|[:\-?] +)(![^ ]* +|&[^ ]* +)*[|>][-+0-9]*[ \t]*(#.*)?\r?\n?$`,
)

// shieldLine shields the templates of a line. A text in quotes that goes on in the
// next line is taken to end with its own: then what follows is as it was written.
func (g *Grammar) shieldLine(b *strings.Builder, line string) {
	begins := true // a value may begin here, and a quote with it
	for i := 0; i < len(line); {
		c := line[i]
		end := i + 1
		switch {
		case begins && (c == '"' || c == '\''):
			end = quotedEnd(line, i)
			begins = false
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			end = len(line)
		case strings.HasPrefix(line[i:], "{{"):
			if to := g.TemplateEnd(line, i); to > 0 {
				for _, r := range line[i:to] {
					if r < 0x80 {
						r += shield
					}
					b.WriteRune(r)
				}
				i, begins = to, false
				continue
			}
		case c == ' ' || c == '\t':
		default:
			begins = strings.IndexByte("[]{},:-?", c) >= 0
		}
		b.WriteString(line[i:end])
		i = end
	}
}

// quotedEnd is where a YAML text in quotes ends, at the latest with its line.
func quotedEnd(line string, i int) int {
	quote := line[i]
	for i++; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return i + 1
		}
	}
	return len(line)
}

func isShielded(r rune) bool { return r >= shield && r < shield+0x80 }

// unshielded gives a text of YAML its templates back.
func unshielded(s string) string {
	if !strings.ContainsFunc(s, isShielded) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isShielded(r) {
			return r - shield
		}
		return r
	}, s)
}
