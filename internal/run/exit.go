package run

import "slices"

// ExitCode is what the process ends with; each is a promise to scripts.
type ExitCode int

// The exit codes.
const (
	ExitPass         ExitCode = 0
	ExitFail         ExitCode = 1
	ExitUsage        ExitCode = 2
	ExitInconclusive ExitCode = 3
	ExitBroken       ExitCode = 4
	ExitInterrupted  ExitCode = 130
)

// ExitCodes is the one table of what they mean; --help prints it.
var ExitCodes = []struct {
	Code    ExitCode
	Meaning string
}{
	{ExitPass, "pass (warnings included)"},
	{ExitFail, "a rule failed, or an abort rule ended the run"},
	{ExitUsage, "the scenario or the command line is wrong; nothing was started"},
	{ExitInconclusive, "inconclusive: the run cannot carry the verdict"},
	{
		ExitBroken,
		"the run could not be carried out, or a fault not undone: engine unreachable, service not ready, setup or " +
			"teardown failed",
	},
	{ExitInterrupted, "interrupted; faults undone, what was recorded is kept"},
}

// worstFirst is in which order exit codes of several runs count: what must not be overlooked
// comes first.
var worstFirst = []ExitCode{
	ExitBroken, ExitInterrupted, ExitUsage, ExitFail, ExitInconclusive, ExitPass,
}

// Worst is the exit code of several runs; ExitPass if there are none.
func Worst(codes []ExitCode) ExitCode {
	for _, c := range worstFirst {
		if slices.Contains(codes, c) {
			return c
		}
	}
	return ExitPass
}
