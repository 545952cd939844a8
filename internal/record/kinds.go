package record

import (
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Kinds of error that a cell, and the live view, tell apart; what comes after
// them is counted as timeline.KindOther, so that an engine that puts addresses into its
// kinds costs no memory without end.
const (
	maxKinds = 64
)

// statusKinds are the kinds of wrong statuses, one each, made once.
var statusKinds = func() (out [1000]string) {
	for i := range out {
		out[i] = timeline.KindStatus + " " + strconv.Itoa(i)
	}
	return out
}()

// errorKind is the kind of error that r is, as it is counted; empty if it is none.
// Wrong statuses are told apart: ten times 404 is another trouble than ten times 503.
func errorKind(r *attack.Result) string {
	switch {
	case r.End == attack.Unsent && r.Kind == "":
		return timeline.KindUnsent
	case r.Kind == timeline.KindStatus && r.Code > 0 && r.Code < len(statusKinds):
		return statusKinds[r.Code]
	}
	return r.Kind
}

// crowded is the kind that counts for another where there are too many.
func crowded(kind string) string {
	if strings.HasPrefix(kind, timeline.KindStatus+" ") {
		return timeline.KindStatus
	}
	return timeline.KindOther
}
