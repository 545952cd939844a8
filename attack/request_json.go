package attack

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// requestJSON is how a request prints whose Spec is no Printer.
type requestJSON struct {
	Name    string        `json:"name"`
	Weight  float64       `json:"weight"`
	Timeout time.Duration `json:"timeout"`
	// Expect was once what every request had. Plans still print it.
	Expect   struct{}      `json:"expect"`
	Data     *payload.Data `json:"data,omitempty"`
	Protocol string        `json:"protocol,omitempty"`
	Spec     Spec          `json:"spec,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (r Request) MarshalJSON() ([]byte, error) {
	var printed any = requestJSON{
		Name: r.Name, Weight: r.Weight, Timeout: r.Timeout, Data: r.Data,
		Protocol: r.Protocol, Spec: r.Spec,
	}
	if p, ok := r.Spec.(Printer); ok {
		printed = p.Printed(&r)
	}
	// Whether <, > and & are escaped is up to the encoder that asks.
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(printed)
	return bytes.TrimSpace(b.Bytes()), err
}
