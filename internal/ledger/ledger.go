// Package ledger finds out whether what a target acknowledged is still there.
//
// # During the load
//
// A Book watches the calls of the requests that write. It keeps the fate of each: acknowledged,
// refused, or unknown, as that of a write that timed out, and may or may not have been done. With
// its fate it keeps the key by which the write can be asked for. Keys go to a file, the spool, by
// way of a buffer, so that memory does not grow with their number and the load never waits for a
// disk. What finds no room in the buffer, or on the disk, is counted.
//
// # After the last fault
//
// Book.ReadBack asks the target for the keys, at a bounded rate and with a deadline. An
// acknowledged write that is not there is lost, a refused one that is there is a phantom. What
// could not be read back is counted, and makes what it could have changed a lower bound.
package ledger

import (
	"regexp"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Ledger is what a scenario says of one.
type Ledger struct {
	Name  string `json:"name"`
	Write string `json:"write"` // name of the request that writes
	// Acknowledged are statuses, as in expect.Expect. Without any, a good answer below 400
	// acknowledges a write.
	Acknowledged []int `json:"acknowledged,omitempty"`
	Key          Key   `json:"key"`
	// Read is what asks for a write; its templates have ReadName. A good answer says that the
	// write is there.
	Read attack.Request `json:"read"`
	// Missing is the answer that says that the write is not there. It is looked for first.
	Missing expect.Expect `json:"missing"`
	// Settle is how long the target is left alone before it is asked, Rate how often it is asked
	// at most, a second, and Deadline how long all of that may take.
	Settle   time.Duration `json:"settle"`
	Rate     float64       `json:"rate"`
	Deadline time.Duration `json:"deadline"`
	// Sample is how many writes are asked for, drawn from the seed; 0: all.
	Sample int `json:"sample,omitempty"`
	// Duplicates is a JSON path in the answer of Read: to a number, which is how often the write
	// is there, or to a list, which holds it so often. Empty: that is not asked.
	Duplicates string `json:"duplicates,omitempty"`

	// Secret says that keys are not shown.
	Secret bool `json:"-"`
}

// ReadName is how the templates of Ledger.Read name the key.
const ReadName = "key"

// Key says where the key of a write stands: in the answer, or it is made from what the request is
// made from. Exactly one of the first four is set.
type Key struct {
	JSON     string `json:"json,omitempty"`
	Header   string `json:"header,omitempty"`
	Matches  string `json:"matches,omitempty"`
	Template string `json:"template,omitempty"`
	// Part is a regular expression that what stands there must match: its first group is the
	// key, or all that it matches. Empty: all of it is.
	Part string `json:"part,omitempty"`
}

// InAnswer says that the key stands in the answer: what was not acknowledged has none.
func (k Key) InAnswer() bool { return k.Template == "" }

// capture is the key as a part of the answer.
func (k Key) capture() expect.Capture {
	return expect.Capture{Name: ReadName, JSON: k.JSON, Header: k.Header, Matches: k.Matches}
}

// Validate says what is wrong with the key, by field, nil if nothing. What a template names is not
// looked at.
func (k Key) Validate() fielderr.List {
	var wrong fielderr.List
	if k.InAnswer() {
		wrong = k.capture().Validate()
	} else if err := payload.ParseTemplate(k.Template); err != nil {
		wrong = fielderr.List{fielderr.Wrap(err, "template", fielderr.Field("template"))}
	}
	if _, err := regexp.Compile(k.Part); err != nil {
		wrong.Add("part", "part: expected a regular expression: %s",
			strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return wrong
}

// Watched are the parts of a write's answer that its key needs.
func (k Key) Watched() attack.Parts {
	return attack.Parts{Body: k.JSON != "" || k.Matches != "", Header: k.Header != ""}
}

// ReadPlan is the plan of what reads back: that of the load, with the request and the flow at each
// index those of the ledger there.
func ReadPlan(load attack.Plan, ledgers []Ledger) attack.Plan {
	load.Requests, load.Flows, load.Stages = nil, nil, nil
	for i := range ledgers {
		l := &ledgers[i]
		r := l.Read
		r.Watched = attack.Parts{
			Body:   true,
			Header: len(l.Missing.Headers)+len(l.Missing.HeaderParts) > 0,
		}
		load.Requests = append(load.Requests, r)
		load.Flows = append(
			load.Flows,
			attack.Flow{Name: l.Name, Steps: []attack.Step{{Request: i}}},
		)
	}
	return load
}

// maxTried is how many rows of data a template is tried with, evenly spaced.
const maxTried = 10_000

// Try says what is wrong with a key's template, given the rows of its request and the names of what
// its flow captured before; nil if nothing.
func (k Key) Try(data *payload.Data, captured []string) error {
	values := new(payload.Values)
	for _, name := range captured {
		values.Set(name, "1", payload.Untyped)
	}
	m, err := newKeyMaker(k, 0)
	if err != nil {
		return err
	}
	n := max(1, data.Len())
	for i := 0; i < n; i += max(1, n/maxTried) {
		a := attack.Arrival{Seq: uint64(i), Nth: uint64(i)}
		if _, err := m.make(a, data, values); err != nil {
			return err
		}
	}
	return nil
}

// Of is the key that the template makes of an arrival, given the plan's seed and the rows of its
// request.
func (k Key) Of(seed uint64, a attack.Arrival, data *payload.Data) (string, error) {
	m, err := newKeyMaker(k, seed)
	if err != nil {
		return "", err
	}
	return m.make(a, data, nil)
}

// Same says whether the key is a text that is the same for all writes.
func (k Key) Same() bool {
	t, err := payload.New(k.Template, new(payload.Draw))
	return k.Template != "" && err == nil && t.IsFixed()
}
