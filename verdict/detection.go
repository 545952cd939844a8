package verdict

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// signs follow what was noticed of each fault.
type signs struct {
	tl  *timeline.Timeline
	all []*signTracker
	// every subject that can show something by itself has a tracker for rules that name none
	defaults map[timeline.Subject]bool
}

// signTracker follows one sign, target by target.
type signTracker struct {
	rule.Sign
	byDefault bool // nobody named it
	targets   map[string]*signOfTarget
}

type signOfTarget struct {
	shows bool           // the last reading did
	after []*signOfFault // by timeline.Timeline.Faults
	heard *coverage      // of the target
}

// signOfFault is what was seen of a sign from when a disturbance began.
type signOfFault struct {
	before  bool           // it showed before the disturbance began
	already bool           // and ever since
	at      *time.Duration // when it showed
	lost    *time.Duration // when the first reading was that has no data
}

func newSigns(tl *timeline.Timeline) *signs {
	return &signs{tl: tl, defaults: map[timeline.Subject]bool{}}
}

// ask has a sign followed.
func (s *signs) ask(of rule.Sign) {
	if s.find(of) == nil {
		s.all = append(s.all, &signTracker{Sign: of, targets: map[string]*signOfTarget{}})
	}
}

func (s *signs) find(of rule.Sign) *signTracker {
	i := slices.IndexFunc(s.all, func(t *signTracker) bool { return t.Sign == of && !t.byDefault })
	if i < 0 {
		return nil
	}
	return s.all[i]
}

// add takes in a reading, of which it is known what disturbances it met.
func (s *signs) add(r *timeline.Reading, heard *coverage) {
	if len(s.tl.Faults) == 0 {
		return
	}
	if of, ok := rule.DefaultSign(r.Subject); ok && !s.defaults[r.Subject] {
		s.defaults[r.Subject] = true
		s.all = append(s.all,
			&signTracker{Sign: of, byDefault: true, targets: map[string]*signOfTarget{}})
	}
	for _, t := range s.all {
		if t.Subject == r.Subject && (t.Target == "" || t.Target == r.Target) {
			t.add(r, heard, s.tl)
		}
	}
}

func (t *signTracker) add(r *timeline.Reading, heard *coverage, tl *timeline.Timeline) {
	v, ok := r.Values.Get(t.Figure)
	if !ok && r.Missing == "" {
		return // it has no such figure
	}
	of := t.targets[r.Target]
	if of == nil {
		of = &signOfTarget{after: make([]*signOfFault, len(tl.Faults)), heard: heard}
		t.targets[r.Target] = of
	}
	shows := ok && holds(t.Op, cmp.Compare(v, t.Limit)) == yes
	for i := range tl.Faults {
		w, ok := noticed(tl, i)
		if !ok || r.To < w.From || r.From >= w.To {
			continue
		}
		f := of.after[i]
		if f == nil {
			f = &signOfFault{before: of.shows, already: of.shows}
			of.after[i] = f
		}
		switch {
		case f.at != nil:
		case r.Missing != "" && !shows:
			if f.lost == nil {
				at := max(r.From, w.From)
				f.lost = &at
			}
		case !shows:
			f.already = false
		case !f.already:
			at := max(r.To, w.From)
			f.at = &at
		}
	}
	if ok {
		of.shows = shows
	}
}

// noticed is the time in which something that shows can be put down to a fault: from when its
// disturbance began until the next one begins; false if it never began.
func noticed(tl *timeline.Timeline, i int) (timeline.Window, bool) {
	own, ok := tl.Faults[i].Disturbance()
	if !ok {
		return timeline.Window{}, false
	}
	own.To = forever.To
	for k := range tl.Faults {
		if w, ok := tl.Faults[k].Disturbance(); ok && w.From > own.From {
			own.To = min(own.To, w.From)
		}
	}
	return own, true
}

