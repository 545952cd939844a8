package record

import (
	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// unknown is the name in cells of arrivals whose stage or request the
// configuration does not have.
const unknown = "#"

// cellIndex numbers the cells that an arrival can belong to, so that recording needs no map. They
// are numbered stage by stage, and in each stage first the requests, then the flows, then a cell
// for unknown requests. The cells of an unknown stage come last.
type cellIndex struct {
	stages          []timeline.Stage
	requests, flows []string
}

func (l *cellIndex) width() int { return len(l.requests) + len(l.flows) + 1 }

// cell returns the number of an arrival's cell.
func (l *cellIndex) cell(a *attack.Arrival) int32 {
	stage, column := len(l.stages), l.width()-1
	if a.Stage >= 0 && a.Stage < len(l.stages) {
		stage = a.Stage
	}
	switch {
	case a.Request < 0:
	case a.IsFlow && a.Request < len(l.flows):
		column = len(l.requests) + a.Request
	case !a.IsFlow && a.Request < len(l.requests):
		column = a.Request
	}
	return int32(stage*l.width() + column)
}

// stage is the stage of a cell; nil if it is unknown.
func (l *cellIndex) stage(cell int32) *timeline.Stage {
	if i := int(cell) / l.width(); i < len(l.stages) {
		return &l.stages[i]
	}
	return nil
}

// key names a cell.
func (l *cellIndex) key(cell int) timeline.Key {
	k := timeline.Key{Stage: unknown, Request: unknown}
	if i := cell / l.width(); i < len(l.stages) {
		k.Stage = l.stages[i].Name
	}
	switch i := cell % l.width(); {
	case i < len(l.requests):
		k.Request = l.requests[i]
	case i < l.width()-1:
		k.Request, k.IsFlow = l.flows[i-len(l.requests)], true
	}
	return k
}
