package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
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
		return nil, &strictyaml.Mistakes{List: []strictyaml.Mistake{{File: path, Msg: wrong.it(), Hint: hint}}}
	}
	return Parse(path, src, env, opt)
}

// Parse makes a plan of a scenario's text; file is its name in messages, and
// its folder is where the paths in it start. It reads the files that the
// scenario names and touches nothing else. The error is *strictyaml.Mistakes, with
// everything that is wrong.
func Parse(file string, src []byte, env Env, opt Options) (*Plan, error) {
	source := grammar.Source(file, string(src))
	root := source.Parse()
	if root == nil {
		return nil, source.Err(nil)
	}
	root = source.Override(root, opt.Set)
	d := newDecoder(source, env)
	var f scenarioFile
	d.Decode(root, &f, f.Noun())
	d.secretNames = f.Secrets
	b := &builder{decoder: d, file: &f, root: root, dir: filepath.Dir(file), allowHint: opt.allowHint}
	if b.allowHint == nil {
		b.allowHint = allow.Hint
	}
	plan := b.plan(opt)
	secrets := slices.Sorted(maps.Keys(d.secrets))
	redactor := secret.NewRedactor(secrets)
	if err := source.Err(redactor); err != nil {
		return nil, err
	}
	plan.Secrets, plan.redactor = secrets, redactor
	sum := sha256.Sum256(src)
	plan.File, plan.FileSHA256 = filepath.Base(file), hex.EncodeToString(sum[:])
	plan.Arrivals.Count, plan.Arrivals.SHA256 = plan.Attack.Digest(digested)
	return plan, nil
}

// builder checks what the file means and makes the plan of it.
type builder struct {
	*decoder
	file *scenarioFile
	root *strictyaml.Node
	dir  string

	data   reads[*attack.Data]
	lists  reads[[]attack.Target] // by format and path
	traces reads[*arrivals.Trace]
	bodies reads[[]byte]

	bodySize int // of all bodies
	tried    int // rows that templates were tried with

	hosts     allow.Hosts
	allowHint func(host string) string
	proxies   func(*url.URL) (*url.URL, error) // of requests; nil until needed
}

func (b *builder) plan(opt Options) *Plan {
	f := b.file
	p := &Plan{Schema: planSchema, Name: f.Name, Seed: f.Seed, Target: f.Target, AllowHosts: f.AllowHosts, Dir: b.dir}
	if opt.Seed != nil {
		p.Seed = *opt.Seed
	}
	b.printableName(f.Name, b.Where(&f.Name, b.root))
	b.allowed()
	p.Services = b.services()
	b.target()
	p.Attack = b.attack(p.Seed)
	p.Ready, p.ReadyTimeout = b.ready(&f.Attack.Ready, ready.Check{}), f.Attack.ReadyTimeout
	p.Chaos = b.chaos(p.Seed)
	b.recovery(p)
	p.Rules = b.rules()
	return p
}

// existing returns the path of a file that the scenario names, if it is there
// and can be read whole.
func (b *builder) existing(n *strictyaml.Node, key, name string, most int64) (string, bool) {
	if name == "" {
		return "", false
	}
	path := b.path(name)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		b.Failf(n.Span, "paths are taken from the scenario file's folder, "+b.dir, "%s: %s", key, newFileError(name, err))
	case !info.Mode().IsRegular():
		b.Failf(n.Span, "name a plain file", "%s: %s is not a plain file", key, name)
	case info.Size() > most:
		b.Failf(n.Span, "make it smaller", "%s: %s has %d bytes, and at most %d are read", key, name, info.Size(), most)
	default:
		return path, true
	}
	return "", false
}

func (b *builder) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(b.dir, name)
}

// fileError says why a file cannot be used.
type fileError struct {
	name   string
	says   string // what stands behind its name: "is a folder"
	err    error  // or why it cannot be read
	noFile bool   // something is there, and it is no plain file
}

// newFileError says why a file cannot be read, without the system call.
func newFileError(name string, err error) *fileError {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return &fileError{name: name, err: err}
}

func (e *fileError) Error() string {
	switch {
	case e.says != "":
		return e.name + " " + e.says
	case errors.Is(e.err, fs.ErrNotExist):
		return "there is no file " + e.name
	}
	return fmt.Sprintf("cannot read %s: %v", e.name, e.err)
}

// it is Error where the file was named just before.
func (e *fileError) it() string {
	switch {
	case e.says != "":
		return "it " + e.says
	case errors.Is(e.err, fs.ErrNotExist):
		return "there is no such file"
	}
	return e.Error()
}

// readFile reads a plain file of at most so many bytes.
func readFile(path string, most int64) ([]byte, *fileError) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, newFileError(path, err)
	case info.IsDir():
		return nil, &fileError{name: path, says: "is a folder", noFile: true}
	case !info.Mode().IsRegular():
		return nil, &fileError{name: path, says: "is not a plain file", noFile: true}
	case info.Size() > most:
		return nil, &fileError{name: path, says: fmt.Sprintf("has %d bytes, and at most %d are read", info.Size(), most)}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, newFileError(path, err)
	}
	return b, nil
}

// anywhere stands in for the addresses of services while a plan is checked.
func anywhere(string) (string, bool) { return "127.0.0.1:1", true }

// checked returns a run-form string as it may look in the run; it cannot fail,
// as every service has an address here.
func checked(s string) string {
	out, err := Expand(s, anywhere)
	if err != nil {
		return s
	}
	return out
}