// noticing is how long it took until something showed, of one injection.
type noticing struct {
	took    time.Duration // or for how long nothing showed
	least   time.Duration // less than took if readings are missing that may have shown it before
	showed  bool
	by      timeline.Subject
	already bool   // it showed before the fault
	none    bool   // nothing was observed that could show it
	until   string // the next fault
}

// of is how an injection was noticed by one sign, or by any that nobody named if it is nil, in a
// run that goes up to end.
func (s *signs) of(i int, sign *rule.Sign, end time.Duration) noticing {
	w, _ := noticed(s.tl, i)
	out := noticing{none: true}
	for k := range s.tl.Faults {
		if d, ok := s.tl.Faults[k].Disturbance(); ok && d.From == w.To {
			out.until = s.tl.Faults[k].Name
		}
	}
	w.To = max(min(w.To, end), w.From)
	out.took = w.Len()
	least := time.Duration(math.MaxInt64)
	for _, t := range s.all {
		if sign == nil && !t.byDefault || sign != nil && (t.Sign != *sign || t.byDefault) {
			continue
		}
		for _, of := range t.targets {
			f := of.after[i]
			if f == nil {
				f = &signOfFault{before: of.shows}
			}
			out.none = false
			if f.before && f.at == nil {
				out.already = true
				continue
			}
			last := w.To
			if f.at != nil {
				last = *f.at
			}
			if gaps := of.heard.gaps(timeline.Windows{{From: w.From, To: last}}); len(gaps) > 0 {
				least = min(least, gaps[0].From-w.From)
			}
			if f.lost != nil && (f.at == nil || *f.lost < *f.at) {
				least = min(least, *f.lost-w.From)
			}
			if f.at != nil && (!out.showed || *f.at-w.From < out.took) {
				out.took, out.showed, out.by = *f.at-w.From, true, t.Subject
			}
		}
	}
	out.already = out.already && !out.showed
	out.least = min(out.took, least)
	return out
}

// report adds to the faults when they were noticed by what nobody had to name.
func (s *signs) report(faults []FaultResult, end time.Duration) {
	for i := range faults {
		if _, ok := noticed(s.tl, i); !ok {
			continue
		}
		if n := s.of(i, nil, end); n.showed {
			faults[i].Detection, faults[i].DetectedBy = &n.took, n.by.String()
		}
	}
}

// readDetection takes the value of a term that asks when a fault was noticed: of several
// injections the longest time.
func (j *Judging) readDetection(t *term) value {
	v := value{reading: &reading{text: t.text, metric: t.metric}}
	if blocked := j.doubt(t.scope.Fault); blocked != "" {
		v.missing = doubt{ReasonFault, blocked}
		return v
	}
	lo, hi := 0.0, 0.0
	var why doubt
	for i := range j.tl.Faults {
		if j.tl.Faults[i].Name != t.scope.Fault {
			continue
		}
		n := j.observations.signs.of(i, t.sign, j.tl.Duration)
		switch {
		case n.none:
			v.missing = v.missing.or(doubtf(ReasonSource,
				"nothing was observed that could show the fault %q: add a probe", t.scope.Fault))
		case n.already:
			v.missing = v.missing.or(doubtf(ReasonNotSeen,
				"what was to show the fault %q showed before it began", t.scope.Fault))
		}
		v.n, lo = max(v.n, float64(n.took)), max(lo, float64(n.least))
		if n.showed {
			hi = max(hi, float64(n.took))
			v.note = "by " + n.by.String()
		} else {
			hi, v.until = math.Inf(1), n.until
		}
		if n.least < n.took {
			why = why.or(
				doubtf(ReasonSource, "readings are missing that may have shown the fault %q "+
					"before: %s was seen", t.scope.Fault, rule.Duration.Format(float64(n.took))),
			)
		}
	}
	switch {
	case v.missing.any():
		return v
	case math.IsInf(hi, 1) && lo == v.n:
		v.atLeast, v.note = true, ""
	case why.any():
		v.bounds = &bounds{lo: lo, hi: hi, why: why}
	}
	v.shown = true
	return v
}
