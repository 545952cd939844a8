package setup

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// login is asked for a token, and says when. It fails as often as fails says, from the second
// time on.
type login struct {
	start time.Time
	took  time.Duration
	fails int
	at    []time.Duration
}

func (l *login) do(context.Context, uint64, time.Duration) (*payload.Values, error) {
	l.at = append(l.at, time.Since(l.start))
	time.Sleep(l.took)
	if n := len(l.at); n > 1 && n <= 1+l.fails {
		return nil, errors.New("no answer")
	}
	v := new(payload.Values)
	v.Set("token", fmt.Sprintf("token-%d", len(l.at)), payload.Text)
	return v, nil
}

func (*login) close() error { return nil }

// shared is the token that requests use now.
func shared(t *testing.T, s *payload.Shared) string {
	t.Helper()
	text, err := payload.New("{{ .token }}", new(payload.Draw))
	if err != nil {
		t.Fatal(err)
	}
	var row payload.Row
	row.Reset(nil, 0, nil)
	row.Share(s)
	out, err := text.Append(nil, &row)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestRefresh(t *testing.T) {
	tests := []struct {
		name   string
		took   time.Duration // to answer
		fails  int
		stop   time.Duration // of the run, if before its end
		at     []time.Duration
		events []string
		token  string
	}{
		{
			"in time", time.Second, 0, 0,
			[]time.Duration{0, 10 * time.Second, 20 * time.Second},
			[]string{"refreshed", "refreshed"}, "token-3",
		},
		{
			"failing, and tried again soon", 0, 2, 0,
			[]time.Duration{0, 10 * time.Second, 11 * time.Second, 12 * time.Second, 22 * time.Second},
			[]string{"fails setup login failed: no answer; what it captured before stays in use",
				"refreshed", "refreshed"}, "token-5",
		},
		{"stopped", 0, 0, 15 * time.Second, []time.Duration{0, 10 * time.Second}, []string{"refreshed"}, "token-2"},
		{"stopped at once", 0, 0, time.Second, []time.Duration{0}, nil, "token-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &login{start: time.Now(), took: tt.took, fails: tt.fails}
				one := &step{Step: &Step{Name: "login", Refresh: 10 * time.Second}, action: l}
				env := &Env{
					Kind: "setup", Attack: &attack.Plan{Shared: new(payload.Shared)},
					Secret: func(expect.Capture) bool { return false }, Learn: func([]string) {},
					Progress: t.Logf,
				}
				s := &Steps{env: env, steps: []*step{one}}
				if err := s.Do(t.Context()); err != nil {
					t.Fatal(err)
				}
				stop, end := context.WithCancel(t.Context())
				defer end()
				if tt.stop > 0 {
					time.AfterFunc(tt.stop-time.Since(l.start), end)
				}
				var events []string
				s.Refresh(&Run{
					Start: time.Now(), End: 25 * time.Second, Stop: stop, Abort: t.Context(),
					Event: func(e timeline.Event) {
						events = append(events, told(e))
					},
				})
				if diff := cmp.Diff(tt.at, l.at); diff != "" {
					t.Errorf("asked at (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.events, events); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
				if got := shared(t, env.Attack.Shared); got != tt.token {
					t.Errorf("requests use %s, expected %s", got, tt.token)
				}
			})
		})
	}
}

func told(e timeline.Event) string {
	if e.Detail == "" {
		return e.State
	}
	return e.State + " " + e.Detail
}
