package scenario

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"path/filepath"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// planSchema is the version of the printed plan.
const planSchema = 1

// digested is how many arrivals go into the plan's digest.
const digested = 1_000_000

// Options change what a file says.
type Options struct {
	// Seed, if set, replaces the file's.
	Seed *uint64
	// Set are values in place of the file's, in this order.
	Set []strictyaml.Override
	// Kinds are those that services can have; nil: all.
	Kinds []target.Kind
	// Protocols are those that requests can be of; nil: all.
	Protocols []attack.Protocol

	// allowHint says how to allow a host, if not by allow_hosts in a file.
	allowHint func(host string) string
}

// Load reads a scenario file and makes a plan of it. Paths in the file are
// taken from the file's own folder. The error is *strictyaml.Mistakes.
func Load(path string, env Env, opt Options) (*Plan, error) {
	src, wrong := readFile(path, strictyaml.MaxSource)
	if wrong != nil {
		hint := "ordeal init writes a scenario to start from"
		if wrong.noFile {
			hint = "name the file of a scenario"
		}
		return nil, &strictyaml.Mistakes{
			List: []strictyaml.Mistake{{File: path, Msg: wrong.it(), Hint: hint}},
		}
	}
	return Parse(path, src, env, opt)
}

// Parse makes a plan of a scenario's text; file is its name in messages, and
// its folder is where the paths in it start. It reads the files that the
// scenario names and touches nothing else. The error is *strictyaml.Mistakes, with
// everything that is wrong.
func Parse(file string, src []byte, env Env, opt Options) (*Plan, error) {
	if opt.Protocols == nil {
		opt.Protocols = protocols.All()
	}
	source := grammarOf(opt.Protocols).Source(file, string(src))
	root := source.Parse()
	if root == nil {
		return nil, source.Err(nil)
	}
	root = source.Override(root, opt.Set)
	secrets := secretSet{}
	vars := newVariables(source, env, secrets)
	d := source.Decoder(vars.resolve)
	var f scenarioFile
	f.Services.kinds, f.Observe.Watch.kinds = opt.Kinds, opt.Kinds
	d.Decode(root, &f, f.Noun())
	b := &builder{
		Decoder: d, file: &f, root: root, vars: vars, secrets: secrets,
		names: &names{Decoder: d, env: env, secrets: f.Secrets},
		files: &files{Decoder: d, dir: filepath.Dir(file)},
		hosts: newHostRules(d, &f, root, opt.allowHint),
	}
	plan := b.plan(opt)
	redactor := secret.NewRedactor(secrets.sorted())
	if err := source.Err(redactor); err != nil {
		return nil, err
	}
	plan.Secrets, plan.Redactor = secrets.sorted(), redactor
	sum := sha256.Sum256(src)
	plan.File, plan.FileSHA256 = filepath.Base(file), hex.EncodeToString(sum[:])
	plan.Arrivals.Count, plan.Arrivals.SHA256 = plan.Attack.Digest(digested)
	return plan, nil
}

// builder checks what the file means and makes the plan of it. What belongs to one
// section only is in a type of that section.
type builder struct {
	*strictyaml.Decoder
	file    *scenarioFile
	root    *strictyaml.Node
	vars    *variables
	secrets secretSet
	names   *names
	files   *files
	hosts   *hostRules

	planned []Service // in the order of the file
	shared  []string  // names that the setup captures
}

func (b *builder) plan(opt Options) *Plan {
	f := b.file
	p := &Plan{
		Schema: planSchema, Name: f.Name, Seed: f.Seed, Target: f.Target,
		AllowHosts: f.AllowHosts, Dir: b.files.dir,
		Kinds: f.Services.all(), Protocols: opt.Protocols,
	}
	if opt.Seed != nil {
		p.Seed = *opt.Seed
	}
	b.version()
	b.names.printable(f.Name, b.Where(&f.Name, b.root))
	p.Services = b.services()
	b.planned = p.Services
	b.target()
	p.Setup = b.setup()
	p.Teardown = b.teardown()
	p.Attack = b.attack(p.Seed)
	p.Ready, p.ReadyTimeout = b.ready(&f.Attack.Ready, ready.Check{}), f.Attack.ReadyTimeout
	p.Chaos = b.faults().plans(p.Seed)
	p.Observe = b.observe()
	p.Subjects = declared(f, p.Observe)
	p.Ledger = b.ledgers(&p.Attack)
	p.Recovery, p.RecoveryOf = b.recovery()
	names := b.ruleNames(p.Subjects)
	p.Hypothesis = b.hypothesis(p.Chaos, names)
	p.Abort = b.alarms(names)
	p.Rules = b.compileRules(f.Verdict, names, verdict.Compile)
	p.Rerun = b.rerun()
	b.observedInRules(p)
	b.ledgersInRules(p)
	return p
}

// language is the version of the language of scenario files.
const language = 1

// version refuses a file in another version of the language.
func (b *builder) version() {
	at, set := b.Find(&b.file.Version)
	if !set || b.Broken(&b.file.Version) || b.file.Version == language {
		return
	}
	hint := "leave the key out, or write version: 1"
	if b.file.Version > language {
		hint = "use a later ordeal; if the file needs nothing of it, write version: 1"
	}
	b.Failf(at.Span, hint, "this ordeal reads scenarios of version %d, found version %d",
		language, b.file.Version)
}

// rerun is how often a run that failed is repeated.
func (b *builder) rerun() int {
	n := b.file.Rerun
	if at, set := b.Find(&b.file.Rerun); set && (n < 0 || n > 1) && !b.Broken(&b.file.Rerun) {
		b.Failf(at.Span, "write rerun: 1",
			"expected 0 or 1, found %d: what fails by chance seldom does so twice, "+
				"and what is repeated until it passes says nothing", n)
	}
	return n
}

//go:embed starter.yaml
var starter string

// Template returns a commented scenario to start from. It runs as it stands.
func Template() string { return starter }
