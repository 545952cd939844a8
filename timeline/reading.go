package timeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"
)

// Subject is what is observed beside the load.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	Name string      `json:"name"` // in the scenario
}

// String is the subject as rules write it: service("api").
func (s Subject) String() string { return string(s.Kind) + "(" + strconv.Quote(s.Name) + ")" }

// Declared is a subject as the scenario has it.
type Declared struct {
	Subject
	Unit Unit `json:"unit,omitempty"` // of a metric's value; empty: a plain number
	// Watched says of a service that what it uses is observed.
	Watched bool `json:"watched,omitempty"`
}

// Reading is one measurement of one subject. It holds no references but its texts, and two are
// equal if they say the same.
//
// Of a probe, From is when it was due and To when it was answered or given up. Of what is
// measured over time, such as CPU, they are the moments between which it was measured. Of
// anything else both are the moment at which it was so. From is below 0 of what was read before
// the load began.
type Reading struct {
	Window
	Subject
	// Target is one of several that the service has; empty: the subject is one.
	Target string `json:"target,omitempty"`
	// Every is when the source is due again, counted from From. 0: what is told of at this
	// moment has no regular order, such as a restart or a figure that is read once.
	Every time.Duration `json:"every,omitempty"`

	// Values are the figures. One that is not there, and not missing, did not exist: what does
	// not run uses no CPU. Such a reading says so by what it has, restarts 0 or healthy 0.
	Values Values `json:"values,omitzero"`
	// Missing says why there is no data, for people. What Values has is known all the same:
	// its other figures of the subject are not.
	Missing string `json:"missing,omitempty"`
	Detail  string `json:"detail,omitempty"` // for people: what a probe found
}

// Covers is the stretch of time for which the reading stands: until the next one is due.
func (r *Reading) Covers() Window {
	if r.Every > 0 {
		return Window{r.From, r.From + r.Every}
	}
	return r.Window
}

// Validate says what is wrong with a reading: the figures are not of its subject, or say nothing.
func (r *Reading) Validate() error {
	known := slices.ContainsFunc(SubjectKinds(), func(k ObservedKind) bool { return k.Kind == r.Kind })
	switch {
	case !known:
		return fmt.Errorf("expected a kind of subject, found %q", r.Kind)
	case r.Name == "":
		return fmt.Errorf("expected the name of the %s, found none", r.Kind)
	case r.To < r.From:
		return fmt.Errorf("expected a reading with from <= to, found from %d to %d", r.From, r.To)
	case r.Every < 0:
		return fmt.Errorf("expected an every of at least 0, found %d", r.Every)
	case r.Values == (Values{}) && r.Missing == "":
		return errors.New("expected values, or why they are missing, found neither")
	}
	for f, v := range r.Values.All() {
		if row := f.Row(); row.Kind != r.Kind {
			return fmt.Errorf("expected figures of a %s, found %s of a %s", r.Kind, f, row.Kind)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("expected a finite %s, found %v", f, v)
		}
	}
	return nil
}

// Values are the figures of one reading, each in the measure of its unit. The zero value has
// none. They are compared with ==, and copied by assignment.
type Values struct {
	has uint32 // a bit for each figure
	of  [figureCount]float64
}

// Set sets a figure, which must not be derived.
func (v *Values) Set(f Figure, n float64) {
	if f.Row().Derived() {
		panic("timeline: " + f.String() + " is made of other figures, and cannot be set")
	}
	v.has |= 1 << f
	v.of[f] = n
}

// Get returns a figure, also a derived one; false if it was not measured.
func (v *Values) Get(f Figure) (float64, bool) {
	if derived := f.Row().derived; derived != nil {
		return derived(v)
	}
	return v.measured(f)
}

func (v *Values) measured(f Figure) (float64, bool) { return v.of[f], v.has&(1<<f) != 0 }

// All ranges over the figures that were set, in the order of Figures.
func (v *Values) All() iter.Seq2[Figure, float64] {
	return func(yield func(Figure, float64) bool) {
		for f := range figureCount {
			if v.has&(1<<f) != 0 && !yield(f, v.of[f]) {
				return
			}
		}
	}
}

// IsZero says whether there are none.
func (v Values) IsZero() bool { return v.has == 0 }

// MarshalJSON writes an object of the figures by name, sorted.
func (v Values) MarshalJSON() ([]byte, error) {
	named := make(map[string]float64, figureCount)
	for f, n := range v.All() {
		named[f.String()] = n
	}
	return json.Marshal(named)
}

// UnmarshalJSON reads what MarshalJSON wrote. Figures that this version does not know are left
// out.
func (v *Values) UnmarshalJSON(b []byte) error {
	*v = Values{}
	var named map[string]float64
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	for f := range figures {
		if n, ok := named[figures[f].Name]; ok && !figures[f].Derived() {
			v.Set(Figure(f), n)
		}
	}
	return nil
}
