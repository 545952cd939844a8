package process

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/freeport"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// kindName stands in plans and journals.
const kindName = "process"

// Kind is the kind of service that is a child process.
func Kind() target.Kind {
	return target.Kind{
		Name: kindName,
		Keys: []string{"builtin", "process"},
		Beside: []target.Beside{
			{
				Key:  "args",
				With: "builtin",
				Hint: "put the arguments into the command, or below container:",
			},
		},
		New:      func() any { return &serviceFile{} },
		Settings: func(r target.Reader, file any) target.Settings { return settingsOf(r, file.(*serviceFile)) },
		Can:      target.Capabilities{Not: not, Figures: figures()},
		Open:     func(env target.Env) target.Opener { return opener{env} },
		Heal:     func(h target.Healing) target.Healer { return healer{h} },
	}
}

// not is what cannot be done to a process, and what to do instead.
var not = map[chaos.Capability]string{
	chaos.CapNetwork: "the traffic of a process cannot be impaired: " +
		"put a link in front of it (a service with listen: and upstream:) and name the link here",
}

// Instead implements chaos.Limited.
func (p *Process) Instead(c chaos.Capability) string { return not[c] }

// serviceFile is what the scenario file has of a service that is a process.
type serviceFile struct {
	Builtin string      `json:"builtin" enum:"@builtins" doc:"a part of the built-in shop, as a process"`
	Args    []string    `json:"args" vars:"port" doc:"arguments of the built-in part"`
	Process processFile `json:"process" doc:"a child process that the run starts"`
}

type processFile struct {
	Command      []string          `json:"command" required:"true" empties:"true" vars:"port" doc:"program and arguments; ${PORT} is a free port that the run picks"`
	Env          map[string]string `json:"env" vars:"port" doc:"variables beside those of ordeal's own environment"`
	Dir          string            `json:"dir" doc:"folder to run in, from the scenario file's"`
	Ready        target.ReadyFile  `json:"ready" vars:"port" doc:"what says that the process is ready: a path or URL that answers 2xx, tcp://host:port, or a mapping with http, tcp or command"`
	ReadyTimeout time.Duration     `json:"ready_timeout" default:"30s" positive:"true" doc:"how long that may take, at first and after a restart"`
}

// OtherForm implements strictyaml.OtherForm.
func (*processFile) OtherForm(found string) string {
	if !strings.HasPrefix(found, "[") {
		found = "[" + strings.Join(strings.Fields(found), ", ") + "]"
	}
	return "write process: { command: " + found + " }"
}

// Settings are those of a child process. Command, Env and Ready may hold ${PORT}, a
// free port that the run picks, and ${NAME.addr}.
type Settings struct {
	// A part of the built-in shop, in place of Command.
	Builtin      string            `json:"builtin,omitempty"`
	Args         []string          `json:"args,omitempty"` // for Builtin
	Command      []string          `json:"command,omitempty"`
	Env          map[string]string `json:"env,omitempty"`
	Dir          string            `json:"dir,omitempty"`
	Ready        ready.Check       `json:"ready,omitzero"` // a path is asked at ${NAME.addr}
	ReadyTimeout time.Duration     `json:"ready_timeout"`
}

var _ target.Settings = (*Settings)(nil)

func settingsOf(r target.Reader, file *serviceFile) *Settings {
	if r.Set(&file.Builtin) {
		return &Settings{Builtin: file.Builtin, Args: file.Args, Ready: target.BuiltinReady,
			ReadyTimeout: ready.DefaultTimeout}
	}
	f := &file.Process
	if f.Dir != "" {
		path, folder := r.Path(f.Dir)
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			_, at := r.Service()
			r.Failf(
				r.Where(&f.Dir, at).Span,
				"paths are taken from the scenario file's folder, "+folder,
				"dir: there is no folder %s",
				f.Dir,
			)
		}
	}
	r.Env(f.Env)
	return &Settings{
		Command: f.Command, Env: f.Env, Dir: f.Dir,
		Ready: r.Ready(&f.Ready, ready.Check{}), ReadyTimeout: f.ReadyTimeout,
	}
}

