package run

import (
	"io"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Whole judges several recorded runs of one plan as one, by its rules: as if each had followed the
// one before.
func Whole(dirs []string, folder baseline.Folder, warnings io.Writer) (*report.Run, error) {
	var all []*timeline.Timeline
	var first *recorded
	for _, dir := range dirs {
		r, _, err := openRecorded(dir)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = r
		}
		all = append(all, r.timeline)
	}
	again := &Again{Dir: first.dir, Baselines: folder, Stderr: warnings}
	rules, _, err := first.rules(again)
	if err != nil {
		return nil, err
	}
	held, err := first.chosen(rules, again)
	if err != nil {
		return nil, err
	}
	earlier, err := held.earlier()
	if err != nil {
		return nil, err
	}
	joined := timeline.Join(all)
	judged, err := verdict.Judge(inputs(rules, earlier), joined)
	if err != nil {
		return nil, err
	}
	return &report.Run{
		Name: first.plan.Name, Seed: first.plan.Seed, Report: judged, Timeline: joined,
		ExitCode: int(exitCode(judged.Outcome, joined.Interrupted, false)),
	}, nil
}
