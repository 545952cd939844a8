package expect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// jsonPath is a compiled JSON path. It is safe for concurrent use.
type jsonPath struct {
	text string
	path *jsonpath.Path
	// steps lead to the one node of a straight path.
	steps    []pathStep
	straight bool
	// unordered says that the path can visit the members of an object, which
	// have no order.
	unordered bool
}

// pathPosition is how the library ends its messages, counting bytes from 1.
var pathPosition = regexp.MustCompile(`^(.*) at position (\d+)$`)

// badPath says what is wrong with a JSON path, and where in it.
func badPath(s string, err error) fielderr.Error {
	offset, msg := len(s), strings.TrimPrefix(err.Error(), "jsonpath: ")
	if m := pathPosition.FindStringSubmatch(msg); m != nil {
		msg = m[1]
		if n, err := strconv.Atoi(m[2]); err == nil && n >= 1 && n <= len(s) {
			offset = n - 1
		}
	}
	e := fielderr.At(
		nil,
		"expected a JSON path such as $.items[0].id: %s at character %d",
		msg,
		len([]rune(s[:offset]))+1,
	)
	e.Offset, e.Len = offset, 1
	return e.WithHint(
		"paths are those of RFC 9535: $.name, $['any name'], $.list[0], $.list[-1], $.list[*].id, $..name",
	)
}

func newJSONPath(s string) (*jsonPath, error) {
	p, err := jsonpath.Parse(s)
	if err != nil {
		return nil, badPath(s, err)
	}
	c := &jsonPath{text: s, path: p}
	c.steps, c.straight = straightSteps(p)
	for _, segment := range p.Query().Segments() {
		c.unordered = c.unordered || segment.IsDescendant()
		for _, selector := range segment.Selectors() {
			switch selector.(type) {
			case spec.Name, spec.Index, spec.SliceSelector:
			default:
				c.unordered = true
			}
		}
	}
	return c, nil
}

// find returns the nodes of doc that the path selects, the same in the same
// order for equal documents: where the path leaves the order open, in that of
// their normalized paths.
func (p *jsonPath) find(doc any) (nodes []any, err error) {
	// Documents are strangers', and the library is known to panic over some that
	// its functions do not expect: match(@.a, @.b) without b.
	defer func() {
		if r := recover(); r != nil {
			nodes, err = nil, fmt.Errorf(
				"%s cannot be told of this answer",
				plaintext.Clip(p.text, 60),
			)
		}
	}()
	if !p.unordered {
		return p.path.Select(doc), nil
	}
	located := p.path.SelectLocated(doc)
	located.Sort()
	for n := range located.Nodes() {
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// document is a body that was read as JSON.
type document struct {
	root any // numbers are json.Number, as a float64 would bend long ones
	err  error
}

var errNotJSON = errors.New("expected JSON")

// isJSON says whether the body is JSON, looking once for all who ask.
func (r *Answer) isJSON() bool {
	if !r.looked {
		r.looked, r.valid = true, json.Valid(r.Body)
	}
	return r.valid
}

func (r *Answer) notJSON() error { return fmt.Errorf("expected JSON, found %s", excerpt(r)) }

// first returns the text of the first node that the path selects from the body,
// nil if there is none, and how many more there are. The body must be JSON.
func (p *jsonPath) first(r *Answer) (text []byte, more int, err error) {
	if p.straight {
		return walkJSON(r.Body, p.steps), 0, nil
	}
	nodes, err := p.nodes(r)
	if err != nil || len(nodes) == 0 {
		return nil, 0, err
	}
	return []byte(compactJSON(nodes[0])), len(nodes) - 1, nil
}

// nodes returns what the path selects from the body.
func (p *jsonPath) nodes(r *Answer) ([]any, error) {
	doc, err := r.document()
	if err != nil {
		return nil, err
	}
	return p.find(doc)
}

// document reads the body as JSON, once for all who ask.
func (r *Answer) document() (any, error) {
	if r.doc == nil {
		root, err := parseJSON(r.Body)
		if err != nil {
			err = r.notJSON()
		}
		r.doc = &document{root, err}
	}
	return r.doc.root, r.doc.err
}

// parseJSON reads one JSON value.
func parseJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errNotJSON // something follows it
	}
	return v, nil
}

// equalJSON says whether two values that parseJSON made are one JSON value:
// numbers by what they are worth, and objects whatever the order of their members.
func equalJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || decimalOf(string(a)) == decimalOf(string(b)))
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equalJSON(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equalJSON(v, w) {
				return false
			}
		}
		return true
	}
	return a == b // null, truths and strings
}

// decimal is what a JSON number is worth, exactly: ±0.digits × 10^exp, where
// digits neither begins nor ends with a zero. Its zero value is zero.
type decimal struct {
	minus  bool
	digits string
	exp    int64
	far    string // the exponent as it is written, if it does not fit
}

func decimalOf(s string) decimal {
	var d decimal
	s, d.minus = strings.CutPrefix(s, "-")
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	d.digits = strings.TrimLeft(whole+part, "0")
	if d.digits == "" {
		return decimal{}
	}
	d.exp = int64(len(whole) - (len(whole) + len(part) - len(d.digits)))
	d.digits = strings.TrimRight(d.digits, "0")
	if exponent != "" {
		e, err := strconv.ParseInt(exponent, 10, 62)
		if err != nil {
			d.far = exponent
		}
		d.exp += e
	}
	return d
}

// compactJSON writes a value that parseJSON made.
func compactJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as the answer had it
	if err := e.Encode(v); err != nil {
		return err.Error() // it was JSON before
	}
	return strings.TrimSuffix(b.String(), "\n")
}
