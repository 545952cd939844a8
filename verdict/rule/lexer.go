package rule

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// MaxSource is the longest rule that compiles, in bytes.
const MaxSource = 1000

type tokenKind int

const (
	tokenWord tokenKind = iota // metric or scope
	tokenLiteral
	tokenText // in quotes
	tokenOperator
)

// token is a piece of a rule: src[off:end].
type token struct {
	kind     tokenKind
	off, end int
	text     string
	literal  *Literal // of a tokenLiteral
}

func (t token) span() span { return span{t.off, t.end} }

// mistake is one of which the token is wrong.
func (t token) mistake(msg, hint string) *fielderr.Error {
	return mistake(t.off, t.end-t.off, msg, hint)
}

// scan cuts a rule into tokens, and rewrites it so that expr's lexer, which
// knows no units, can read it: a literal becomes as many underscores, and the
// point in p99.9 another one. Offsets in bytes stay what they were.
func scan(src string, words vocabulary) (tokens []token, rewritten string, err *fielderr.Error) {
	s := &scanner{src: src, words: words, out: []byte(src)}
	for s.pos < len(src) {
		if err := s.next(); err != nil {
			return nil, "", err
		}
	}
	return s.tokens, string(s.out), nil
}

type scanner struct {
	src    string
	words  vocabulary
	out    []byte
	pos    int
	tokens []token
}

// ops are the operators of rules, longer ones first.
var ops = []string{"<=", ">=", "==", "!=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "(", ")",
	",", "."}

// notOps are what people write instead, and what to tell them.
var notOps = []struct{ text, hint string }{
	{"**", "there are no powers: multiply with *"},
	{"//", "a rule has no comments; YAML has, after #"},
	{"/*", "a rule has no comments; YAML has, after #"},
	{"“", `write plain quotes, as in before("kill-api")`},
	{"”", `write plain quotes, as in before("kill-api")`},
	{"‘", `write plain quotes, as in before("kill-api")`},
	{"’", `write plain quotes, as in before("kill-api")`},
	{"\u00a0", "this is a no-break space: type a plain one"},
	{"=<", "write <="},
	{"=>", "write >="},
	{"<>", "write !="},
	{"≤", "write <="},
	{"≥", "write >="},
	{"≠", "write !="},
	{"=", "a rule compares and assigns nothing: write == if equality is meant"},
	{"&", "write &&, or and"},
	{"|", "write ||, or or"},
	{"%", "a percentage is written without a blank: 5%; there is no remainder"},
	{"?", "a rule has no ?: write two rules, or use && and ||"},
	{";", "write two rules, or join them with &&"},
	{"{", `a rule has no tags: write request("NAME").p95 or stage("NAME").p95`},
}

func (s *scanner) next() *fielderr.Error {
	switch c := s.src[s.pos]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		s.pos++
		return nil
	case isDigit(c):
		return s.number()
	case isLetter(c):
		return s.word()
	case c == '"' || c == '\'':
		return s.text(c)
	}
	rest := s.src[s.pos:]
	if rest[0] == '.' && len(rest) > 1 && isDigit(rest[1]) {
		return mistake(s.pos, 2, fmt.Sprintf("unexpected %q", rest[:2]),
			"a number begins with a digit: 0.5")
	}
	for _, n := range notOps {
		if n.text == "{" && s.pos == 0 {
			continue
		}
		if strings.HasPrefix(rest, n.text) && !strings.HasPrefix(rest, "==") &&
			!strings.HasPrefix(rest, "&&") && !strings.HasPrefix(rest, "||") {
			return mistake(s.pos, len(n.text), fmt.Sprintf("unexpected %q", n.text), n.hint)
		}
	}
	for _, op := range ops {
		if strings.HasPrefix(rest, op) {
			s.add(token{kind: tokenOperator, end: s.pos + len(op)})
			return nil
		}
	}
	_, size := utf8.DecodeRuneInString(rest)
	return mistake(s.pos, size, fmt.Sprintf("unexpected %q", rest[:size]),
		"a rule is made of metrics, limits, comparisons, && || ! and parentheses")
}

func (s *scanner) add(t token) {
	t.off = s.pos
	t.text = s.src[t.off:t.end]
	s.pos = t.end
	s.tokens = append(s.tokens, t)
}

