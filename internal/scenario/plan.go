package scenario

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Plan is a scenario after defaults, validation and seeding. It is not changed
// once made, prints as canonical JSON, and the same file, environment and seed
// give the same bytes.
//
// Strings that name a service's address, ${NAME.addr}, stay in it as they are:
// addresses are known only once the services run. Expand puts them in.
type Plan struct {
	Schema     int           `json:"schema"`
	Name       string        `json:"name"`
	Seed       uint64        `json:"seed"`
	Services   []Service     `json:"services,omitempty"`
	Target     string        `json:"target,omitempty"`
	AllowHosts []string      `json:"allow_hosts,omitempty"`
	Attack     attack.Plan   `json:"attack"`
	Arrivals   Digest        `json:"arrivals"`
	Chaos      []chaos.Plan  `json:"chaos,omitempty"`
	Rules      []PlannedRule `json:"verdict,omitempty"`

	// Ready says when the target is ready for the load; a path is asked at the
	// target. The zero Check: when it accepts connections and keeps them.
	Ready        ready.Check   `json:"ready,omitzero"`
	ReadyTimeout time.Duration `json:"ready_timeout"`

	// Recovery is what counts as normal after faults, nil: the default; RecoveryOf after
	// those of a name that have their own.
	Recovery   *timeline.Normal           `json:"recovery,omitempty"`
	RecoveryOf map[string]timeline.Normal `json:"recovery_of,omitempty"`

	// File is the name of the scenario file, without its folder, and FileSHA256 the
	// SHA-256 of what stands in it.
	File       string `json:"-"`
	FileSHA256 string `json:"-"`

	// Dir is the folder of the scenario file, against which its paths are read.
	Dir string `json:"-"`
	// Secrets are values that must not reach any output.
	Secrets []string `json:"-"`

	redactor *secret.Redactor
}

// Digest stands for the whole schedule in a printed plan: two plans with the
// same digest send the same requests at the same offsets.
type Digest struct {
	Count  uint64 `json:"count"`  // arrivals digested: all, or the first million
	SHA256 string `json:"sha256"` // over seq, intended, stage, request and nth of each
}

// PlannedRule is a rule as it stands in the file, compiled.
type PlannedRule struct {
	KPI      string           `json:"kpi"`
	Name     string           `json:"name,omitempty"`
	Severity verdict.Severity `json:"severity"`
	Rule     *verdict.Rule    `json:"-"`
}

// Service is something that the run starts or finds; exactly one of Process,
// Container and Link is set.
type Service struct {
	Name      string     `json:"name"`
	Process   *Process   `json:"process,omitempty"`
	Container *Container `json:"container,omitempty"`
	Link      *Link      `json:"link,omitempty"`
}

// Process is a child process. Command, Env and Ready may hold ${PORT}, a free
// port that the run picks, and ${NAME.addr}.
type Process struct {
	Builtin      string            `json:"builtin,omitempty"` // a part of the built-in shop, in place of Command
	Args         []string          `json:"args,omitempty"`    // for Builtin
	Command      []string          `json:"command,omitempty"`
	Env          map[string]string `json:"env,omitempty"`
	Dir          string            `json:"dir,omitempty"`
	Ready        ready.Check       `json:"ready,omitzero"` // a path is asked at ${NAME.addr}
	ReadyTimeout time.Duration     `json:"ready_timeout"`
}

// Container is either found (ID, Name, Label or Compose) and then broken but
// never removed, or started by the run (Builtin or Image) and then removed.
type Container struct {
	ID      string   `json:"id,omitempty"`
	Name    string   `json:"name,omitempty"`
	Label   string   `json:"label,omitempty"` // key or key=value
	Compose *Compose `json:"compose,omitempty"`

	Builtin      string            `json:"builtin,omitempty"` // a part of the built-in shop, from an image made of ordeal's own binary
	Image        string            `json:"image,omitempty"`   // one that the engine has: nothing is pulled
	Args         []string          `json:"args,omitempty"`    // of Builtin, or the command of Image
	Env          map[string]string `json:"env,omitempty"`
	Port         int               `json:"port,omitempty"` // in the container; the run publishes it on a free port of 127.0.0.1, which is ${NAME.addr}
	Ready        ready.Check       `json:"ready,omitzero"` // a path is asked where Port is published
	ReadyTimeout time.Duration     `json:"ready_timeout"`  // 0: as the container's own health check says, or 30s
}

// Compose names a service of a compose project.
type Compose struct {
	Project string `json:"project"`
	Service string `json:"service"`
}

// Link is a TCP hop that the run carries and that network faults can bend.
type Link struct {
	Listen   string `json:"listen"` // 127.0.0.1:0 picks a free port, which is in ${NAME.addr}
	Upstream string `json:"upstream"`

	Ready        ready.Check   `json:"ready,omitzero"` // a path is asked through the link
	ReadyTimeout time.Duration `json:"ready_timeout"`
}
