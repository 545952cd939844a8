package state

import "encoding/json"

// teardownKey is that of the lines in a run's record that say whether its teardown is due.
const teardownKey = "teardown"

// Teardown is what a run does at its end for what its setup did. Nobody else can do it, as what
// the setup captured is known to the run alone.
type Teardown struct {
	Dir   string   `json:"dir"` // of the run, absolute
	Steps []string `json:"steps"`
}

// Owe writes down what is due from now on, before any of the setup is done.
func (c *Claim) Owe(t Teardown) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return c.Place(teardownKey, text)
}

// Settle writes down that the teardown is over, whether or not it went well: the run tells that
// itself.
func (c *Claim) Settle() error { return c.Place(teardownKey, json.RawMessage("null")) }

// Settle writes down that somebody was told of the teardown that is due, so that it is told once.
func (r Run) Settle() error { return (&Claim{path: r.path}).Settle() }