// refused are the words of expr that have no meaning in a rule.
var refused = []string{"in", "matches", "contains", "startsWith", "endsWith", "let", "if", "else",
	"true", "false", "nil"}

func (s *scanner) word() *fielderr.Error {
	end := s.pos
	for end < len(s.src) && (isLetter(s.src[end]) || isDigit(s.src[end])) {
		end++
	}
	name := s.src[s.pos:end]
	if IsPercentile(name) && end+1 < len(s.src) && s.src[end] == '.' && isDigit(s.src[end+1]) {
		s.out[end] = '_'
		for end++; end < len(s.src) && isDigit(s.src[end]); end++ {
			continue
		}
		s.add(token{kind: tokenWord, end: end})
		return nil
	}
	t := token{kind: tokenWord, end: end}
	switch {
	case name == "and" || name == "or" || name == "not":
		t.kind = tokenOperator
	case slices.Contains(refused, name):
		return mistake(s.pos, len(name), fmt.Sprintf("%q has no meaning in a rule", name),
			"a rule compares metrics with limits: p99 < 200ms")
	case strings.Contains(name, "_") && IsPercentile(name[:strings.IndexByte(name, '_')]):
		// The rewritten form of a percentile; taking it would give p99.9 a second spelling.
		want := strings.Replace(name, "_", ".", 1)
		return mistake(s.pos, len(name), fmt.Sprintf("unknown metric %s", name),
			"did you mean "+want+"?")
	case strings.HasPrefix(strings.TrimLeft(s.src[end:], " \t\r\n"), "(") &&
		scopeByName(name) == nil && !s.words.takesArguments(name) && name != shareForm:
		return s.words.unknownScope(s.pos, name, s.src[s.pos:])
	}
	s.add(t)
	return nil
}

