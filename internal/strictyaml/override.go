package strictyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Override is a value that the command line puts in the place of one of the
// file's, or beside them, before anything is checked.
type Override struct {
	// Flag is its name in messages, such as --set.
	Flag string
	// Text is what was written behind the flag: key=value, or with Path the value
	// alone.
	Text string
	// Path is where the value goes if the flag itself says so; the value is a text
	// then. If it is empty, Text holds path and value, which is read as YAML.
	Path []string
}

// Override puts what the command line says into the file's tree. Each flag's text
// stands behind the file's lines, so that a mistake in it has a position.
func (c *Source) Override(root *Node, overrides []Override) *Node {
	for _, o := range overrides {
		line := c.addFlag(o)
		path, value := o.Path, &Node{
			Kind: Text,
			Span: Span{line, 1, max(1, utf8.RuneCountInString(o.Text))},
			Text: o.Text,
		}
		at := value.Span
		if len(path) == 0 {
			key, _, ok := strings.Cut(o.Text, "=")
			at.Len = max(1, utf8.RuneCountInString(key))
			if !ok || strings.TrimSpace(key) == "" {
				c.Failf(at,
					c.grammar.Hints.Setting,
					"expected key=value, found %q", Shorten(o.Text))
				continue
			}
			var err error
			if path, err = splitPath(key); err != nil {
				c.Failf(at, c.grammar.Hints.KeyPath, "%v", err)
				continue
			}
			if value = c.flagValue(o, line, key); value == nil {
				continue
			}
		}
		if changed := c.put(root, path, value, at, nil); changed != nil {
			root = changed
		}
	}
	return root
}

// addFlag adds a flag's text to what positions can lead to, and returns its line.
func (c *Source) addFlag(o Override) int {
	text := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, o.Text)
	c.lines, c.runes = append(c.lines, text), append(c.runes, []rune(text))
	if c.flags == nil {
		c.flags = make(map[int]string)
	}
	c.flags[len(c.lines)] = o.Flag
	return len(c.lines)
}

// flagValue reads what stands behind the equals sign as YAML; nil, with the
// mistake noted, if it is none.
func (c *Source) flagValue(o Override, line int, key string) *Node {
	before := utf8.RuneCountInString(key) + 1
	value := c.lines[line-1][len(key)+1:]
	// Blanks in the place of the key: columns are those of the flag's text.
	sub := c.grammar.Source(o.Flag, strings.Repeat(" ", before)+value)
	sub.oneValue = true
	n, whole := &Node{Kind: Text, Span: Span{1, before + 1, 1}}, true
	if strings.TrimSpace(value) != "" {
		n, whole = sub.parse()
	}
	for _, m := range sub.list {
		c.Failf(Span{line, max(m.Col, before+1), m.Len}, m.Hint, "%s", m.Msg)
	}
	if !whole {
		return nil
	}
	n.shift(line-1, map[*Node]bool{})
	return n
}

// shift moves a value and all in it down by so many lines.
func (n *Node) shift(lines int, seen map[*Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	n.Line += lines
	for _, e := range n.Entries {
		e.Key.shift(lines, seen)
		e.Value.shift(lines, seen)
	}
	for _, i := range n.Items {
		i.shift(lines, seen)
	}
}

// splitPath splits a.b.0.c, a.b[0].c and a."b.c".d.
func splitPath(key string) ([]string, error) {
	var path []string
	rest := strings.TrimSpace(key)
	for {
		var step string
		if strings.HasPrefix(rest, `"`) {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("a quote is opened and never closed in %q", key)
			}
			step, rest = rest[1:1+end], rest[end+2:]
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			step, rest = rest[:end], rest[end:]
		}
		if step == "" {
			return nil, fmt.Errorf("expected keys with a dot between them, found %q", key)
		}
		path = append(path, step)
		for strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 2 {
				return nil, fmt.Errorf("expected [0] or [name], found %q", rest)
			}
			path = append(path, rest[1:end])
			rest = rest[end+1:]
		}
		if rest == "" {
			return path, nil
		}
		if rest[0] != '.' {
			return nil, fmt.Errorf("expected a dot before %q", rest)
		}
		rest = rest[1:]
	}
}

// put returns a copy of n with the value at the path, nil with the mistake noted
// if there is no such place. Only what lies on the path is copied: what an alias
// leads to elsewhere stays as it is.
func (c *Source) put(n *Node, path []string, value *Node, at Span, done []string) *Node {
	if len(path) == 0 {
		return value
	}
	step := path[0]
	here := strings.Join(done, ".")
	out := &Node{Kind: Map, Span: at}
	switch {
	case n != nil && n.Kind != Null:
		*out = *n
	case step == "0":
		out.Kind = List // of which this is the first item
	}
	switch out.Kind {
	case Map:
		i := slices.IndexFunc(out.Entries, func(e Entry) bool { return e.Key.Text == step })
		old := Entry{Key: &Node{Kind: Text, Span: at, Text: step}}
		if i >= 0 {
			old = out.Entries[i]
		}
		v := c.put(old.Value, path[1:], value, at, append(done, step))
		if v == nil {
			return nil
		}
		out.Entries = slices.Clone(out.Entries)
		if i >= 0 {
			out.Entries[i].Value = v
		} else {
			out.Entries = append(out.Entries, Entry{old.Key, v})
		}
		return out
	case List:
		i := out.item(step)
		if i < 0 {
			c.Failf(at, out.itemsHint(here), "%s has no item %q", here, step)
			return nil
		}
		var old *Node
		if i < len(out.Items) {
			old = out.Items[i]
		}
		v := c.put(old, path[1:], value, at, append(done, step))
		if v == nil {
			return nil
		}
		out.Items = slices.Clone(out.Items)
		if i < len(out.Items) {
			out.Items[i] = v
		} else {
			out.Items = append(out.Items, v)
		}
		return out
	}
	c.Failf(at,
		fmt.Sprintf("set the whole of it: %s={%s: …}", here, strings.Join(path, ": {")),
		"%s is %s, which has no key %q", here, n.Describe(), step)
	return nil
}

// item finds an item of a list by its name or its index; the index after the
// last adds one. -1 is none.
func (n *Node) item(step string) int {
	for i, item := range n.Items {
		if name, ok := item.Get("name"); ok && name.Text == step {
			return i
		}
	}
	if i, err := strconv.Atoi(step); err == nil && i >= 0 && i <= len(n.Items) {
		return i
	}
	return -1
}

// itemsHint says what items of a list there are.
func (n *Node) itemsHint(path string) string {
	var names []string
	for _, item := range n.Items {
		if name, ok := item.Get("name"); ok {
			names = append(names, name.Text)
		}
	}
	if len(names) > 0 {
		return fmt.Sprintf(
			"there are %s; or name one by its index, from 0 to %d",
			strings.Join(names, ", "),
			len(n.Items)-1,
		)
	}
	return fmt.Sprintf(
		"name one by its index, from 0 to %d; %s.%d adds one",
		max(0, len(n.Items)-1),
		path,
		len(n.Items),
	)
}
