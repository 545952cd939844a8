package run

import (
	"time"

	loadrunner "github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// waitOut stands in for the load of a scenario that sends none: it waits until the last stage
// is over, or stop is closed.
func waitOut(
	start time.Time, stages []timeline.Stage, stop <-chan struct{}, onStage func(i int),
) loadrunner.RunResult {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, s := range stages {
		onStage(i)
		timer.Reset(time.Until(start.Add(s.Window.To)))
		select {
		case <-timer.C:
		case <-stop:
			return loadrunner.RunResult{End: time.Since(start), Stopped: true}
		}
	}
	return loadrunner.RunResult{End: stages[len(stages)-1].Window.To}
}
