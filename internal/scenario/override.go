package scenario

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

// overridden puts what the command line says into the file's tree. Each flag's
// text is a source of its own, behind the file's lines, so that a mistake in it
// has a position.
func (c *collector) overridden(root *node, overrides []Override) *node {
	for _, o := range overrides {
		line := c.source(o)
		path, value := o.Path, &node{kind: textNode, span: span{line, 1, max(1, utf8.RuneCountInString(o.Text))}, text: o.Text}
		at := value.span
		if len(path) == 0 {
			key, _, ok := strings.Cut(o.Text, "=")
			at.len = max(1, utf8.RuneCountInString(key))
			if !ok || strings.TrimSpace(key) == "" {
				c.failf(at, "write it as attack.timeout=5s", "expected key=value, found %q", shorten(o.Text))
				continue
			}
			var err error
			if path, err = splitPath(key); err != nil {
				c.failf(at, `write it as attack.timeout, stages.0.rate, or headers."X.Y"`, "%v", err)
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

// source adds a flag's text to what positions can lead to, and returns its line.
func (c *collector) source(o Override) int {
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
func (c *collector) flagValue(o Override, line int, key string) *node {
	before := utf8.RuneCountInString(key) + 1
	value := c.lines[line-1][len(key)+1:]
	// Blanks in the place of the key: columns are those of the flag's text.
	sub := newCollector(o.Flag, []byte(strings.Repeat(" ", before)+value))
	var n *node
	if strings.TrimSpace(value) == "" {
		n = &node{kind: textNode, span: span{1, before + 1, 1}}
	} else {
		n = sub.grow(strings.Repeat(" ", before) + value)
	}
	for _, m := range sub.list {
		hint := m.Hint
		if strings.Contains(hint, "indentation") {
			hint = "the value is read as YAML: put one that holds such characters in quotes"
		}
		c.failf(span{line, max(m.Col, before+1), m.Len}, hint, "%s", m.Msg)
	}
	if n == nil || sub.fails > 0 {
		return nil
	}
	n.shift(line-1, map[*node]bool{})
	return n
}

// shift moves a value and all in it down by so many lines.
func (n *node) shift(lines int, seen map[*node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	n.line += lines
	for _, e := range n.entries {
		e.key.shift(lines, seen)
		e.value.shift(lines, seen)
	}
	for _, i := range n.items {
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
func (c *collector) put(n *node, path []string, value *node, at span, done []string) *node {
	if len(path) == 0 {
		return value
	}
	step := path[0]
	here := strings.Join(done, ".")
	out := &node{kind: mapNode, span: at}
	switch {
	case n != nil && n.kind != nullNode:
		*out = *n
	case step == "0":
		out.kind = listNode // of which this is the first item
	}
	switch out.kind {
	case mapNode:
		i := slices.IndexFunc(out.entries, func(e entry) bool { return e.key.text == step })
		old := entry{key: &node{kind: textNode, span: at, text: step}}
		if i >= 0 {
			old = out.entries[i]
		}
		v := c.put(old.value, path[1:], value, at, append(done, step))
		if v == nil {
			return nil
		}
		out.entries = slices.Clone(out.entries)
		if i >= 0 {
			out.entries[i].value = v
		} else {
			out.entries = append(out.entries, entry{old.key, v})
		}
		return out
	case listNode:
		i := out.item(step)
		if i < 0 {
			c.failf(at, out.itemsHint(here), "%s has no item %q", here, step)
			return nil
		}
		var old *node
		if i < len(out.items) {
			old = out.items[i]
		}
		v := c.put(old, path[1:], value, at, append(done, step))
		if v == nil {
			return nil
		}
		out.items = slices.Clone(out.items)
		if i < len(out.items) {
			out.items[i] = v
		} else {
			out.items = append(out.items, v)
		}
		return out
	}
	c.failf(at, fmt.Sprintf("set the whole of it: %s={%s: …}", here, strings.Join(path, ": {")), "%s is %s, which has no key %q", here, n.describe(), step)
	return nil
}

// item finds an item of a list by its name or its index; the index after the
// last adds one. -1 is none.
func (n *node) item(step string) int {
	for i, item := range n.items {
		if name, ok := item.get("name"); ok && name.text == step {
			return i
		}
	}
	if i, err := strconv.Atoi(step); err == nil && i >= 0 && i <= len(n.items) {
		return i
	}
	return -1
}

// itemsHint says what items of a list there are.
func (n *node) itemsHint(path string) string {
	var names []string
	for _, item := range n.items {
		if name, ok := item.get("name"); ok {
			names = append(names, name.text)
		}
	}
	if len(names) > 0 {
		return fmt.Sprintf("there are %s; or name one by its index, from 0 to %d", strings.Join(names, ", "), len(n.items)-1)
	}
	return fmt.Sprintf("name one by its index, from 0 to %d; %s.%d adds one", max(0, len(n.items)-1), path, len(n.items))
}
