// Package arrivals says when requests are due. A shape is the rate, or the number of
// users, at each moment of a stage. A schedule draws arrivals from the shapes and a
// seed, the same ones every time, whatever is sent and however it is answered.
//
// Each shape is a file of its own, and an entry in Shapes.
package arrivals

import (
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Rate is a number of arrivals per second.
type Rate float64

// Shape is the load of one stage: an OpenShape or a ClosedShape.
type Shape interface {
	// Validate says what is wrong with the shape's own numbers, nil if nothing.
	Validate(total time.Duration) fielderr.List
}

// OpenShape is a rate over time, whatever the target does.
type OpenShape interface {
	Shape
	// Rate is the rate at offset t into a stage of length total.
	Rate(t, total time.Duration) Rate
	// Expected is the integral of Rate from 0 to t, in arrivals: exact, never
	// falling, 0 at t = 0. Arrivals are drawn by inverting it.
	Expected(t, total time.Duration) float64
}

// ClosedShape is a number of users, each of whom waits for an answer before
// asking again.
type ClosedShape interface {
	Shape
	// Users is how many there are at offset t into a stage of length total.
	Users(t, total time.Duration) int
	// ThinkTime is how long a user thinks between an answer and the next request.
	ThinkTime() time.Duration
}

// Process is how arrivals are drawn from a rate.
type Process string

// The arrival processes.
const (
	// Evenly spaced in the integral of the rate: arrival k where Expected = k.
	Uniform Process = "uniform"
	Poisson Process = "poisson" // exponential gaps in the integral of the rate
)

// Stage is a named stretch of load.
type Stage struct {
	Name   string        `json:"name"`
	For    time.Duration `json:"for"`
	Kind   string        `json:"kind"` // the shape's name in Shapes
	Shape  Shape         `json:"shape"`
	Judged bool          `json:"judged"`
}

// Load is what a schedule is made of.
type Load struct {
	Seed     uint64
	Process  Process
	Stages   []Stage
	Requests []float64 // the weight of each request
	Flows    []Flow
}

// Flow is several requests that one caller makes one after the other.
type Flow struct {
	Weight float64
	Steps  int // its requests
}

// Arrival is one request that is due.
type Arrival struct {
	Seq      uint64        // its place in the schedule, from 0
	Intended time.Duration // when it is due, from the start of the run
	Stage    int           // index into the stages
	Request  int           // index into the requests, or into the flows if IsFlow
	Nth      uint64        // its place among the arrivals of its request, from 0
	IsFlow   bool          // a flow, and not one request: in no totals
}

// ShapeKind is an entry of the registry of shapes. A stage is of this kind if
// it has the key Name; with Flat, the shape's own keys stand beside it in the
// stage, otherwise below it.
type ShapeKind struct {
	Name    string
	Doc     string
	Flat    bool
	Written string       // how a stage has it, if its fields do not tell
	New     func() Shape // pointer to a struct whose exported fields carry json and doc tags
}
