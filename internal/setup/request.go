package setup

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// maxShown is how much of an answer an error shows, in bytes.
const maxShown = 400

// sender does a step by a request.
type sender struct {
	env    *Env
	client attack.Client
	all    attack.Clients
	kept   *any
}

// newSender makes a request ready, as the only step of a flow: so its protocol captures.
func newSender(s *Step, env *Env, kept *any) (*sender, error) {
	plan := *env.Attack
	plan.Seed = ownSeed(env.Kind, plan.Seed)
	plan.Stages, plan.Requests = nil, []attack.Request{*s.Request}
	plan.Flows = []attack.Flow{{Name: s.Name, Steps: []attack.Step{{Captures: s.Captures}}}}
	plan.SecretNames = slices.Clip(plan.SecretNames)
	for _, c := range s.Captures {
		if env.Secret(c) {
			plan.SecretNames = append(plan.SecretNames, c.Name)
		}
	}
	plan.MaxInFlight = 1
	if plan.Engine != "fast" { // which asks no proxy
		plan.Engine = "http"
	}
	clients, wrong := protocols.Compile(env.Protocols, &plan)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return &sender{
		env: env, client: clients[s.Request.Protocol], all: clients, kept: kept,
	}, nil
}

func (s *sender) close() error { return s.all.Close() }

func (s *sender) do(
	ctx context.Context, n uint64, timeout time.Duration,
) (*payload.Values, error) {
	now := time.Now()
	session := new(attack.Session)
	call := attack.Call{
		Arrival: attack.Arrival{Seq: n, Nth: n}, Due: now,
		By: wire.Deadlines{Done: now.Add(timeout)}, Session: session, Kept: s.kept,
	}
	var out attack.Outcome
	s.client.Call(ctx, &call, &out)
	defer out.Release()
	if out.Kind == timeline.KindNotAllowed {
		s.env.Refused(out.Err)
	}
	if out.Kind != "" {
		return nil, s.failed(&out)
	}
	return &session.Values, nil
}

// failed says why there is no good answer, and what was answered.
func (s *sender) failed(out *attack.Outcome) error {
	why := attack.Result{Kind: out.Kind, Class: out.Class, Code: out.Code}
	if out.Exchange != nil {
		out.Exchange.Explain(&why, out.Class == attack.Bad)
	}
	text := cmp.Or(why.Detail, out.Kind)
	if a := why.Sample; a != nil {
		text += "; the answer was "
		if a.Status > 0 {
			text += strconv.Itoa(a.Status) + " "
		}
		text += strconv.Quote(plaintext.Clip(strings.TrimSpace(a.Body), maxShown))
	}
	return errors.New(s.env.Redact(why.Secrets)(text))
}