func (s *scanner) text(quote byte) *fielderr.Error {
	for i := s.pos + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case quote:
			s.add(token{kind: tokenText, end: i + 1})
			return nil
		case '\\':
			return mistake(i, 1, `unexpected \`,
				"names are written as they are, without escapes; the other kind of quote can "+
					"hold a quote")
		case '\n', '\r':
			return mistake(s.pos, i-s.pos, "the text that begins here is not closed",
				fmt.Sprintf("end it with %c on the same line", quote))
		}
	}
	return mistake(s.pos, len(s.src)-s.pos, "the text that begins here is not closed",
		fmt.Sprintf("end it with %c", quote))
}

func (s *scanner) number() *fielderr.Error {
	end := s.pos
	for end < len(s.src) {
		r, size := utf8.DecodeRuneInString(s.src[end:])
		if r != 'µ' && r != 'μ' && r != '.' &&
			(r >= utf8.RuneSelf || !isLetter(byte(r)) && !isDigit(byte(r))) {
			break
		}
		end += size
	}
	switch {
	case end < len(s.src) && s.src[end] == '%':
		end++
		if w := s.wordAt(end + 1); end < len(s.src) && s.src[end] == '/' && perSeconds[w] > 0 {
			end += 1 + len(w) // 5%/h is a growth
		}
		if end < len(s.src) && (isLetter(s.src[end]) || isDigit(s.src[end])) {
			return mistake(end, 1,
				fmt.Sprintf("expected an operator after %s, found %q",
					s.src[s.pos:end], s.src[end:end+1]),
				"there is no remainder: % makes a percentage")
		}
	case end+1 < len(s.src) && s.src[end] == '/' && isLetter(s.src[end+1]):
		// 500/s is a rate, 500/p50 a division; 60/min, which could be both, is a
		// rate, as dividing a number by a duration has no meaning.
		name := s.wordAt(end + 1)
		if name == "min" ||
			(!s.words.isMetric(name) && scopeByName(name) == nil && !s.words.isGroup(name)) {
			end += 1 + len(name)
		}
	}
	text := s.src[s.pos:end]
	lit, err := parseLiteral(text)
	if err != nil {
		err.Offset += s.pos
		return err
	}
	for i := s.pos; i < end; i++ {
		s.out[i] = '_'
	}
	s.add(token{kind: tokenLiteral, end: end, literal: lit})
	return nil
}

// wordAt is the word that begins at an offset; it may be empty.
func (s *scanner) wordAt(off int) string {
	end := min(off, len(s.src))
	for end < len(s.src) && (isLetter(s.src[end]) || isDigit(s.src[end])) {
		end++
	}
	return s.src[min(off, end):end]
}

// perSeconds are the units of time that something can be per, in seconds.
var perSeconds = map[string]float64{"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}

// literalUnits are for telling what could have been meant.
var literalUnits = []string{"ns", "us", "ms", "s", "m", "h", "d", "k", "M", "G", "B", "KiB", "MiB",
	"GiB", "TiB", "kB", "MB", "GB", "TB"}

const literalUnitsHint = "units are ns us ms s m h d; %; /s /m /h; k M G; " +
	"B KiB MiB GiB TiB kB MB GB TB"

// parseLiteral reads a quantity with its unit. Offsets of errors are within text.
func parseLiteral(text string) (*Literal, *fielderr.Error) {
	literal := func(u Unit, n float64) (*Literal, *fielderr.Error) {
		return &Literal{Number: n, Unit: u, Text: text}, nil
	}
	switch {
	case strings.Contains(text, "/"):
		if l, ok := parsePer(text); ok {
			return l, nil
		}
		return nil, mistake(0, len(text),
			fmt.Sprintf("expected a rate per /s, /m, /h or /d such as 500/s, found %s", text), "")
	case strings.HasSuffix(text, "%"):
		if f, err := quantity.ParseFraction(text); err == nil {
			return literal(Fraction, f)
		}
		return nil, mistake(0, len(text),
			fmt.Sprintf("expected a percentage such as 5%%, found %s", text), "")
	}
	if n, err := quantity.ParseCount(text); err == nil {
		return literal(Number, n)
	}
	if d, err := quantity.ParseDuration(text); err == nil {
		return literal(Duration, float64(d))
	}
	if b, err := quantity.ParseBytes(text); err == nil {
		return literal(Bytes, b)
	}
	digits := strings.TrimRight(text[:len(text)-len(strings.TrimLeft(text, "0123456789."))], ".")
	unit := text[len(digits):]
	e := mistake(0, len(text),
		fmt.Sprintf("expected a quantity such as 200ms, 5%%, 500/s or 512MiB, found %s", text), "")
	if len(strings.Trim(unit, "0123456789.")) == len(unit) && digits != "" &&
		strings.Count(digits, ".") <= 1 {
		e.Msg = fmt.Sprintf("unknown unit %s in %s", unit, text)
		e.Offset, e.Len = len(digits), len(unit)
		e.Hint = literalUnitsHint
		switch near, ok := suggest.Nearest(unit, literalUnits); {
		case slices.Contains(literalUnits, unit):
			return nil, mistake(0, len(text), text+" is out of range", "write a smaller number")
		case unit == "th" || unit == "st" || unit == "nd" || unit == "rd":
			e.Msg = fmt.Sprintf("%s is not how a percentile is written", text)
			e.Hint = "write p" + digits
			e.Offset, e.Len = 0, len(text)
		case quantity.Spelled(text) != "":
			e.Hint = "write " + quantity.Spelled(text)
		case ok:
			e.Hint = "did you mean " + digits + near + "?"
		}
	}
	return nil, e
}

// parsePer reads a quantity per time: 500/s, 10MiB/s, 5%/h.
func parsePer(text string) (*Literal, bool) {
	of, per, _ := strings.Cut(text, "/")
	seconds, ok := perSeconds[per]
	if !ok {
		return nil, false
	}
	l, wrong := parseLiteral(of)
	if wrong != nil {
		return nil, false
	}
	perTime := map[Unit]Unit{Number: Rate, Bytes: BytesRate, Duration: DurationGrowth,
		Fraction: FractionGrowth}
	unit, ok := perTime[l.Unit]
	return &Literal{Number: l.Number / seconds, Unit: unit, Text: text}, ok
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

// IsPercentile says whether a word is p and digits.
func IsPercentile(word string) bool {
	return len(word) > 1 && word[0] == 'p' && strings.Trim(word[1:], "0123456789") == ""
}
