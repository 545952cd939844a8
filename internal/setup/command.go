package setup

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/command"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// runner does a step by a command.
type runner struct {
	env    *Env
	args   []payload.Template
	draw   payload.Draw
	check  *expect.Check
	takers []*expect.Taker
}

func newRunner(s *Step, env *Env) (*runner, error) {
	r := &runner{env: env, draw: payload.Draw{Seed: ownSeed(env.Kind, env.Attack.Seed)}}
	var err error
	if r.check, err = expect.New(*s.Expect); err != nil {
		return nil, err
	}
	if r.args, err = templates(s.Command, &r.draw); err != nil {
		return nil, err
	}
	for _, c := range s.Captures {
		taker, err := expect.NewTaker(c)
		if err != nil {
			return nil, err
		}
		r.takers = append(r.takers, taker)
	}
	if r.args[0].IsFixed() {
		if err := command.Check(s.Command, env.Dir); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func templates(args []string, draw *payload.Draw) ([]payload.Template, error) {
	var out []payload.Template
	for _, a := range args {
		t, err := payload.New(a, draw)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// ValidateCommand says what is wrong with a command whose templates may name these columns, nil if
// nothing. missing returns the message for another column, and what to do.
func ValidateCommand(
	args, columns []string, missing func(column string) (msg, hint string),
) error {
	if len(args) == 0 || args[0] == "" {
		return fielderr.At(nil, "command: expected a program and its arguments, found none").
			WithHint(`write command: [./seed.sh, --users, "100"]`)
	}
	draw := new(payload.Draw)
	all, err := templates(args, draw)
	if err != nil {
		return fielderr.At(nil, "command: %s", err)
	}
	values := new(payload.Values)
	for _, name := range columns {
		values.Set(name, "1", payload.Untyped)
	}
	var row payload.Row
	row.Reset(nil, 0, values)
	row.Missing = func(column string) error {
		msg, hint := missing(column)
		return fielderr.Error{Msg: msg, Hint: hint}
	}
	for i := range all {
		if _, err := all[i].Append(nil, &row); err != nil {
			return fielderr.Wrap(err, "command", nil)
		}
	}
	return nil
}

func (*runner) close() error { return nil }

func (r *runner) do(
	ctx context.Context, n uint64, timeout time.Duration,
) (*payload.Values, error) {
	r.draw.Reset(n, n)
	var row payload.Row
	row.Reset(nil, n, nil)
	row.Share(r.env.Attack.Shared)
	var args []string
	for i := range r.args {
		a, err := r.args[i].Append(nil, &row)
		if err != nil {
			return nil, err
		}
		args = append(args, string(a))
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := command.Run(ctx, args, r.env.Dir)
	if err != nil {
		return nil, errors.New(r.env.Redact(r.secrets(out))(err.Error()))
	}
	answer := &expect.Answer{Body: out, BytesIn: int64(len(out))}
	if kind, detail := r.check.JudgeBody(answer, time.Since(begun), secret.Shown); kind != "" {
		return nil, r.printed(detail, out)
	}
	values := new(payload.Values)
	for _, taker := range r.takers {
		v, kind, err := taker.TakeKind(answer)
		if err != nil {
			return nil, r.printed(err.Error(), out)
		}
		values.Set(taker.Name, v, kind)
	}
	return values, nil
}

// printed is an error about what a command printed.
func (r *runner) printed(why string, out []byte) error {
	shown := plaintext.Clip(strings.TrimSpace(expect.Text(out)), maxShown)
	text := fmt.Sprintf("%s; it printed %s", why, strconv.Quote(shown))
	return errors.New(r.env.Redact(r.secrets(out))(text))
}

// secrets is what stands in a command's output, is captured from it, and is secret.
func (r *runner) secrets(out []byte) (own []string) {
	for _, taker := range r.takers {
		v, err := taker.Take(&expect.Answer{Body: out, BytesIn: int64(len(out))})
		if err == nil && r.env.Secret(taker.Capture) {
			own = append(own, v)
		}
	}
	return own
}
