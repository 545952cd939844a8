package observe

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/command"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// Command is a command that prints a number, and nothing else.
type Command struct{ Args []string }

var _ Spec = (*Command)(nil)

// Validate implements Spec.
func (c *Command) Validate() fielderr.List {
	if len(c.Args) == 0 || c.Args[0] == "" {
		e := fielderr.At(nil, "command: expected a program and its arguments, found none")
		return fielderr.List{e.WithHint("write command: [redis-cli, llen, jobs]")}
	}
	return nil
}

// Expanded implements Spec.
func (c *Command) Expanded(expand func(string) string) Spec {
	out := &Command{}
	for _, a := range c.Args {
		out.Args = append(out.Args, expand(a))
	}
	return out
}

// Asks implements Spec.
func (*Command) Asks() string { return "" }

// Headers implements Spec.
func (*Command) Headers() []payload.Field { return nil }

// Texts implements Spec.
func (c *Command) Texts() []string { return c.Args }

// String implements Spec.
func (c *Command) String() string { return "the command " + strings.Join(c.Args, " ") }

// MarshalJSON implements json.Marshaler: it prints as the list that it is in the file.
func (c *Command) MarshalJSON() ([]byte, error) { return json.Marshal(c.Args) }

// Open implements Spec.
func (c *Command) Open(env SourceEnv) (Source, error) {
	if err := command.Check(c.Args, env.Dir); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (float64, error) {
		out, err := command.Ask(ctx, c.Args, env.Dir)
		if err != nil {
			return 0, err
		}
		return number(string(out))
	}, nil
}

// DecodeNode implements strictyaml.NodeDecoder: it is a list.
func (c *Command) DecodeNode(
	d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field,
) (ok bool) {
	f.Value, f.Empties, f.Required = reflect.ValueOf(&c.Args).Elem(), true, true
	return d.Field(n, f)
}

// NodeSchema implements strictyaml.NodeSchema.
func (*Command) NodeSchema(*strictyaml.Grammar, strictyaml.Field) strictyaml.Schema {
	out := strictyaml.ListOf(strictyaml.AnyText())
	out["minItems"] = 1
	return out
}
