package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// connections that a tool may use in a closed loop; tools without an open loop
// of their own use them there, too.
const connections = 50

// timeout of each request, in every tool.
const timeout = 5 * time.Second

// job is one run of one tool.
type job struct {
	load
	URL string
	Dir string // empty, for this job alone
}

// command is what to run.
type command struct {
	Args  []string
	Stdin string
	Env   []string
}

// tool is one that is measured. Missing, Closed and Open are reasons why all, the
// closed or the open loop is not measured; they are printed, so that none is left
// out silently.
type tool struct {
	Name, Version string
	How           string // the options, for the report
	Missing       string
	Closed, Open  string

	start func(job) (command, error)
	parse func([]byte) (figures, error)
	// Makes what parse reads; standard output without it.
	after func(context.Context, job) ([]byte, error)

	doubts func(exit int) string // what an exit code other than 0 says of figures that are there
}

func (t tool) why(l load) string {
	switch {
	case t.Missing != "":
		return t.Missing
	case l.Rate == 0:
		return t.Closed
	}
	return t.Open
}

// The stages of ordeal in the open loop, all of them judged: what is asked of the
// whole is in the totals, and hold is what comes after connecting. The last is
// short, as the answer that came last is known only to the interval it was due in.
const (
	startStage = "start"
	holdStage  = "hold"
	endStage   = "end"

	startShare = 3  // the first third
	endShare   = 60 // the last sixtieth
)

// stages are what an ordeal scenario says of a load.
func (l load) stages() string {
	stage := func(name string, d time.Duration) string {
		how := fmt.Sprintf("rate: %d/s", l.Rate)
		if l.Rate == 0 {
			how = fmt.Sprintf("users: %d", connections)
		}
		return fmt.Sprintf("    - { name: %s, %s, for: %dms }\n", name, how, d.Milliseconds())
	}
	if l.Part != open {
		return stage(holdStage, l.For)
	}
	start, end := l.For/startShare, l.For/endShare
	return stage(startStage, start) + stage(holdStage, l.For-start-end) + stage(endStage, end)
}

// ordeal is the subject: the first of the list is what ratios refer to.
func ordeal(bin, version, engine string) tool {
	dir := func(j job) string { return filepath.Join(j.Dir, "run") }
	return tool{
		Name: "ordeal " + engine, Version: version,
		How: "one request, uniform arrivals, `max_in_flight` at its default of 2,000 unless said otherwise, everything recorded to a run directory; in the closed loop `users: 50`",
		start: func(j job) (command, error) {
			file := filepath.Join(j.Dir, "bench.yaml")
			text := fmt.Sprintf(
				"name: bench\ntarget: %s\nattack:\n  engine: %s\n  timeout: %s\n",
				j.URL,
				engine,
				timeout,
			)
			if j.Limit > 0 {
				text += fmt.Sprintf("  max_in_flight: %d\n", j.Limit)
			}
			text += "  requests: [ { name: get, get: / } ]\n  stages:\n" + j.stages()
			return command{
				Args: []string{bin, "run", "--out", dir(j), file},
				// A state directory of its own: the run heals nothing of others.
				Env: []string{"ORDEAL_STATE_DIR=" + filepath.Join(j.Dir, "state"), "NO_COLOR=1"},
			}, os.WriteFile(file, []byte(text), 0o600)
		},
		after: func(_ context.Context, j job) ([]byte, error) {
			summary, err := os.ReadFile(filepath.Join(dir(j), "summary.json"))
			intervals, err2 := os.ReadFile(filepath.Join(dir(j), "intervals.hlog"))
			return append(summary, intervals...), errors.Join(err, err2)
		},
		parse: parseOrdeal,
		doubts: func(exit int) string {
			if exit == 3 {
				return "called itself inconclusive, as the generator could not keep up"
			}
			return ""
		},
	}
}

func wrk(bin, version string) tool {
	return tool{
		Name: "wrk", Version: version, How: "`-t1 -c50 --latency`",
		Open: "wrk has no open loop",
		start: func(j job) (command, error) {
			return command{
				Args: []string{
					bin,
					"-t1",
					fmt.Sprintf("-c%d", connections),
					"--timeout",
					timeout.String(),
					"--latency",
					"-d" + seconds(j.For),
					j.URL + "/",
				},
			}, nil
		},
		parse: parseWrk,
	}
}

func vegeta(bin, version string) tool {
	results := func(j job) string { return filepath.Join(j.Dir, "results.bin") }
	return tool{
		Name: "vegeta", Version: version, How: "defaults; in the closed loop `-rate=0 -max-workers=50`. Its report is made afterwards and costs it nothing here",
		start: func(j job) (command, error) {
			args := []string{
				bin,
				"attack",
				"-rate",
				fmt.Sprint(j.Rate),
				"-duration",
				j.For.String(),
				"-timeout",
				timeout.String(),
				"-output",
				results(j),
			}
			most := j.Limit
			if j.Rate == 0 {
				most = connections
			}
			if most > 0 {
				args = append(args, "-max-workers", fmt.Sprint(most), "-workers", fmt.Sprint(most))
			}
			return command{Args: args, Stdin: "GET " + j.URL + "/\n"}, nil
		},
		after: func(ctx context.Context, j job) ([]byte, error) {
			return exec.CommandContext(ctx, bin, "report", "-type=json", results(j)).Output()
		},
		parse: parseVegeta,
	}
}

