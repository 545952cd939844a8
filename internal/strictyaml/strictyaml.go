// Package strictyaml reads YAML files that people write into structs, strictly, and
// tells them all that is wrong at once.
//
// # Mistakes
//
// Every mistake has a place: file, line, column and length, however the YAML is
// written (plain, in quotes, as a block, behind an alias) and whatever variables are
// in it. It says what was expected, what was found and what to do. Unknown keys are
// mistakes, with the key that was probably meant; so are keys that stand twice.
//
// # Reading
//
//	src := grammar.Source("scenario.yaml", text)
//	root := src.Parse()                    // nil if it is no YAML
//	d := src.Decoder(resolveVariable)
//	ok := d.Decode(root, &file, "a scenario")
//	err := src.Err(nil)                    // *Mistakes, with all of them
//
// Reading goes on after a mistake. Whoever reads a value is told whether that value
// could be read: ok, or Decoder.Broken for a field that was read before.
//
// # Grammar
//
// What a struct may hold is told by its tags:
//
//	json:"key"        the key; with omitempty the field can be left out of a shape
//	doc:"…"           one line for hints and the schema
//	required:"true"   must be there and not empty
//	positive:"true"   must be above zero
//	default:"5s"      read as if it stood in the file
//	enum:"a,b"        the words that are allowed; @name is one of Grammar.Lists
//	unit:"%"          a share such as 5%; unit:"bytes" a size such as 512MiB; unit:"/s" a rate
//	vars:"mode"       passed on to whoever resolves variables, see Variable
//	without:"a,b"     on an embedded struct: its keys but for these
//	empties:"true"    texts of the list may be empty, but for the first
//	keys:"name"       on a Keyed: the keys of a registry, Grammar.Keys
//
// A type that has more than one form in the file implements NodeDecoder, and
// NodeSchema for the JSON Schema. The schema is made from the same tags.
package strictyaml

import "reflect"

// Grammar is what a kind of file has beyond the tags of its structs.
type Grammar struct {
	// Lists are the words that enum:"@name" stands for.
	Lists map[string]func() []string
	// Keys are the keys that keys:"name" stands for, from a registry.
	Keys map[string][]Key
	// Units are the units of types that have one without a tag.
	Units map[reflect.Type]string
	// Foreign knows keys that other tools have: what to write in a mapping that is
	// called what, and which of its keys that is, if any. The key is written without
	// capitals, dashes and underscores.
	Foreign func(what, key string) (hint, meant string, ok bool)
	// TemplateEnd is where a template that begins with {{ at s[at:] ends, 0 if it does
	// not. With it templates need no quotes.
	TemplateEnd func(s string, at int) int
	// Hints say what to do about files that cannot be read.
	Hints Hints
}

// Hints say what to do, in words of the kind of file.
type Hints struct {
	Empty    string // a file with nothing in it
	TooLarge string // a file with too many bytes
	TooDeep  string // values within values without end
	Unfolds  string // aliases and variables that make too much of it
	Setting  string // a flag that is not key=value
	KeyPath  string // a flag's key that cannot be read
}

// Bounds of a file. The YAML library takes time that grows with the square of
// the size, and a stack that grows with the depth.
const (
	MaxSource = 128 << 10 // bytes of a file

	maxDepth = 64
	maxNodes = 100_000

	// maxExpanded bounds what all values of a file are together, once aliases are
	// followed and variables put in: a small file can repeat a large value without end.
	maxExpanded = 4 << 20
)
