package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// syntaxHints say what to do about the YAML library's messages, by a part of
// them.
var syntaxHints = []struct{ part, hint string }{
	{"cannot start any token", "indent with spaces, never with tabs"},
	{"tab", "indent with spaces, never with tabs"},
	{"mapping value is not allowed", `put a value that holds ": " in quotes`},
	{"',' or '}' must be specified", `put a value that holds { or } in quotes, as in "${VAR}"`},
	{"',' or ']' must be specified", "separate the values with commas, and close the ["},
	{"not found", "close what is opened here"},
	{"could not find", "close what is opened here"},
	{"reserved character", "put the value in quotes"},
	{"directive", "put a value that starts with % in quotes"},
}

// syntax adds the mistake of a text that is no YAML.
func (c *Source) syntax(src string, err error) {
	hint := "mind the indentation: the keys of one mapping stand in one column"
	if c.oneValue {
		hint = "the value is read as YAML: put one that holds such characters in quotes"
	}
	for _, h := range syntaxHints {
		if strings.Contains(err.Error(), h.part) {
			hint = h.hint
			break
		}
	}
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		msg, _, _ := strings.Cut(err.Error(), "\n")
		c.Failf(Span{Line: 1, Col: 1}, hint, "%s", msg)
		return
	}
	at := c.spanOf(syntax.Token)
	at.Len = 1
	msg := syntax.Message
	if strings.ContainsRune(msg, '\t') {
		msg = "found a tab where only spaces can stand"
	}
	if odd, name, ok := c.oddBlank(at.Line); ok {
		c.Failf(odd, "type a plain space in its place", "found a %s where a space is meant", name)
		return
	}
	if quote, ok := c.openQuote(src, at.Line); ok {
		c.Failf(quote,
			"end the text with the same quote on its own line",
			"the quote that opens here is not closed on this line, and the lines after it make "+
				"no sense")
		return
	}
	c.Failf(at, hint, "%s", msg)
}

// oddBlank finds a character that looks like a space and is none to YAML.
func (c *Source) oddBlank(line int) (Span, string, bool) {
	for i, r := range c.runes[line-1] {
		switch {
		case r == '\u00a0':
			return Span{line, i + 1, 1}, "no-break space (U+00A0)", true
		case r == '\u200b' || r == '\ufeff' || r > 0x7f && unicode.Is(unicode.Zs, r):
			return Span{line, i + 1, 1}, fmt.Sprintf("space of another kind (%U)", r), true
		}
	}
	return Span{}, "", false
}

// openQuote finds the last text in quotes before a line that goes on over line
// ends: most likely its closing quote is missing, and the quote that opens the
// next text was taken for it.
func (c *Source) openQuote(src string, line int) (Span, bool) {
	var found *token.Token
	for _, t := range lexer.Tokenize(src) {
		if t.Position == nil || t.Position.Line > line {
			break
		}
		if (t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType) &&
			strings.Contains(strings.Trim(t.Origin, " \n"), "\n") {
			found = t
		}
	}
	if found == nil {
		return Span{}, false
	}
	return c.spanOf(found), true
}
