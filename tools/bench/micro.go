package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// microPackages hold the benchmarks of what is done for each request.
var microPackages = []string{"./attack/...", "./internal/record", "./timeline"}

// microName picks those; a name that is not there is no mistake.
const microName = "^Benchmark(Engine|Build|Template|Record|Schedule|HandOver|Distribution|Check|Capture|Closed|Flow)"

// benchmark is one line of go test -bench; allocs is -1 where it says none.
type benchmark struct {
	Package, Name string
	NsPerOp       float64
	BytesPerOp    int64
	AllocsPerOp   int64
}

// runMicro runs the Go benchmarks, with whatever cores there are, and says why if
// it could not run all of them.
func runMicro(ctx context.Context, source string) ([]benchmark, string) {
	cmd := exec.CommandContext(
		ctx,
		"go",
		append(
			[]string{"test", "-run", "^$", "-bench", microName, "-benchmem", "-benchtime", "200ms"},
			microPackages...)...)
	cmd.Dir = source
	out, err := cmd.Output()
	found := parseBenchmarks(out)
	if err != nil {
		said := out
		if e, ok := errors.AsType[*exec.ExitError](err); ok && len(e.Stderr) > 0 {
			said = e.Stderr
		}
		return found, fmt.Sprintf("go test -bench: %v: %s", err, lastLine(said))
	}
	return found, ""
}

var benchLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// parseBenchmarks reads what go test -bench prints; lines that are no result are
// passed over.
func parseBenchmarks(b []byte) (out []benchmark) {
	pkg := ""
	for line := range bytes.Lines(b) {
		text := strings.TrimSpace(string(line))
		if p, ok := strings.CutPrefix(text, "pkg: "); ok {
			pkg = p[strings.LastIndex(p, "/")+1:]
			continue
		}
		m := benchLine.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		r := benchmark{Package: pkg, Name: m[1], AllocsPerOp: -1}
		f := strings.Fields(m[2])
		for i := 0; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				continue
			}
			switch f[i+1] {
			case "ns/op":
				r.NsPerOp = v
			case "B/op":
				r.BytesPerOp = int64(v)
			case "allocs/op":
				r.AllocsPerOp = int64(v)
			}
		}
		if r.NsPerOp > 0 {
			out = append(out, r)
		}
	}
	return out
}
