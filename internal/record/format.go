package record

import (
	"net/url"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// The files of a timeline in a run directory.
const (
	TimelineFile = "timeline.jsonl"
	LogFile      = "intervals.hlog"
	SamplesFile  = "samples.jsonl" // only if there are any
)

// schema is the version of both files: of their layout, and of what their figures mean. Load
// refuses any other, as a later reader must not take one figure for another: in schema 1,
// "answered" counted timeouts and refused connections too, and in schema 2 requests that were open
// when a fault began were not counted apart.
const schema = 3

// gone says why recordings of an earlier schema are not read.
var gone = map[int]string{
	1: "it counts timeouts and refused connections as answers",
	2: "it does not say which requests were open when a fault began or ended, so that before, " +
		"during and after cannot be told apart",
}

// header is the first line of timeline.jsonl.
type header struct {
	Schema   int              `json:"schema"`
	Name     string           `json:"name"`
	Start    time.Time        `json:"start"`
	Stages   []timeline.Stage `json:"stages"`
	Requests []string         `json:"requests"`
	Flows    []string         `json:"flows,omitempty"`
	Limits   []time.Duration  `json:"limits,omitempty"`

	Subjects []timeline.Declared `json:"subjects,omitempty"`

	LateBudget time.Duration `json:"late_budget"`
	Longest    time.Duration `json:"longest,omitempty"` // that a good answer can take

	Normal   timeline.Normal            `json:"normal,omitzero"`
	NormalOf map[string]timeline.Normal `json:"normal_of,omitempty"`
}

// The types of the lines after the header.
const (
	typeInterval = "interval"
	typeEvent    = "event"
	typeEnd      = "end"
)

// intervalLine is one part of one interval; windows are in nanoseconds from the
// start of the run.
type intervalLine struct {
	Type string `json:"type"`
	timeline.Window
	// Arrivals and whole flows that came due, whether or not they are over and in a cell.
	Due   uint64          `json:"due"`
	Lines int             `json:"lines"` // in intervals.hlog: one for each distribution below
	Cells []cellLine      `json:"cells"`
	Beats []timeline.Beat `json:"beats,omitempty"`
}

// cellLine holds the counters of a cell, and its distributions, which follow in
// intervals.hlog in this order; empty ones are left out.
type cellLine struct {
	timeline.Key
	// The last cut at which these arrivals were open.
	OpenAt time.Duration `json:"open_at,omitempty"`
	*timeline.Stats
	Counters      map[string]uint64  `json:"counters,omitempty"` // of calls, by name
	Distributions []distributionLine `json:"distributions,omitempty"`
}

type distributionLine struct {
	Name    string                `json:"name"`
	Clamped uint64                `json:"clamped,omitempty"` // values above ten minutes
	Limits  []timeline.LimitCount `json:"limits,omitempty"`  // exact counts
}

type eventLine struct {
	Type  string         `json:"type"`
	Event timeline.Event `json:"event"`
}

// endLine is the last line of a recording that was not cut off.
type endLine struct {
	Type        string               `json:"type"`
	Duration    time.Duration        `json:"duration"`
	Interrupted bool                 `json:"interrupted,omitempty"`
	Stopped     *timeline.Stop       `json:"stopped,omitempty"`
	Hypothesis  *timeline.Hypothesis `json:"hypothesis,omitempty"`
	Faults      []timeline.Fault     `json:"faults"`
	// How many lines of each type come before this one. Earlier versions did not write it.
	Lines map[string]int `json:"lines,omitempty"`
}

// tag names a distribution in intervals.hlog: stage/request/distribution, and for
// a whole flow stage/flow/distribution/whole. The format forbids commas, spaces
// and line breaks, and the slash is taken: escaping keeps them out of names.
func tag(k timeline.Key, distribution string) string {
	return string(appendTag(nil, k, distribution))
}

func appendTag(b []byte, k timeline.Key, distribution string) []byte {
	b = append(append(b, url.PathEscape(k.Stage)...), '/')
	b = append(append(b, url.PathEscape(k.Request)...), '/')
	b = append(b, distribution...)
	if k.IsFlow {
		b = append(b, "/whole"...)
	}
	return b
}
