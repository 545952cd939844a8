package verdict

import "github.com/seed-1574e9de/ordeal/timeline"

// TooFew returns, by their index, the rules that a run like tl leaves undecided
// because too little was due in what they look at, and how much is needed. It is
// asked of a made-up run in which every answer is good and in time, before there is
// a real one: what that leaves undecided no good run decides.
func TooFew(rules []Input, tl *timeline.Timeline) (map[int]string, error) {
	report, err := Judge(rules, tl)
	if err != nil {
		return nil, err
	}
	out := make(map[int]string)
	for i, r := range report.Rules {
		if r.Reason == ReasonTooFew || r.Reason == ReasonNothingDue {
			out[i] = r.Why
		}
	}
	return out, nil
}