// Texts implements target.Settings.
func (s *Settings) Texts() []string {
	return slices.Concat(s.Command, s.Args, target.CheckTexts(s.Ready),
		slices.Collect(maps.Values(s.Env)))
}

// Describe implements target.Settings.
func (s *Settings) Describe() (what, remark string) {
	command := target.CommandLine(s.Command)
	if s.Builtin != "" {
		command = "built-in " + target.CommandLine(append([]string{s.Builtin}, s.Args...))
	}
	return command + ", started as a process", ""
}

// NoAddress implements target.Settings.
func (*Settings) NoAddress(string) (why, hint string) { return "", "" }

// Targets implements target.Settings.
func (*Settings) Targets() (n int, known bool) { return 1, true }

// opener starts the processes of a run.
type opener struct{ env target.Env }

// Open implements target.Opener.
func (o opener) Open(
	ctx context.Context, name string, settings target.Settings,
) (*target.Instance, error) {
	s := settings.(*Settings)
	port, err := freeport.Pick()
	if err != nil {
		return nil, err
	}
	own := "127.0.0.1:" + strconv.Itoa(port)
	expand := func(text string) (string, error) {
		return o.env.Expand(strings.ReplaceAll(text, "${PORT}", strconv.Itoa(port)))
	}
	command, err := s.command(own)
	if err != nil {
		return nil, err
	}
	for i := range command {
		if command[i], err = expand(command[i]); err != nil {
			return nil, err
		}
	}
	env := []string{"PORT=" + strconv.Itoa(port)}
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		v, err := expand(s.Env[k])
		if err != nil {
			return nil, err
		}
		env = append(env, k+"="+v)
	}
	check, err := o.env.Ready(s.Ready, name, own, expand)
	if err != nil {
		return nil, err
	}
	dir, err := expand(s.Dir)
	if err != nil {
		return nil, err
	}
	log, err := o.env.Log(name)
	if err != nil {
		return nil, err
	}
	o.env.Undo(func(context.Context) error { return log.Close() })
	o.env.Progress("starting %s on %s", name, own)
	p, err := Start(ctx, Config{
		Name: name, Command: command, Env: env, Dir: o.folder(dir),
		Ready: check, ReadyTimeout: s.ReadyTimeout, Addr: own, Hosts: o.env.Hosts, Log: log,
	})
	if err != nil {
		return nil, err
	}
	o.env.Undo(p.Stop)
	return &target.Instance{Addr: own, Targets: []chaos.Target{p}, Exits: p.Exited()}, nil
}

// command is what is started to listen at own, as a copy.
func (s *Settings) command(own string) ([]string, error) {
	if s.Builtin == "" {
		return slices.Clone(s.Command), nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("the program's own path cannot be found: %w", err)
	}
	return append([]string{self, "demo", s.Builtin, "--listen", own}, s.Args...), nil
}

// Facts implements target.Opener.
func (o opener) Facts(
	_ context.Context, name string, settings target.Settings,
) (target.Facts, error) {
	s := settings.(*Settings)
	command, err := s.command("127.0.0.1:${PORT}")
	if err != nil {
		return target.Facts{}, err
	}
	return target.Facts{
		Address: "a free port of 127.0.0.1",
		Targets: []target.Fact{{Name: name, Details: []target.Detail{
			{Name: "process", Value: "would be started"},
			{Name: "command", Value: target.CommandLine(command)},
			{Name: "folder", Value: o.folder(s.Dir)},
		}}},
	}, nil
}

func (o opener) folder(dir string) string {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(o.env.Dir, dir)
	}
	return dir
}

// healer ends what processes left.
type healer struct{ runs target.Healing }

// Reopen implements target.Healer.
func (healer) Reopen(_ context.Context, ref chaos.Ref) (chaos.Target, error) { return Reopen(ref) }

// Sweep implements target.Healer: it ends what services of runs that are over left
// running.
func (h healer) Sweep(context.Context, bool) (target.Swept, error) {
	killed, err := Sweep(func(o owner.Owner) bool {
		l, _ := h.runs.Liveness("", o)
		return l != owner.Dead
	})
	var swept target.Swept
	for _, what := range killed {
		swept.Done = append(swept.Done, "ended: "+what)
	}
	return swept, err
}

// Close implements target.Healer.
func (healer) Close() error { return nil }
