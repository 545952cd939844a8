package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/setup"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Plan is a scenario after defaults, validation and seeding. It is not changed
// once made, prints as canonical JSON, and the same file, environment and seed
// give the same bytes.
//
// Strings that name a service's address, ${NAME.addr}, stay in it as they are:
// addresses are known only once the services run. Expand puts them in.
type Plan struct {
	Schema     int       `json:"schema"`
	Name       string    `json:"name"`
	Seed       uint64    `json:"seed"`
	Services   []Service `json:"services,omitempty"`
	Target     string    `json:"target,omitempty"`
	AllowHosts []string  `json:"allow_hosts,omitempty"`
	// Setup is done before the load, and Teardown after it, whatever happened.
	Setup      []setup.Step      `json:"setup,omitempty"`
	Teardown   []setup.Step      `json:"teardown,omitempty"`
	Attack     attack.Plan       `json:"attack"`
	Arrivals   Digest            `json:"arrivals"`
	Chaos      []chaos.FaultPlan `json:"chaos,omitempty"`
	Hypothesis []PlannedRule     `json:"hypothesis,omitempty"`
	Abort      []PlannedAlarm    `json:"abort,omitempty"`
	Ledger     []ledger.Ledger   `json:"ledger,omitempty"`
	Rules      []PlannedRule     `json:"verdict,omitempty"`
	// Rerun is how often a run that failed is repeated: it fails only if it does each time.
	Rerun int `json:"rerun,omitempty"`

	// Ready says when the target is ready for the load; a path is asked at the
	// target. The zero Check: when it accepts connections and keeps them.
	Ready        ready.Check   `json:"ready,omitzero"`
	ReadyTimeout time.Duration `json:"ready_timeout"`

	// Recovery is what counts as normal after faults, nil: the default; RecoveryOf after
	// those of a name that have their own.
	Recovery   *timeline.Normal           `json:"recovery,omitempty"`
	RecoveryOf map[string]timeline.Normal `json:"recovery_of,omitempty"`

	// Observe is what is watched beside the load; nil: nothing is.
	Observe *Observe `json:"observe,omitempty"`
	// Subjects are what can be observed beside the load.
	Subjects []timeline.Declared `json:"-"`

	// File is the name of the scenario file, without its folder, and FileSHA256 the
	// SHA-256 of what stands in it.
	File       string `json:"-"`
	FileSHA256 string `json:"-"`

	// Kinds are the kinds that its services could have.
	Kinds []target.Kind `json:"-"`
	// Protocols are those that its requests could be of.
	Protocols []attack.Protocol `json:"-"`

	// Dir is the folder of the scenario file, against which its paths are read.
	Dir string `json:"-"`
	// Secrets are values that must not reach any output, and Redactor takes them out; nil
	// if there are none.
	Secrets  []string         `json:"-"`
	Redactor *secret.Redactor `json:"-"`
}

// Digest stands for the whole schedule in a printed plan: two plans with the
// same digest send the same requests at the same offsets.
type Digest struct {
	Count  uint64 `json:"count"`  // arrivals digested: all, or the first million
	SHA256 string `json:"sha256"` // over seq, intended, stage, request and nth of each
}

// PlannedRule is a rule as it stands in the file, compiled.
type PlannedRule struct {
	KPI      string           `json:"kpi"`
	Name     string           `json:"name,omitempty"`
	Severity verdict.Severity `json:"severity"`
	// Confidence is how sure the rule's outcome must be, such as 0.95; 0: what was observed
	// decides.
	Confidence float64 `json:"confidence,omitempty"`
	// Description is for people who read the report.
	Description string `json:"description,omitempty"`
	// MinSamples is how many samples each of its figures needs.
	MinSamples uint64        `json:"min_samples,omitempty"`
	Rule       *verdict.Rule `json:"-"`
	At         Place         `json:"-"`
}

// Input is the rule as the judge takes it.
func (p *PlannedRule) Input() verdict.Input {
	return verdict.Input{
		KPI: p.KPI, Name: p.Name, Severity: p.Severity, Confidence: p.Confidence,
		Description: p.Description, MinSamples: p.MinSamples, Rule: p.Rule,
	}
}

// PlannedAlarm is a condition that ends the run, compiled.
type PlannedAlarm struct {
	When        string        `json:"when"`
	For         time.Duration `json:"for"`
	Name        string        `json:"name,omitempty"`
	Description string        `json:"description,omitempty"`
	Rule        *verdict.Rule `json:"-"`
	At          Place         `json:"-"`
}

// Alarm is the condition as it is judged.
func (p *PlannedAlarm) Alarm() verdict.Alarm {
	return verdict.Alarm{
		When: p.When, For: p.For, Name: p.Name, Description: p.Description, Rule: p.Rule,
	}
}

// Place is where something stands in a file. The zero Place is nowhere, as of what stands in no
// file but in a flag.
type Place struct {
	File      string // as it was named
	Line, Col int    // from 1; Col in characters
	Len       int    // in characters, within the line
}

// Service is something that the run starts or finds, and that faults may break.
type Service struct {
	Name     string
	Kind     *target.Kind
	Settings target.Settings
}

// MarshalJSON prints the settings under the name of the kind.
func (s Service) MarshalJSON() ([]byte, error) {
	name, err := plainJSON(s.Name)
	if err != nil {
		return nil, err
	}
	settings, err := plainJSON(s.Settings)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"name":%s,%q:%s}`, name, s.Kind.Name, settings), nil
}

// plainJSON leaves <, > and & as they are, as the plan's JSON does.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
