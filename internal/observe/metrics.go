package observe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Once says when a metric is read that is read once.
type Once string

// The moments at which a metric can be read once.
const (
	Before Once = "before" // the load begins
	After  Once = "after"  // the load is over, and all faults are undone
)

// Metric is a figure from outside.
type Metric struct {
	Name string `json:"name"`
	// Unit is what the source tells, as the scenario writes it: see ParseUnit.
	Unit string `json:"unit"`
	// Every is how often it is read; 0: Once.
	Every   time.Duration `json:"every,omitempty"`
	Once    Once          `json:"once,omitempty"`
	Timeout time.Duration `json:"timeout"`
	// Source is a name in Sources, and Of the settings of that source.
	Source string `json:"source"`
	Of     Spec   `json:"of"`
}

// metric reads one figure.
type metric struct {
	Metric
	env    *Env
	unit   MetricUnit
	source Source
	client *http.Client
	before *timeline.Reading // what was read before the load; From and To are instants since made
	read   time.Time         // when
	lacks  string            // why it had no figure then; "" if it had
}

func newMetrics(p *Plan, env *Env) []Observer {
	var out []Observer
	for _, m := range p.Metrics {
		out = append(out, &metric{Metric: m, env: env})
	}
	return out
}

func (m *metric) subject() timeline.Subject {
	return timeline.Subject{Kind: timeline.MetricSubject, Name: m.Name}
}

// Prepare implements Observer. The source is asked once, unless it is for after the load: one
// that cannot be asked at all is an error. One that answers and has no figure yet is none, as
// it may have one once there is load.
func (m *metric) Prepare(ctx context.Context) error {
	var err error
	if m.unit, err = ParseUnit(m.Unit); err != nil {
		return cannot(m.subject(), err)
	}
	if m.client, err = newClient(m.env); err != nil {
		return cannot(m.subject(), err)
	}
	if m.source, err = m.Of.Open(SourceEnv{m.client, m.env.Dir}); err != nil {
		return cannot(m.subject(), err)
	}
	if m.Once == After {
		return nil
	}
	reading, err := m.ask(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		if _, answered := errors.AsType[*NoFigure](err); !answered {
			return cannot(m.subject(), errors.New(m.text(err)))
		}
		m.lacks = reading.Missing
	}
	if m.Once == Before {
		m.before, m.read = &reading, time.Now()
	}
	return nil
}

// warning implements warner.
func (m *metric) warning() string {
	if m.lacks == "" {
		return ""
	}
	return fmt.Sprintf("%s has no figure before the load: %s", m.subject(), m.lacks)
}

// ask reads the figure once. The reading says what was found, also if there is an error.
func (m *metric) ask(ctx context.Context) (timeline.Reading, error) {
	r := timeline.Reading{Subject: m.subject(), Every: m.Every}
	limited, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	v, err := m.source(limited)
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		err = fmt.Errorf("it did not answer within %s", m.Timeout)
	case err != nil:
	case math.IsNaN(v):
		err = noFigure("it answered NaN, which is no number")
	case math.IsInf(v*m.unit.Factor, 0):
		err = noFigure("it answered %v, which is no finite number", v)
	default:
		r.Values.Set(timeline.MetricValue, v*m.unit.Factor)
	}
	if refused, ok := errors.AsType[*allow.Error](err); ok {
		m.env.Refused(refused)
	}
	if err != nil {
		r.Missing = m.text(err)
	}
	return r, err
}

// text is what an error says, for people.
func (m *metric) text(err error) string {
	return plaintext.Clip(m.env.Redact(nil)(plaintext.Line(err.Error())), timeline.MaxDetail)
}

// Observe implements Observer. Readings do not overlap: one takes no longer than its timeout,
// which is at most every.
func (m *metric) Observe(r *Run) {
	switch m.Once {
	case Before:
		at := min(r.at(m.read), -1)
		m.before.Window = timeline.Window{From: at, To: at}
		r.Tell(*m.before)
		return
	case After:
		return
	}
	r.each(m.Every, func(_ uint64, due time.Duration) {
		if late := r.at(time.Now()) - due; late >= m.Every {
			r.Tell(timeline.Reading{
				Window: timeline.Window{
					From: due,
					To:   due + late,
				}, Subject: m.subject(), Every: m.Every,
				Missing: fmt.Sprintf(
					"not read: ordeal itself came to it %s late",
					late.Round(time.Millisecond),
				),
			})
			return
		}
		m.tell(r, due)
	})
}

// tell reads the figure that is due, and tells it.
func (m *metric) tell(r *Run, due time.Duration) {
	reading, _ := m.ask(r.Abort)
	if r.Abort.Err() != nil {
		return
	}
	reading.From, reading.To = due, max(due, r.at(time.Now()))
	r.Tell(reading)
}

// finish implements finisher.
func (m *metric) finish(r *Run) {
	if m.Once == After && r.Abort.Err() == nil {
		m.tell(r, r.at(time.Now()))
	}
}

// Close implements Observer.
func (m *metric) Close() error {
	if m.client != nil {
		m.client.CloseIdleConnections()
	}
	return nil
}