func hey(bin, version string) tool {
	return tool{
		Name: "hey", Version: version, How: "`-c 50`; in the open loop `-q` rate/50. Its workers wait for answers, so that a slow server slows the schedule; it prints times to 0.1 ms",
		start: func(j job) (command, error) {
			workers := cmp.Or(j.Limit, connections)
			args := []string{
				bin,
				"-z",
				j.For.String(),
				"-c",
				fmt.Sprint(workers),
				"-t",
				seconds(timeout),
			}
			if j.Rate > 0 {
				args = append(args, "-q", fmt.Sprint(float64(j.Rate)/float64(workers)))
			}
			return command{Args: append(args, j.URL+"/")}, nil
		},
		parse: parseHey,
	}
}

const k6Script = `import http from 'k6/http';
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ['p(50)', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
  scenarios: { load: { %s, duration: '%s', gracefulStop: '%s' } },
};
export default function () { http.get('%s/', { timeout: '%s' }); }
export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics) }; }
`

func k6(bin, version string) tool {
	return tool{
		Name: "k6", Version: version, How: "`constant-vus` 50; in the open loop `constant-arrival-rate` with 50 to 2,000 VUs",
		start: func(j job) (command, error) {
			load := fmt.Sprintf("executor: 'constant-vus', vus: %d", connections)
			if j.Rate > 0 {
				load = fmt.Sprintf(
					"executor: 'constant-arrival-rate', rate: %d, timeUnit: '1s', preAllocatedVUs: %d, maxVUs: %d",
					j.Rate,
					connections,
					cmp.Or(j.Limit, 2000),
				)
			}
			file := filepath.Join(j.Dir, "script.js")
			text := fmt.Sprintf(k6Script, load, j.For, timeout, j.URL, timeout)
			return command{
				Args: []string{bin, "run", "--quiet", "--no-usage-report", "--address", "", file},
			}, os.WriteFile(file, []byte(text), 0o600)
		},
		parse: parseK6,
	}
}

// bombardierReport is a report of bombardier's own making, as those it comes with
// end at the 99th percentile. Its times are microseconds.
const bombardierReport = `{{with .Result}}{"seconds":{{.TimeTaken.Seconds}},
"good":{{.Req2XX}},"moved":{{.Req3XX}},"bad":[{{.Req1XX}},{{.Req4XX}},{{.Req5XX}},{{.Others}}]
{{- with .LatenciesStats (FloatsToArray 0.5 0.9 0.95 0.99 0.999)}},
"max":{{.Max}}{{range $q, $us := .Percentiles}},"{{$q}}":{{$us}}{{end}}{{end}}}{{end}}
`

func bombardier(bin, version string) tool {
	return tool{
		Name: "bombardier", Version: version, How: "`-c 50`, its client is fasthttp; in the open loop `-r`. Its workers wait for answers, so that a slow server slows the schedule, and what was missed is never sent; it lets requests go in bursts, every 10 ms",
		start: func(j job) (command, error) {
			file := filepath.Join(j.Dir, "report.tmpl")
			args := []string{
				bin,
				"-c",
				fmt.Sprint(cmp.Or(j.Limit, connections)),
				"-d",
				j.For.String(),
				"-t",
				timeout.String(),
				"--fasthttp",
				"-l",
				"-p",
				"r",
				"-o",
				"path:" + file,
			}
			if j.Rate > 0 {
				args = append(args, "-r", fmt.Sprint(j.Rate))
			}
			return command{
					Args: append(args, j.URL+"/"),
				}, os.WriteFile(
					file,
					[]byte(bombardierReport),
					0o600,
				)
		},
		parse: parseBombardier,
	}
}

// fortio's histogram has at most 100,000 times its resolution, in steps of some
// tenth up to 1,000 times and of half and more above. So the finest is no good for
// long times: this is for those of nginx, and its default for those that are dealt.
const (
	fortioFine   = "0.00001" // seconds
	fortioCoarse = "0.001"
)

