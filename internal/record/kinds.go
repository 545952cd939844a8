package record

import (
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// maxKinds is how many kinds of error a cell, and the live status, tell apart. Further kinds are
// counted as timeline.KindOther, so that an engine that puts addresses into its kinds does not fill
// the memory.
const maxKinds = 64

// statusKinds are the kinds of error of wrong statuses, by status.
var statusKinds = func() (out [1000]string) {
	for i := range out {
		out[i] = timeline.KindStatus + " " + strconv.Itoa(i)
	}
	return out
}()

// errorKind is the kind under which r is counted as an error; empty if r is no error.
// Wrong statuses are told apart: 404 and 503 have different causes.
func errorKind(r *attack.Result) string {
	switch {
	case r.End == attack.Unsent && r.Kind == "":
		return timeline.KindUnsent
	case r.Kind == timeline.KindStatus && r.Code > 0 && r.Code < len(statusKinds):
		return statusKinds[r.Code]
	}
	return r.Kind
}

// crowded is the kind under which an error is counted once there are maxKinds others.
func crowded(kind string) string {
	if strings.HasPrefix(kind, timeline.KindStatus+" ") {
		return timeline.KindStatus
	}
	return timeline.KindOther
}