func fortio(bin, version string) tool {
	return tool{
		Name: "fortio", Version: version, How: "`-c 50 -qps 0 -r 0.00001`, its own client; one request on each connection goes before its clock, which cannot be turned off; in the open loop `-qps`, `-uniform` and `-n`, which leaves those out. " +
			"Its workers wait for answers, so that a slow server slows the schedule, and send afterwards what was missed, without counting that wait. Its percentiles are estimated in a histogram with steps of a tenth and more; `-r 0.001` for the servers of the bench, whose times are longer",
		start: func(j job) (command, error) {
			resolution := fortioFine
			if j.From != "" {
				resolution = fortioCoarse
			}
			args := []string{
				bin,
				"load",
				"-quiet",
				"-c",
				fmt.Sprint(cmp.Or(j.Limit, connections)),
				"-qps",
				fmt.Sprint(j.Rate),
				"-timeout",
				timeout.String(),
				"-r",
				resolution,
				"-p",
				"50,90,95,99,99.9",
				"-json",
				"-",
			}
			if j.Rate > 0 {
				args = append(
					args,
					"-uniform",
					"-n",
					fmt.Sprint(int64(j.Rate)*j.For.Milliseconds()/1000),
				)
			} else {
				args = append(args, "-t", j.For.String())
			}
			return command{Args: append(args, j.URL+"/")}, nil
		},
		parse: parseFortio,
	}
}

func plow(bin, version string) tool {
	return tool{
		Name: "plow", Version: version, How: "`-c 50 --summary`, its client is fasthttp; in the open loop `--rate`. Its workers wait for answers, so that a slow server slows the schedule, and what was missed is never sent; what is open at the end is not counted; its percentiles are estimates",
		start: func(j job) (command, error) {
			args := []string{
				bin,
				"-c",
				fmt.Sprint(cmp.Or(j.Limit, connections)),
				"-d",
				j.For.String(),
				"--timeout",
				timeout.String(),
				"--listen=",
				"--summary",
				"--json",
			}
			if j.Rate > 0 {
				args = append(args, "--rate", fmt.Sprint(j.Rate))
			}
			return command{Args: append(args, j.URL+"/")}, nil
		},
		parse: parsePlow,
	}
}

// seconds is a duration as wrk and hey take it: whole seconds, no unit.
func seconds(d time.Duration) string { return fmt.Sprint(int(d.Seconds())) }

// The pinned versions of what is built through the Go module proxy. Later fortios
// need a module that not every proxy has.
var modules = []struct {
	name, path, version string
	tool                func(bin, version string) tool
}{
	{"vegeta", "github.com/tsenart/vegeta/v12", "v12.13.0", vegeta},
	{"hey", "github.com/rakyll/hey", "v0.1.5", hey},
	{"k6", "go.k6.io/k6", "v1.3.0", k6},
	{"bombardier", "github.com/codesenberg/bombardier", "v1.2.6", bombardier},
	{"fortio", "fortio.org/fortio", "v1.68.2", fortio},
	{"plow", "github.com/six-ddc/plow", "v1.3.2", plow},
}

// install builds a pinned module's command into dir, unless that version is there.
func install(ctx context.Context, dir, name, path, version string) (string, error) {
	home := filepath.Join(dir, name+"@"+version)
	bin := filepath.Join(home, name)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	progress("building %s %s", name, version)
	cmd := exec.CommandContext(ctx, "go", "install", path+"@"+version)
	// Outside of any module, so that neither go.mod nor a -modfile of ours counts.
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOBIN="+home, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s@%s: %w: %s", path, version, err, lastLine(out))
	}
	return bin, nil
}

// debian finds a Debian package's command, and installs the package if it is
// missing and that can be done.
func debian(ctx context.Context, name string) (bin, version string, err error) {
	find := func() (string, bool) {
		for _, c := range []string{name, "/usr/sbin/" + name} { // not on everyone's PATH
			if p, err := exec.LookPath(c); err == nil {
				return p, true
			}
		}
		return "", false
	}
	bin, ok := find()
	if !ok {
		apt, err := exec.LookPath("apt-get")
		switch {
		case err != nil:
			return "", "", fmt.Errorf(
				"%s is not installed, and there is no apt-get to install it with",
				name,
			)
		case os.Geteuid() != 0:
			return "", "", fmt.Errorf(
				"%s is not installed: run apt-get install %s as root",
				name,
				name,
			)
		}
		progress("installing the Debian package %s", name)
		for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", name}} {
			cmd := exec.CommandContext(ctx, apt, args...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if out, err := cmd.CombinedOutput(); err != nil && args[0] == "install" {
				return "", "", fmt.Errorf("apt-get install %s: %w: %s", name, err, lastLine(out))
			}
		}
		if bin, ok = find(); !ok {
			return "", "", errors.New(
				"the Debian package " + name + " holds no command of that name",
			)
		}
	}
	out, _ := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if version = strings.TrimSpace(string(out)); version == "" {
		version = "of unknown version"
	}
	return bin, version, nil
}

// lastLine is what usually says what went wrong, without this machine's paths.
func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return public(strings.TrimSpace(lines[len(lines)-1]))
}

// localPath is an absolute path; the report is public and needs none.
var localPath = regexp.MustCompile(`(^|[\s"'(=:])/[^\s"'():/][^\s"'():]*/`)

func public(s string) string { return localPath.ReplaceAllString(s, "${1}") }
